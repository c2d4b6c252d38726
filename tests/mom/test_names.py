"""What an executor does with the names that it is told."""

from __future__ import annotations

import os
from pathlib import Path
from queue import SimpleQueue

import pytest

from tests.mom.conftest import HOST, Make
from tests.mom.scheduler import Scheduler
from tests.waiting import wait_for
from torque_mesos.mom.driver import AgentLink, Launch, Message, Told
from torque_mesos.mom.hosts_file import NamesError
from torque_mesos.mom.names import KnownNames, decode_names, encode_names
from torque_mesos.mom.settings import MomSettings

NAMES = {"10.0.0.11": ("n1", "ip-10-0-0-11"), "10.0.0.1": ("head",)}
MORE = NAMES | {"10.0.0.12": ("n2",)}


def test_names_travel() -> None:
    assert decode_names(encode_names(NAMES)) == NAMES
    assert encode_names(NAMES) == encode_names(dict(reversed(NAMES.items())))


@pytest.mark.parametrize(
    "data", ["", "!", "e30=", "eyJuYW1lcyI6IDF9", "eyJuYW1lcyI6IHsiMTAuMC4wLjEiOiBbMV19fQ=="]
)
def test_what_are_no_names(data: str) -> None:
    with pytest.raises(NamesError, match="not names"):
        decode_names(data)


def test_they_are_known_until_the_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "hosts"
    file.write_text("127.0.0.1 localhost\n")
    settings = MomSettings(server_host="head", node="n1", names_file=str(file))
    known = KnownNames()
    known.forget()
    known.told(settings, "")
    known.told(None, encode_names(NAMES))
    assert file.read_text() == "127.0.0.1 localhost\n"
    known.told(settings, encode_names(NAMES))
    assert "10.0.0.11 n1 ip-10-0-0-11\n" in file.read_text()
    known.told(settings, "nonsense")
    assert "not names" in caplog.text
    assert "10.0.0.1 head\n" in file.read_text()
    known.forget()
    assert file.read_text() == "127.0.0.1 localhost\n"
    file.unlink()
    known.told(settings, encode_names(NAMES))
    assert "cannot be changed" in caplog.text


def test_what_the_agent_says_of_names(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MESOS_AGENT_ENDPOINT", "MESOS_FRAMEWORK_ID", "MESOS_EXECUTOR_ID"):
        monkeypatch.setenv(name, "127.0.0.1:1")
    monkeypatch.setenv("MESOS_DIRECTORY", "/")
    inbox: SimpleQueue[Message] = SimpleQueue()
    link = AgentLink(inbox, os.environ)
    link.on_event({"type": "MESSAGE", "message": {"data": "aGk="}})
    link.on_event({"type": "LAUNCH", "launch": {"task": {"task_id": {"value": "t"}, "data": "x"}}})
    link.on_event({"type": "LAUNCH", "launch": {"task": {"task_id": {"value": "u"}}}})
    link.on_event({"type": "MESSAGE"})  # is logged
    told = [inbox.get_nowait() for _ in range(inbox.qsize())]
    assert told == [Told("aGk="), Launch("t", "x"), Launch("u")]


@pytest.mark.system
def test_names_on_a_real_agent(tmp_path: Path, scheduler: Scheduler, make: Make) -> None:
    """They come with the task before the mom starts, change by a message, and go at the end."""
    tmp_path.chmod(0o755)
    file = tmp_path / "hosts"
    file.write_text("127.0.0.1 localhost\n")
    info = make(names_file=str(file), names_mark="t executor")
    scheduler.launch(HOST, ["one"], info, data=encode_names(NAMES))
    agent_id = scheduler.wait("one", "TASK_RUNNING")["agent_id"]
    assert "10.0.0.11 n1 ip-10-0-0-11\n" in file.read_text()
    message = {"agent_id": agent_id, "executor_id": info["executor_id"], "data": encode_names(MORE)}
    scheduler.call("MESSAGE", message=message)
    wait_for(lambda: "10.0.0.12 n2\n" in file.read_text(), 60, "the message came")
    scheduler.kill("one")
    scheduler.wait("one", "TASK_KILLED")
    assert file.read_text() == "127.0.0.1 localhost\n"
