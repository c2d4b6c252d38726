"""A TORQUE (or the built-in server) as it is set up."""

from __future__ import annotations

from collections.abc import Sequence

from torque_mesos.batch.commands import Runner
from torque_mesos.batch.setup import torque
from torque_mesos.batch.setup.wish import (
    UNSET_SCHEDULER_ITERATION,
    Change,
    Needs,
    Present,
    Thing,
    Wish,
    quoted,
)
from torque_mesos.batch.torque_attributes import parse_attributes
from torque_mesos.batch.torque_commands import (
    TorqueCalls,
    accepted,
    nodes_in,
    server_attributes,
    unless,
)
from torque_mesos.batch.torque_settings import TorqueSettings


class TorqueDesk:
    """See `deed.Desk`."""

    def __init__(self, settings: TorqueSettings, runner: Runner) -> None:
        self._settings = settings
        self._calls = TorqueCalls(settings, runner)

    def present(self, *, whole: bool) -> Present:
        """What is there."""
        queues = parse_attributes(accepted(self._calls.run("qstat", "-Q", "-f")).stdout, "Queue")
        server = server_attributes(self._calls.run("qstat", "-B", "-f"))
        if not whole:
            return Present(server, dict(queues))
        nodes = nodes_in(self._calls.run("pbsnodes", "-x")).nodes
        waiting = accepted(self._calls.run("qselect", "-s", "QHWT")).stdout.split()
        return Present(
            server,
            dict(queues),
            nodes={node.name: node.note for node in nodes},
            node_properties={
                node.name: ",".join(sorted(node.properties)) for node in nodes if node.properties
            },
            others_nodes=tuple(
                node.name
                for node in nodes
                if not node.note.startswith(torque.MARK)
                and node.name != self._settings.capacity_record
            ),
            waiting=len(waiting),
        )

    def wishes(self, needs: Needs, present: Present) -> Sequence[Wish | Thing]:
        """What is wished for."""
        return torque.wishes(needs, present)

    def remarks(self, needs: Needs, present: Present) -> Sequence[str]:
        """What is left alone, and why."""
        return torque.remarks(needs, present)

    def do(self, change: Change) -> None:
        """Do it."""
        answer = self._calls.qmgr(change.command())
        if change.kind == "make":
            unless(answer, "already exists")
        else:
            accepted(answer)

    def undo(self, change: Change) -> str:
        """Take it back."""
        if change.kind == "make":
            accepted(self._calls.qmgr(f"delete {change.target}"))
            return ""
        where = f"{change.target} {change.attribute}"
        if change.old is not None:
            accepted(self._calls.qmgr(f"set {where}={quoted(change.old)}"))
        elif change.attribute == "scheduler_iteration":
            value = UNSET_SCHEDULER_ITERATION
            accepted(self._calls.qmgr(f"set {where}={value}"))
            return f"it is now {value}, what holds without it: TORQUE cannot unset it"
        else:
            accepted(self._calls.qmgr(f"unset {where}"))
        return ""

    def keeps_jobs(self, change: Change) -> bool:
        """Of the capacity record and nodect: jobs wait only thanks to them."""
        return change.target.startswith("node ") or change.attribute == torque.NODECT
