from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.decide import POLICY, cluster
from torque_mesos.decide import Policy, Snapshot, decide
from torque_mesos.decide.plan import Failures
from torque_mesos.framework.codec import CodecError, plain, read
from torque_mesos.framework.journal import NAME, SNAPSHOTS, Journals, read_line
from torque_mesos.framework.published import Published
from torque_mesos.model import frozen_map


def full_snapshot() -> Snapshot:
    """One with everything in it."""
    snapshot = cluster(60, 12)
    memory = replace(
        decide(snapshot, POLICY).memory, failures=frozen_map({"agent-1": Failures(2, 17.5)})
    )
    return replace(snapshot, memory=memory)


def published(snapshot: Snapshot) -> Published:
    return Published(
        at_s=snapshot.now_s,
        wall_s=1_700_000_000.5,
        snapshot=snapshot,
        plan=decide(snapshot, POLICY),
        framework_id="f",
        master="m:5050",
        connected=True,
        server_error=None,
        action_errors=("Launch: no",),
        turns=7,
        turn_errors=0,
        last_turn_error=None,
        turn_s=0.01,
    )


def test_a_snapshot_and_a_policy_come_back_as_they_were() -> None:
    snapshot = full_snapshot()
    assert read(Snapshot, json.loads(json.dumps(plain(snapshot)))) == snapshot
    assert read(Policy, json.loads(json.dumps(plain(POLICY)))) == POLICY
    empty = Snapshot(5.0, None, False, False)
    assert read(Snapshot, json.loads(json.dumps(plain(empty)))) == empty


def test_fields_of_other_versions() -> None:
    values = plain(Policy(grace_s=7.0))
    assert read(Policy, {**values, "a_new_field": 3}) == Policy(grace_s=7.0)
    assert read(Policy, {}) == Policy()


@pytest.mark.parametrize(
    ("field", "value"),
    [("grace_s", "soon"), ("park", 1), ("floor_slots", True), ("slot", []), ("queues", 5)],
)
def test_what_is_of_another_kind_is_named(field: str, value: object) -> None:
    with pytest.raises(CodecError, match=f"Policy.{field}"):
        read(Policy, {field: value})


def test_snapshots_are_written_where_they_are_asked_for(tmp_path: Path) -> None:
    told = published(full_snapshot())
    for wanted in (False, True):
        journals = Journals(tmp_path, snapshots=wanted)
        journals.write(told, POLICY)
        journals.close()
        assert (tmp_path / SNAPSHOTS).exists() is wanted
    plans = [json.loads(line) for line in (tmp_path / NAME).read_text().splitlines()]
    assert len(plans) == 2
    assert plans[0]["errors"] == ["Launch: no"]
    (line,) = (tmp_path / SNAPSHOTS).read_text().splitlines()
    written = read_line(line)
    assert written.snapshot == told.snapshot
    assert written.policy == POLICY
    assert written.turn == 7
    assert list(written.actions) == plans[0]["actions"]
    assert len(line) < 40_000


def test_a_journal_that_cannot_be_written_loses_lines_and_says_so(tmp_path: Path) -> None:
    (tmp_path / SNAPSHOTS).mkdir()
    journals = Journals(tmp_path, snapshots=True)
    journals.write(published(full_snapshot()), POLICY)
    assert journals.lost == 1


@pytest.mark.parametrize("text", ["", "{}", '{"snapshot": "x"}', "[1]", '{"snapshot": 5}'])
def test_a_line_that_is_none(text: str) -> None:
    with pytest.raises(CodecError, match="is no line of a journal"):
        read_line(text)
