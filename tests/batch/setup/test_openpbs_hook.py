"""The hook that wakes us is made, renewed and taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.batch.recorded import FakeRunner, recorded
from torque_mesos.batch.base import Refused
from torque_mesos.batch.commands import Answer
from torque_mesos.batch.openpbs_settings import OpenPbsSettings
from torque_mesos.batch.setup import deed
from torque_mesos.batch.setup.openpbs_desk import OpenPbsDesk
from torque_mesos.batch.setup.record import SetupRecord
from torque_mesos.batch.setup.wish import Needs
from torque_mesos.batch.wake_hook import TARGET, body

CONTENT = "application/x-python default"
MISSING = "qmgr obj=torque_mesos_wake svr=default: hook not found"
BARRED = (
    "qmgr obj=torque_mesos_wake svr=default:"
    " a@head is unauthorized to access hooks data from server head"
)
MADE = f'create {TARGET} event="postqueuejob,jobobit,modifyvnode",alarm=2,order=1000'


class Hooks(FakeRunner):
    """The server's hooks, as far as qmgr shows them."""

    text: str | None = None
    refuses_import = False

    def run(self, argv, *, timeout_s):  # type: ignore[no-untyped-def]
        answer = super().run(argv, timeout_s=timeout_s)
        command = argv[-1]
        if answer.exit_code != 0 or not command.partition(" ")[2].startswith(TARGET):
            return answer
        if command.startswith("create"):
            self.text = ""
        elif self.text is None:
            return Answer(tuple(argv), 1, "", MISSING)
        elif command.startswith("delete"):
            self.text = None
        elif command.startswith("import"):
            if self.refuses_import:
                return Answer(tuple(argv), 32, "", "no")
            self.text = Path(command.rpartition(" ")[2]).read_text()
        elif command.startswith("export"):
            return Answer(tuple(argv), 0, self.text + "\n", "")
        return answer


@pytest.fixture
def hooks() -> Hooks:
    fake = Hooks()
    fake.answer("qstat", "-Q", "-f", by=recorded("qstat-queues", "openpbs"))
    fake.answer("qstat", "-B", "-f", by=recorded("qstat-server", "openpbs"))
    fake.answer("qmgr", "-c", "list resource", by=recorded("list-resource", "openpbs"))
    return fake


def desk_of(hooks: Hooks, home: Path, name: str = "wake.sock") -> OpenPbsDesk:
    settings = OpenPbsSettings(home=home, wake_socket=home / name)
    return OpenPbsDesk(settings, hooks)


def applied(desk: OpenPbsDesk, record: SetupRecord) -> list[str]:
    wanted, _ = deed.plan(desk, Needs())
    only = [change for change in wanted if change.target == TARGET]
    outcome = deed.apply(desk, only, record, clock=lambda: 5.0)
    return [change.target for change in outcome.done]


def test_it_is_made_once_and_taken_back(hooks: Hooks, tmp_path: Path) -> None:
    desk, record = desk_of(hooks, tmp_path), SetupRecord(tmp_path)
    assert applied(desk, record) == [TARGET]
    assert ("qmgr", "-c", MADE) in hooks.asked
    assert hooks.text == body(tmp_path / "wake.sock")
    assert applied(desk, record) == []
    (undone,) = deed.undo(desk, record)
    assert undone.fate is deed.Fate.RESTORED
    assert hooks.text is None
    assert record.entries() == ()


def test_one_with_another_socket_is_renewed(hooks: Hooks, tmp_path: Path) -> None:
    record = SetupRecord(tmp_path)
    applied(desk_of(hooks, tmp_path, "old.sock"), record)
    assert applied(desk_of(hooks, tmp_path), record) == [TARGET]
    assert hooks.text == body(tmp_path / "wake.sock")
    assert [c[2] for c in hooks.asked].count(MADE) == 1
    deed.undo(desk_of(hooks, tmp_path), record)
    assert hooks.text is None


def test_one_that_somebody_changed_since_is_left_alone(hooks: Hooks, tmp_path: Path) -> None:
    desk, record = desk_of(hooks, tmp_path), SetupRecord(tmp_path)
    applied(desk, record)
    hooks.text = "print('mine')"
    (undone,) = deed.undo(desk, record)
    assert undone.fate is deed.Fate.CHANGED_SINCE
    assert hooks.text == "print('mine')"


def test_no_hook_without_its_text_is_left(hooks: Hooks, tmp_path: Path) -> None:
    desk, record = desk_of(hooks, tmp_path), SetupRecord(tmp_path)
    hooks.refuses_import = True
    assert applied(desk, record) == []
    assert hooks.text is None
    assert record.entries() == ()


def test_who_may_not_see_hooks_is_told(hooks: Hooks, tmp_path: Path) -> None:
    hooks.text = ""
    hooks.run = lambda argv, timeout_s: (  # type: ignore[method-assign]
        Answer(tuple(argv), 1, "", BARRED)
        if TARGET in argv[-1]
        else FakeRunner.run(hooks, argv, timeout_s=timeout_s)
    )
    wanted, remarks = deed.plan(desk_of(hooks, tmp_path), Needs())
    assert TARGET not in {change.target for change in wanted}
    assert any("only root on the server's host" in remark for remark in remarks)


def test_a_server_that_says_something_else_is_refused(hooks: Hooks, tmp_path: Path) -> None:
    hooks.answer("qmgr", "-c", f"list {TARGET}", by=Answer(("x",), 9, "", "what"))
    hooks.text = ""
    with pytest.raises(Refused, match="what"):
        desk_of(hooks, tmp_path).present(whole=True)
