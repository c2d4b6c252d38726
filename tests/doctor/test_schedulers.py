"""What the doctor says of the batch scheduler."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.doctor.healthy import MAUI, SERVER
from torque_mesos.batch.maui.program import Tables
from torque_mesos.batch.torque_settings import TorqueSettings
from torque_mesos.doctor import gather_schedulers
from torque_mesos.doctor.facts import Counts, PbsSched
from torque_mesos.doctor.finding import Level
from torque_mesos.doctor.judge import judge

F, W = Level.FAULT, Level.WARNING


def set_to(**more: str) -> dict[str, object]:
    return {"values": {**(MAUI.values or {}), **more}}


def without(name: str) -> dict[str, object]:
    return {"values": {key: value for key, value in (MAUI.values or {}).items() if key != name}}


@pytest.mark.parametrize(
    ("changed", "level", "says", "remedy"),
    [
        ({"running": False, "error": "x"}, F, "no job is started", "ask `showq`"),
        ({"error": "lost connection", "other_key": True}, F, "another key", "one build"),
        ({"error": "timeout"}, F, "does not answer: timeout", "showq"),
        ({"values": None}, W, "cannot be read", "chmod 644"),
        (set_to(DEFERTIME="01:00:00"), F, "DEFERTIME", "DEFERTIME 0"),
        (set_to(DEFERTIME="soon"), F, "DEFERTIME", "DEFERTIME 0"),
        (without("DEFERTIME"), F, "waits an hour", "DEFERTIME 0"),
        (without("JOBNODEMATCHPOLICY"), W, "two slots of one host", "EXACTNODE"),
        (without("NODEPURGETIME"), W, "is deleted", "NODEPURGETIME"),
        (without("RMPOLLINTERVAL"), W, "RMPOLLINTERVAL", "00:00:05"),
        (set_to(RMPOLLINTERVAL="10:00"), W, "RMPOLLINTERVAL", "00:00:05"),
        ({"deferred": ("7", "8[1]")}, W, "2 jobs are deferred", "releasehold -a 7"),
        ({"tables": Tables(100, 4096, 1024, 128)}, F, "100 nodes; as it was compiled", "MAX_MNODE"),
        ({"tables": Tables(110, 4096, 1024, 128)}, W, "room for 110", "MAX_MNODE"),
    ],
)
def test_what_is_wrong_with_maui_and_what_to_do(changed, level, says, remedy):
    findings = judge(replace(SERVER, maui=replace(MAUI, **changed)))
    (bad,) = [item for item in findings if item.level is not Level.OK]
    assert (bad.check, bad.level) == ("maui", level)
    assert says in bad.says
    assert remedy in bad.remedy


def test_a_table_that_was_compiled_larger_is_large_enough():
    counts = Counts(nodes=6000, jobs=1, queues=1, properties=1)
    facts = replace(SERVER, counts=counts)
    large = replace(MAUI, tables=Tables(10240, 4096, 1024, 128))
    assert {item.level for item in judge(replace(facts, maui=large))} == {Level.OK}
    usual = replace(MAUI, tables=None)
    assert Level.FAULT in {item.level for item in judge(replace(facts, maui=usual))}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (None, "cannot be read"),
        ({"fair_share": "true"}, "fair_share is on"),
        ({"round_robin": "True"}, "round_robin is on"),
    ],
)
def test_an_order_of_pbs_sched_that_is_not_followed_is_told(values, said):
    facts = replace(SERVER, maui=None, pbs_sched=PbsSched("/s/sched_config", values))
    (bad,) = [item for item in judge(facts) if item.level is not Level.OK]
    assert bad.level is Level.WARNING
    assert said in bad.says


def test_maui_is_asked_where_it_schedules_and_pbs_sched_elsewhere(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("torque_mesos.batch.processes.find", lambda name, home: None)
    (tmp_path / "maui.cfg").write_text("DEFERTIME 0\n")
    showq = tmp_path / "maui" / "bin" / "showq"
    showq.parent.mkdir(parents=True)
    showq.write_text('#!/bin/sh\necho "ERROR:    lost connection to server" >&2\nexit 1\n')
    showq.chmod(0o755)
    batch = TorqueSettings(
        home=tmp_path,
        scheduler="maui",
        maui_config=tmp_path / "maui.cfg",
        maui_dir=tmp_path / "maui",
    )
    found = gather_schedulers.maui(batch)
    assert found is not None
    assert found.other_key
    assert not found.running
    assert found.values == {"DEFERTIME": "0"}
    assert gather_schedulers.pbs_sched(batch) is None
    (tmp_path / "sched_priv").mkdir()
    (tmp_path / "sched_priv" / "sched_config").write_text("fair_share: false ALL\n")
    usual = TorqueSettings(home=tmp_path)
    assert gather_schedulers.maui(usual) is None
    told = gather_schedulers.pbs_sched(usual)
    assert told is not None
    assert told.values == {"fair_share": "false"}
