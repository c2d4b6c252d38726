"""A batch server to be set up, in memory: attributes, queues and things, and who changes them."""

from __future__ import annotations

from collections.abc import Sequence

from torque_mesos.batch.base import Refused
from torque_mesos.batch.setup.wish import Change, Needs, Present, Thing, Wish


class FakeDesk:
    """See `deed.Desk`. Its wishes are given; commands in `refuses` are refused."""

    def __init__(self, wishes: Sequence[Wish | Thing | Change] = ()) -> None:
        self.server: dict[str, str] = {"scheduling": "True", "node_check_rate": "150"}
        self.queues: dict[str, dict[str, str]] = {"batch": {"queue_type": "Execution"}}
        self.nodes: dict[str, str] = {}
        self.refuses: set[str] = set()
        self.waiting = 0
        self.done: list[str] = []
        self._wishes = wishes

    def present(self, *, whole: bool) -> Present:
        server, queues = dict(self.server), {k: dict(v) for k, v in self.queues.items()}
        nodes = dict(self.nodes) if whole else {}
        return Present(server, queues, nodes=nodes, waiting=self.waiting)

    def wishes(self, needs: Needs, present: Present) -> Sequence[Wish | Thing | Change]:
        return self._wishes

    def remarks(self, needs: Needs, present: Present) -> Sequence[str]:
        return ()

    def do(self, change: Change) -> None:
        self._run(change.command())
        kind, _, name = change.target.partition(" ")
        if change.kind == "set":
            self._attributes(change.target)[change.attribute] = change.new
        elif kind == "queue":
            self.queues[name] = {"queue_type": "Execution", "mtime": "1"}
        else:
            self.nodes[name] = "ours"

    def undo(self, change: Change) -> str:
        kind, _, name = change.target.partition(" ")
        self._run(f"undo {change.target} {change.attribute}".strip())
        if change.kind == "make":
            (self.queues if kind == "queue" else self.nodes).pop(name)  # type: ignore[attr-defined]
        elif change.old is None:
            self._attributes(change.target).pop(change.attribute)
        else:
            self._attributes(change.target)[change.attribute] = change.old
        return ""

    def keeps_jobs(self, change: Change) -> bool:
        return change.target.startswith("node ")

    def _attributes(self, target: str) -> dict[str, str]:
        return self.server if target == "server" else self.queues[target.partition(" ")[2]]

    def _run(self, command: str) -> None:
        if command in self.refuses:
            raise Refused(f"{command}: Unauthorized Request")
        self.done.append(command)
