"""Setting up a batch server as the settings ask: what is wished for, and where it is noted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torque_mesos.batch.base import NewNode
from torque_mesos.batch.commands import CommandRunner, Runner
from torque_mesos.batch.journal import CommandJournal
from torque_mesos.batch.openpbs_settings import OpenPbsSettings
from torque_mesos.batch.setup import rights
from torque_mesos.batch.setup.deed import Desk
from torque_mesos.batch.setup.openpbs_desk import OpenPbsDesk
from torque_mesos.batch.setup.record import SetupRecord
from torque_mesos.batch.setup.torque_desk import TorqueDesk
from torque_mesos.batch.setup.wish import Needs, Thing
from torque_mesos.batch.torque_commands import node_attributes
from torque_mesos.batch.torque_settings import TorqueSettings
from torque_mesos.config import PoolSettings, Settings
from torque_mesos.config.checks import is_pattern
from torque_mesos.decide.worker import CAPACITY_NOTE
from torque_mesos.framework.site import batch_settings


@dataclass(frozen=True, slots=True)
class Setup:
    """A batch server to be set up. `readable`: see `rights.gaps`."""

    desk: Desk
    needs: Needs
    record: SetupRecord
    runner: Runner
    qmgr: Path
    readable: tuple[tuple[Path, str], ...]

    def gaps(self) -> list[rights.Gap]:
        """The rights that are missing. Raises BatchError."""
        return rights.gaps(self.runner, self.qmgr, self.readable, rights.account())


def setup_of(settings: Settings) -> Setup:
    """What is to be set up, and how. The state folder must be there."""
    journal = CommandJournal(settings.state_dir)
    record = SetupRecord(settings.state_dir)
    batch = batch_settings(settings)
    runner = CommandRunner(batch.command_environment(), journal)
    if isinstance(batch, OpenPbsSettings):
        desk: Desk = OpenPbsDesk(batch, runner)
        needs = _needs(settings, None, pbs_sched=True)
    else:
        desk = TorqueDesk(batch, runner)
        needs = _needs(
            settings, _capacity(settings, batch), pbs_sched=batch.scheduler == "pbs_sched"
        )
    readable = (
        (batch.accounting_dir, "new jobs are noticed by polling only"),
        (
            batch.home / "sched_priv" / "sched_config",
            "the scheduler's order of jobs is not known",
        ),
    )
    return Setup(desk, needs, record, runner, batch.bin_dir / "qmgr", readable)


def _needs(settings: Settings, capacity: Thing | None, *, pbs_sched: bool) -> Needs:
    own = (name for pool in settings.pools.values() for name in pool.node_properties)
    return Needs(
        queues=settings.named_queues,
        slots=settings.policy("", None).capacity_np,
        create_queues=True,
        queue_properties=queue_properties(settings.pools),
        properties=tuple(dict.fromkeys((*settings.node_properties, *own))),
        capacity=capacity,
        dead_after_s=settings.dead_after_s,
        pbs_sched=pbs_sched,
    )


def queue_properties(pools: Mapping[str, PoolSettings]) -> dict[str, tuple[str, ...]]:
    """The queues all of whose jobs belong to one pool, with what marks that pool's nodes."""
    found: dict[str, tuple[str, ...]] = {}
    shared: set[str] = set()
    for pool in pools.values():
        only_by_queue = not (pool.accounts or pool.users or pool.groups)
        for queue in pool.queues:
            if queue in found or is_pattern(queue) or not only_by_queue:
                shared.add(queue)
            elif pool.node_properties:
                found[queue] = tuple(pool.node_properties)
    return {queue: own for queue, own in found.items() if queue not in shared}


def _capacity(settings: Settings, batch: TorqueSettings) -> Thing:
    policy = settings.policy("", batch.capacity_record)
    node = NewNode(
        batch.capacity_record, policy.capacity_np, policy.capacity_properties, CAPACITY_NOTE
    )
    return Thing(
        f"node {node.name}",
        node_attributes(node, batch),
        "a record that never runs: else the scheduler deletes waiting jobs that are larger than"
        " the nodes of the moment",
    )
