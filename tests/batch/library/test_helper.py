"""What the helper does with a library that refuses, breaks or tells nothing."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence

import pytest

from torque_mesos.batch.library.binding import (
    NO_ATTRIBUTE,
    CallFailed,
    Dropped,
    Kind,
    Setting,
    Values,
)
from torque_mesos.batch.library.helper import Desk, Pass, serve

JOB: Values = {"Job_Name": "x", "Job_Owner": "a@b", "job_state": "Q", "queue": "q"}
JOBS = ["qstat", "-x", "-t"]
Told = list[tuple[str, Values]]


class FakeLibrary:
    """Tells what it is given, in turn; an exception is raised."""

    def __init__(self, *told: Told | Exception) -> None:
        self.told = list(told)
        self.asked: list[tuple[str, Sequence[str] | None, str]] = []
        self.changed: list[tuple[str, str]] = []
        self.closed = 0

    def listed(self, what: str, name: str, only: Sequence[str] | None, extend: str) -> Told:
        self.asked.append((what + name, only, extend))
        answer = self.told.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def change(self, command: str, what: str, name: str, settings: Sequence[Setting]) -> None:
        answer = self.told.pop(0) if self.told else []
        if isinstance(answer, Exception):
            raise answer
        self.changed.append((command, name))

    def close(self) -> None:
        self.closed += 1


def desk(library: FakeLibrary, kind: Kind = "torque") -> Desk:
    return Desk(library, kind)  # type: ignore[arg-type]


def server(jobs: str) -> Told:
    return [("head", {"total_jobs": jobs})]


def test_only_what_is_needed_is_asked_for() -> None:
    library = FakeLibrary([("1.head", JOB)])
    code, text, said = desk(library).answer(JOBS)
    assert (code, said) == (0, "")
    assert "<Job_Id>1.head</Job_Id>" in text
    ((_, only, _),) = library.asked
    assert only is not None
    assert "Variable_List" not in only


def test_a_release_that_does_not_know_an_attribute_is_asked_for_all() -> None:
    library = FakeLibrary(CallFailed(NO_ATTRIBUTE, "x"), [("1.head", JOB)], [("1.head", JOB)])
    served = desk(library)
    served.answer(JOBS)
    served.answer(JOBS)
    assert [only is None for _, only, _ in library.asked] == [False, True, True]


def test_sub_jobs_of_openpbs_are_asked_for() -> None:
    library = FakeLibrary([("1.head", JOB)])
    desk(library, "openpbs").answer(["qstat", "-t", "-f", "-F", "json"])
    assert library.asked[0][2] == "t"


def test_a_broken_connection_is_made_anew_once() -> None:
    library = FakeLibrary(Dropped("gone"), [("1.head", JOB)])
    assert "1.head" in desk(library).answer(JOBS)[1]
    with pytest.raises(Pass, match="gone"):
        desk(FakeLibrary(Dropped("gone"), Dropped("gone"))).answer(JOBS)


def test_an_empty_list_is_believed_only_of_a_server_that_counts_no_jobs() -> None:
    assert desk(FakeLibrary([], server("0"))).answer(JOBS)[1] == "<Data></Data>\n"
    library = FakeLibrary([], server("3"), [("1.head", JOB)])
    assert "1.head" in desk(library).answer(JOBS)[1]
    assert library.closed == 1
    with pytest.raises(Pass, match="empty"):
        desk(FakeLibrary([], server("3"), [], server("3"))).answer(JOBS)
    with pytest.raises(Pass, match="empty"):
        desk(FakeLibrary([], [])).answer(["pbsnodes", "-x"])


def test_errors_are_told_as_the_commands_tell_them() -> None:
    empty = CallFailed(15064, "Server has no node list MSG=node list is empty")
    assert desk(FakeLibrary(empty)).answer(["pbsnodes", "-x"]) == (
        1,
        "",
        "pbsnodes: Server has no node list MSG=node list is empty\n",
    )
    exists = CallFailed(15066, "Node name already exists")
    words = ["qmgr", "-c", "create node a,b np=1"]
    told = desk(FakeLibrary(exists, []), "openpbs").answer(words)
    assert told == (15066 & 0xFF, "", "qmgr obj=a svr=default: Node name already exists\n")
    assert desk(FakeLibrary([], exists)).answer(words)[0] == 2
    marked = desk(FakeLibrary(CallFailed(15062, "Unknown node"), [])).answer(
        ["pbsnodes", "-o", "n1", "n2"]
    )
    assert marked == (0, "", "Error marking node n1 - Unknown node\n")


def test_a_list_of_names_is_worked_off_whatever_fails() -> None:
    library = FakeLibrary(CallFailed(15062, "Unknown node"))
    desk(library, "openpbs").answer(["qmgr", "-c", "set node a,b,c state+=offline"])
    assert library.changed == [("set", "b"), ("set", "c")]


def test_a_change_on_a_broken_connection_is_made_again() -> None:
    library = FakeLibrary(Dropped("gone"))
    assert desk(library).answer(["qmgr", "-c", "set node a np=2"])[0] == 0
    assert library.changed == [("set", "a")]


def served(answer: Callable[[list[str]], tuple[int, str, str]]) -> bytes:
    class Asked:
        def answer(self, argv: list[str]) -> tuple[int, str, str]:
            return answer(argv)

    request = json.dumps({"argv": JOBS, "timeout_s": 30.0}).encode() + b"\n"
    answers = io.BytesIO()
    serve(Asked(), io.BytesIO(request), answers)  # type: ignore[arg-type]
    return answers.getvalue()


def test_an_answer_has_a_head_and_bytes() -> None:
    head, _, body = served(lambda _: (3, "ä\n", "x")).partition(b"\n")
    assert json.loads(head) == {"exit_code": 3, "stdout": 3, "stderr": 1}
    assert body == "ä\nx".encode()


def test_what_is_not_done_here_is_passed_on() -> None:
    def refuse(_: list[str]) -> tuple[int, str, str]:
        raise Pass("no connection")

    assert json.loads(served(refuse)) == {"pass": "no connection"}
