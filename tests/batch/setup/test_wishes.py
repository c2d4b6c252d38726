"""What is wished for of each server, and when a wish is fulfilled."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.batch.recorded import FakeRunner, recorded
from torque_mesos.batch.base import Refused, UnreadableAnswer
from torque_mesos.batch.commands import Answer
from torque_mesos.batch.openpbs_sched import looked_at, replace_line
from torque_mesos.batch.openpbs_settings import OpenPbsSettings
from torque_mesos.batch.setup import openpbs, torque
from torque_mesos.batch.setup.openpbs_desk import OpenPbsDesk
from torque_mesos.batch.setup.torque_desk import TorqueDesk
from torque_mesos.batch.setup.wish import Change, Needs, Present, Rule, Thing, Wish, changes
from torque_mesos.batch.torque_settings import TorqueSettings

BATCH = {"batch": {"queue_type": "Execution"}}
POOL = {"gpuq": ("gpunode",)}


def wanted(needs: Needs, server: Mapping[str, str], **more: object) -> dict[str, str]:
    present = Present(server, BATCH, **more)  # type: ignore[arg-type]
    found = changes(torque.wishes(needs, present), present)
    return {f"{change.target} {change.attribute}".strip(): change.new for change in found}


@pytest.mark.parametrize(
    ("rule", "now", "right"),
    [
        (Rule.EXACTLY, "True", True),
        (Rule.EXACTLY, "30", False),
        (Rule.AT_LEAST, "31", True),
        (Rule.AT_LEAST, "29", False),
        (Rule.AT_MOST, "29", True),
        (Rule.AT_MOST, "31", False),
        (Rule.AT_MOST, "0", False),
        (Rule.AT_MOST, "-5", False),
        (Rule.AT_MOST, "many", False),
        (Rule.AT_MOST, None, False),
    ],
)
def test_when_a_wish_is_fulfilled(rule: Rule, now: str | None, right: bool) -> None:
    value = "True" if rule is Rule.EXACTLY else "30"
    present = Present({} if now is None else {"x": now}, {})
    assert (changes([Wish("server", "x", value, "why", rule)], present) == []) is right


def test_a_bare_torque() -> None:
    found = wanted(Needs(queues=("batch",), slots=100), {})
    assert found == {
        "server scheduling": "True",
        "server down_on_error": "True",
        "server scheduler_iteration": "60",
        "server keep_completed": "60",
        "server node_check_rate": "30",
        "server resources_available.nodect": "100",
        "queue batch resources_available.nodect": "100",
    }


def test_every_wish_has_a_reason() -> None:
    needs = Needs(queue_properties=POOL, properties=("mesos",), create_queues=True)
    present = Present({}, BATCH)
    for wish in (*torque.wishes(needs, present), *openpbs.wishes(needs, present, 60)):
        assert len(wish.reason) > 20, wish


def test_lost_nodes_are_not_looked_for_more_often_than_others_moms_report() -> None:
    needs = Needs(slots=1)
    assert "server node_check_rate" not in wanted(needs, {}, others_nodes=("static1",))
    (remark,) = torque.remarks(needs, Present({}, BATCH, others_nodes=("static1",)))
    assert "static1" in remark


@pytest.mark.parametrize(("dead_after_s", "rate"), [(10.0, "15"), (60.0, "30"), (900.0, None)])
def test_how_often_lost_nodes_are_looked_for(dead_after_s: float, rate: str | None) -> None:
    found = wanted(Needs(dead_after_s=dead_after_s), {"node_check_rate": "150"})
    assert found.get("server node_check_rate") == rate


def test_a_pools_queue_is_tied_as_its_scheduler_can() -> None:
    present = Present({}, {"gpuq": {"queue_type": "Execution", "resources_default.nodes": "1"}})
    for pbs_sched, name, value in (
        (True, "resources_default.nodes", "1:gpunode"),
        (False, "resources_default.neednodes", "gpunode"),
    ):
        needs = Needs(queues=("gpuq",), queue_properties=POOL, pbs_sched=pbs_sched)
        own = [c for c in changes(torque.wishes(needs, present), present) if c.new == value]
        assert [change.attribute for change in own] == [name]
    own_default = Present({}, {"gpuq": {"resources_default.nodes": "2:ppn=8"}})
    needs = Needs(queues=("gpuq",), queue_properties=POOL)
    assert not any(
        "gpunode" in c.new for c in changes(torque.wishes(needs, own_default), own_default)
    )
    assert any("gpunode" in remark for remark in torque.remarks(needs, own_default))


def test_what_a_new_queue_begins_with_is_its_old_value() -> None:
    needs = Needs(queues=("gpuq",), queue_properties=POOL, create_queues=True)
    present = Present({}, {})
    found = changes(torque.wishes(needs, present), present)
    assert found[0].command().startswith("create queue gpuq queue_type=execution,")
    (default,) = [change for change in found if change.attribute == "resources_default.nodes"]
    assert default.old == "1"


def test_a_missing_queue_that_may_not_be_made() -> None:
    for wishes in (torque.wishes, lambda needs, present: openpbs.wishes(needs, present, 60)):
        with pytest.raises(Refused, match="no queue long"):
            wishes(Needs(queues=("long",)), Present({}, BATCH))


@pytest.mark.parametrize(
    ("note", "properties", "then"),
    [
        ("torque-mesos:capacity", "mesos", "gpunode,mesos"),
        ("torque-mesos:capacity", "gpunode,mesos,more", None),
        ("torque-mesos:capacity", None, "gpunode,mesos"),
        ("theirs", "mesos", None),
    ],
)
def test_the_capacity_record_has_the_properties_of_pools(
    note: str, properties: str | None, then: str | None
) -> None:
    thing = Thing("node localhost", "np=1", "why")
    needs = Needs(capacity=thing, properties=("mesos", "gpunode"))
    own = {} if properties is None else {"localhost": properties}
    found = wanted(needs, {}, nodes={"localhost": note}, node_properties=own)
    assert found.get("node localhost properties") == then
    assert "node localhost" not in found


def test_a_value_that_qmgr_cannot_be_given() -> None:
    assert Change("set", "server", "x", None, "a b", "").command() == 'set server x="a b"'
    with pytest.raises(Refused, match="qmgr cannot"):
        Change("set", "server", "x", None, 'a"b', "").command()


class TestTorqueDesk:
    @pytest.fixture
    def runner(self) -> FakeRunner:
        fake = FakeRunner()
        fake.answer("pbsnodes", "-x", by=recorded("pbsnodes-x-mix"))
        fake.answer("qstat", "-Q", "-f", by=recorded("qstat-queues"))
        fake.answer("qstat", "-B", "-f", by=recorded("qstat-server"))
        fake.answer("qselect", by=Answer(("x",), 0, "1.head\n2.head\n", ""))
        return fake

    def test_what_is_there(self, runner: FakeRunner) -> None:
        present = TorqueDesk(TorqueSettings(), runner).present(whole=True)
        assert present.attribute("server", "node_check_rate") == "150"
        assert present.attribute("queue batch", "queue_type") == "Execution"
        assert len(present.others_nodes) == 6
        assert present.waiting == 2
        assert "mtime" not in str(present.shown("make", "queue batch", ""))

    def test_what_torque_cannot_unset_gets_the_value_that_holds_without_it(
        self, runner: FakeRunner
    ) -> None:
        desk = TorqueDesk(TorqueSettings(), runner)
        said = desk.undo(Change("set", "server", "scheduler_iteration", None, "60", ""))
        assert "600" in said
        desk.undo(Change("set", "server", "keep_completed", None, "60", ""))
        desk.undo(Change("set", "server", "keep_completed", "300", "60", ""))
        desk.undo(Change("make", "node localhost", "", None, "np=1", ""))
        assert [command[2] for command in runner.changes()] == [
            "set server scheduler_iteration=600",
            "unset server keep_completed",
            "set server keep_completed=300",
            "delete node localhost",
        ]


class TestOpenPbs:
    SCHED = '# a\n\tresources: "ncpus, mem, host, vnode"\t# looked at\nby_queue: true\n'
    RESOURCES = "Resource pool\n    type = string\n    flag = h\n"

    @pytest.fixture
    def home(self, tmp_path: Path) -> Path:
        (tmp_path / "sched_priv").mkdir()
        (tmp_path / "sched_priv" / "sched_config").write_text(self.SCHED)
        return tmp_path

    @pytest.fixture
    def desk(self, home: Path) -> OpenPbsDesk:
        fake = FakeRunner()
        fake.answer("qstat", "-Q", "-f", by=recorded("qstat-queues", "openpbs"))
        fake.answer("qstat", "-B", "-f", by=recorded("qstat-server", "openpbs"))
        fake.answer("qmgr", "-c", "list resource", by=Answer(("x",), 0, self.RESOURCES, ""))
        return OpenPbsDesk(OpenPbsSettings(home=home), fake)

    def test_what_is_wished_for(self, desk: OpenPbsDesk) -> None:
        present = desk.present(whole=True)
        needs = Needs(properties=("mesos",), queue_properties={"workq": ("gpunode",)})
        found = changes(desk.wishes(needs, present), present)
        told = {f"{change.target} {change.attribute}".strip(): change.new for change in found}
        line = told.pop(next(name for name in told if name.endswith(" resources")))
        assert line == 'resources: "ncpus, mem, host, vnode, pool"'
        assert told == {
            "server scheduler_iteration": "60",
            "server job_history_enable": "True",
            "server node_fail_requeue": "60",
            "resource torque_mesos": "type=string",
            "resource mesos": "type=boolean,flag=h",
            "queue workq default_chunk.gpunode": "True",
        }

    def test_the_schedulers_line_there_and_back(self, desk: OpenPbsDesk, home: Path) -> None:
        path = home / "sched_priv" / "sched_config"
        path.chmod(0o640)
        present = desk.present(whole=True)
        (change,) = [c for c in desk.wishes(Needs(), present) if isinstance(c, Change)]
        desk.do(change)
        text = path.read_text()
        assert text.splitlines()[0] == "# a"
        assert 'resources: "ncpus, mem, host, vnode, pool"' in text
        assert path.stat().st_mode & 0o777 == 0o640
        assert desk.present(whole=True).shown("line", str(path), "resources") == change.new
        assert not any(isinstance(c, Change) for c in desk.wishes(Needs(), present))
        desk.undo(change)
        assert path.read_text() == self.SCHED

    def test_a_line_that_was_not_there(self, home: Path) -> None:
        path = home / "sched_priv" / "sched_config"
        path.write_text("by_queue: true\n")
        found = looked_at(home, "")
        assert found is not None
        replace_line(path, found.line, found.mended())
        assert path.read_text() == 'by_queue: true\nresources: "ncpus, host, vnode"\n'
        replace_line(path, found.mended(), None)
        assert path.read_text() == "by_queue: true\n"
        with pytest.raises(OSError, match="no line"):
            replace_line(path, "other", None)

    def test_settings_that_cannot_be_read_are_told(self, desk: OpenPbsDesk, home: Path) -> None:
        (home / "sched_priv" / "sched_config").unlink()
        (remark,) = desk.remarks(Needs(), desk.present(whole=True))
        assert "sched_config" in remark

    def test_a_server_whose_answer_is_no_number(self) -> None:
        present = Present({"node_fail_requeue": "soon"}, {})
        with pytest.raises(UnreadableAnswer, match="soon"):
            openpbs.wishes(Needs(), present, 60)


def test_a_thing_that_is_there_is_not_made() -> None:
    present = Present({}, {}, nodes={"localhost": "ours"}, resources=frozenset({"mesos"}))
    things = [Thing("node localhost", "np=1", "why"), Thing("resource mesos", "x", "why")]
    assert changes(things, present) == []
