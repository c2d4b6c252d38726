"""The printing of attributes, held to recorded answers of TORQUE."""

from __future__ import annotations

import re

import pytest

from tests.batch.builtin.recorded import recorded
from torque_mesos.batch.builtin import pbsnodes, qmgr, qstat, show


def _attributes(element: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, inner in re.findall(r"<([\w.]+)>(.*?)</\1>", element):
        parts = re.findall(r"<([\w.]+)>(.*?)</\1>", inner)
        found += [(f"{name}.{part}", value) for part, value in parts] or [(name, inner)]
    return found


def _jobs() -> dict[str, list[tuple[str, str]]]:
    _, out, _ = recorded("04-mix-qstat_-x")
    jobs = [_attributes(job) for job in re.findall(r"<Job>(.*?)</Job>", out)]
    return {dict(job)["Job_Id"]: [pair for pair in job if pair[0] != "Job_Id"] for job in jobs}


def test_full_listing_is_wrapped_as_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    _, out, _ = recorded("04-mix-qstat_-f")
    texts = dict(re.findall(r"Job Id: (\S+)\n(.*?)\n\n", out, re.S))
    jobs = _jobs()
    for job_id in ("0.head", "3.head", "5.head"):
        assert show.full(jobs[job_id]) == texts[job_id]


def test_xml_is_as_recorded() -> None:
    _, out, _ = recorded("04-mix-qstat_-x")
    theirs = re.findall(r"<Job><Job_Id>(.*?)</Job_Id>(.*?)</Job>", out)
    for job_id, inner in theirs:
        assert show.xml(_jobs()[job_id]) == inner


def test_xml_of_what_users_write() -> None:
    text = show.xml([("Job_Name", "a<b&c>"), ("Resource_List.nodes", "1"), ("comment", "")])
    assert text == (
        "<Job_Name>a&lt;b&amp;c&gt;</Job_Name><Resource_List><nodes>1</nodes></Resource_List>"
        "<comment></comment>"
    )


def test_the_server_is_wrapped_as_recorded() -> None:
    _, out, _ = recorded("04-mix-qstat_-Bf")
    long = "Transit:0 Queued:11 Held:5 Waiting:1 Running:7 Exiting:0 Complete:1 "
    assert show.full([("state_count", long)], times=False) in out


def test_qstat_lists_jobs_as_recorded() -> None:
    _, out, _ = recorded("04-mix-qstat")
    lines = out.splitlines()
    shown = {"Job_Name": "one", "Job_Owner": "batchuser@head", "queue": "batch"}
    done = {**shown, "job_state": "C", "resources_used.cput": "00:00:00"}
    assert qstat.row("0.head", done) == lines[2]


def test_qmgr_lists_a_node_as_recorded() -> None:
    _, out, _ = recorded("03-list-nodes")
    status = re.search(r"status = (.*?)\n\tmom_service", out, re.S)
    assert status is not None
    value = re.sub(r",\n\s+", ",", status[1])
    assert qmgr._listed("node", "status", value) in out


@pytest.mark.parametrize(
    ("states", "wanted", "expected"),
    [
        ("free", "", False),
        ("down,offline", "", True),
        ("offline,job-exclusive", "", True),
        ("job-exclusive", "", False),
        ("free", "free", True),
        ("down", "free", False),
        ("job-exclusive", "up", True),
        ("down", "up", False),
        ("down,offline,MOM-list-not-sent", "all", True),
    ],
)
def test_which_nodes_a_list_shows(states: str, wanted: str, expected: bool) -> None:
    assert pbsnodes.listed(states, wanted) is expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (
            "create node a,b np=2,note=ours",
            ("create", "node", ["a", "b"], [("np", "", "=", "2"), ("note", "", "=", "ours")]),
        ),
        ("s s scheduling = true", ("set", "server", [], [("scheduling", "", "=", "true")])),
        (
            "set queue batch resources_default.nodes=1",
            ("set", "queue", ["batch"], [("resources_default", "nodes", "=", "1")]),
        ),
        ("set server managers += a@b", ("set", "server", [], [("managers", "", "+=", "a@b")])),
        ("set node n1 state-=offline", ("set", "node", ["n1"], [("state", "", "-=", "offline")])),
        ('set node n1 note="a, b = c"', ("set", "node", ["n1"], [("note", "", "=", "a, b = c")])),
        (
            "unset queue batch resources_max.walltime",
            ("unset", "queue", ["batch"], [("resources_max", "walltime", "unset", "")]),
        ),
        ("list server managers", ("list", "server", [], [("managers", "", "unset", "")])),
        ("print node @default", ("print", "node", ["@default"], [])),
    ],
)
def test_commands_of_qmgr(command: str, expected: object) -> None:
    assert qmgr.parse(command) == expected


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("bogus", "qmgr: Illegal operation: bogus\nTry 'help' if you are having trouble."),
        ("create", "qmgr: No object type given"),
        ("create foo x", "qmgr: Illegal object type: foo."),
        (
            "set node n1 properties=a,b",
            "qmgr: Syntax error - cannot locate attribute\nset node n1 properties=a,b\n"
            "                          ^",
        ),
        (
            "set node n1 np",
            "qmgr: Syntax error - cannot locate attribute\nset node n1 np\n              ^",
        ),
    ],
)
def test_commands_that_cannot_be_read(command: str, text: str) -> None:
    with pytest.raises(qmgr.BadCommand) as caught:
        qmgr.parse(command)
    assert str(caught.value) == text
