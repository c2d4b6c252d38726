"""What is set can be taken back, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.batch.setup.desk import FakeDesk
from torque_mesos.batch.base import Refused
from torque_mesos.batch.setup import deed
from torque_mesos.batch.setup.deed import Fate
from torque_mesos.batch.setup.record import NAME, RecordError, SetupRecord
from torque_mesos.batch.setup.wish import Needs, Rule, Thing, Wish

NEEDS = Needs()
RATE = Wish("server", "node_check_rate", "30", "why", Rule.AT_MOST)
NODECT = Wish("queue long", "nodect", "100", "why", Rule.AT_LEAST, vital=True)
LONG = Thing("queue long", "queue_type=execution", "why", vital=True)
RECORD = Thing("node localhost", "np=100", "why")
ALL = (LONG, RATE, NODECT, RECORD)


@pytest.fixture
def record(tmp_path: Path) -> SetupRecord:
    return SetupRecord(tmp_path)


def applied(desk: FakeDesk, record: SetupRecord) -> deed.Outcome:
    wanted, _ = deed.plan(desk, NEEDS)
    return deed.apply(desk, wanted, record, clock=lambda: 5.0)


def fates(desk: FakeDesk, record: SetupRecord) -> dict[str, Fate]:
    undone = deed.undo(desk, record)
    return {f"{item.change.target} {item.change.attribute}".strip(): item.fate for item in undone}


def test_all_is_done_once_and_taken_back_exactly(record: SetupRecord, tmp_path: Path) -> None:
    desk = FakeDesk(ALL)
    before = (dict(desk.server), dict(desk.queues), dict(desk.nodes))
    assert len(applied(desk, record).done) == 4
    assert desk.server["node_check_rate"] == "30"
    assert applied(desk, record).done == ()
    desk.queues["long"]["mtime"] = "2"  # the server's own, and nobody's change
    assert set(fates(desk, SetupRecord(tmp_path)).values()) == {Fate.RESTORED}
    assert (desk.server, desk.queues, desk.nodes) == before
    assert not (tmp_path / NAME).exists()
    assert fates(desk, record) == {}


def test_what_somebody_changed_since_is_left_alone(record: SetupRecord) -> None:
    desk = FakeDesk(ALL)
    applied(desk, record)
    desk.server["node_check_rate"] = "45"
    desk.queues["long"]["max_running"] = "3"
    desk.nodes["localhost"] = "theirs"
    found = fates(desk, record)
    changed = {name for name, fate in found.items() if fate is Fate.CHANGED_SINCE}
    assert changed == {"server node_check_rate", "queue long", "node localhost"}
    assert desk.server["node_check_rate"] == "45"
    assert "long" in desk.queues
    assert record.entries() == ()


def test_the_value_of_an_administrator_in_between_is_the_old_one(record: SetupRecord) -> None:
    desk = FakeDesk([RATE])
    applied(desk, record)
    desk.server["node_check_rate"] = "90"
    applied(desk, record)
    assert desk.server["node_check_rate"] == "30"
    deed.undo(desk, record)
    assert desk.server["node_check_rate"] == "90"


def test_a_second_change_of_ours_keeps_the_first_old_value(record: SetupRecord) -> None:
    desk = FakeDesk([RATE])
    applied(desk, record)
    wanted, _ = deed.plan(FakeDesk(), NEEDS)
    assert wanted == []
    desk._wishes = [Wish("server", "node_check_rate", "20", "why", Rule.AT_MOST)]
    applied(desk, record)
    assert desk.server["node_check_rate"] == "20"
    deed.undo(desk, record)
    assert desk.server["node_check_rate"] == "150"


def test_what_keeps_waiting_jobs_stays_until_none_waits(record: SetupRecord) -> None:
    desk = FakeDesk(ALL)
    applied(desk, record)
    desk.waiting = 2
    assert fates(desk, record)["node localhost"] is Fate.KEPT
    assert "localhost" in desk.nodes
    desk.waiting = 0
    assert fates(desk, record) == {"node localhost": Fate.RESTORED}
    assert desk.nodes == {}


def test_a_refusal_stops_nothing_else_and_is_not_noted(record: SetupRecord) -> None:
    desk = FakeDesk(ALL)
    desk.refuses = {"set server node_check_rate=30"}
    outcome = applied(desk, record)
    assert len(outcome.done) == 3
    ((change, text),) = outcome.refused
    assert change.attribute == "node_check_rate"
    assert "Unauthorized" in text
    assert "server" not in {entry.change.target for entry in record.entries()}


def test_what_cannot_be_taken_back_is_told_and_stays_noted(record: SetupRecord) -> None:
    desk = FakeDesk([LONG])
    applied(desk, record)
    desk.refuses = {"undo queue long"}
    assert fates(desk, record) == {"queue long": Fate.FAILED}
    desk.refuses.clear()
    assert fates(desk, record) == {"queue long": Fate.RESTORED}


def test_a_start_does_what_is_vital_only_and_notes_it(record: SetupRecord) -> None:
    desk = FakeDesk(ALL)
    deed.prepare(desk, NEEDS, record)
    assert desk.done == ["create queue long queue_type=execution", "set queue long nodect=100"]
    assert len(record.entries()) == 2
    desk.refuses = {"set queue long nodect=100"}
    desk.queues["long"].clear()
    with pytest.raises(Refused, match="Unauthorized"):
        deed.prepare(desk, NEEDS, record)


@pytest.mark.parametrize("changed", [True, False])
def test_a_deed_that_was_interrupted_can_be_taken_back(record: SetupRecord, changed: bool) -> None:
    """Killed between the note and the deed, or between the deed and the second note."""
    desk = FakeDesk([RATE])
    (change,), _ = deed.plan(desk, NEEDS)
    record.intend(change, 5.0)
    if changed:
        desk.do(change)
    assert fates(desk, record) == {"server node_check_rate": Fate.RESTORED}
    assert desk.server["node_check_rate"] == "150"


def test_nothing_is_changed_that_cannot_be_noted(tmp_path: Path) -> None:
    desk = FakeDesk([RATE])
    (tmp_path / NAME).mkdir()
    with pytest.raises(OSError, match=NAME):
        applied(desk, SetupRecord(tmp_path))
    assert desk.done == []


@pytest.mark.parametrize("text", ["", "[]", '{"version": 2, "changes": []}', '{"version": 1}'])
def test_a_record_that_cannot_be_read_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    with pytest.raises(RecordError, match=NAME):
        SetupRecord(tmp_path).entries()


def test_the_record_tells_what_was_and_why(record: SetupRecord, tmp_path: Path) -> None:
    applied(FakeDesk([RATE]), record)
    (item,) = json.loads((tmp_path / NAME).read_text())["changes"]
    assert item["change"]["old"] == "150"
    assert item["change"]["reason"] == "why"
    assert (item["shown"], item["at"]) == ("30", 5.0)
