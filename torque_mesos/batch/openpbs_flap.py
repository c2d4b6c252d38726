"""What OpenPBS says of nodes while it makes a new one, told apart from the truth.

Every `create node` makes the server call all nodes `down` for one to two seconds; nothing
happens to their moms or jobs. But a job that comes in that time is found to have no nodes,
and is then looked at again only in the scheduler's next cycle, minutes later. And a node
that becomes free starts no cycle either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from torque_mesos.model import Node, NodeState

FLAP_S = 5.0
_NOT_THERE = frozenset({NodeState.DOWN, NodeState.UNKNOWN})


class Flap:
    """Remembers which nodes were up before a record was made. Not for several threads."""

    def __init__(self) -> None:
        self._until_s: float | None = None
        self._hid = False
        self._up: frozenset[str] = frozenset()
        self._usable: frozenset[str] = frozenset()
        self.wake_due = False

    def created(self, now_s: float) -> None:
        """A record was made: what is down from now on may only be called so."""
        self._until_s = now_s + FLAP_S
        self._hid = False

    def settle(self, nodes: Sequence[Node], now_s: float) -> tuple[Node, ...]:
        """The nodes as they are. `wake_due` is set when the scheduler should look again.

        A node that was up before a creation stays so, for `FLAP_S` seconds at most.
        """
        flapping = self._until_s is not None and now_s < self._until_s
        seen = []
        hidden = False
        for node in nodes:
            if flapping and node.name in self._up and NodeState.DOWN in node.states:
                hidden = True
                node = replace(node, states=node.states - _NOT_THERE or frozenset({NodeState.FREE}))
            seen.append(node)
        if self._until_s is not None:
            over = now_s >= self._until_s or (self._hid and not hidden)
            self._hid = hidden
            if over:
                self._until_s = None
                self.wake_due = True
        self._up = frozenset(node.name for node in seen if NodeState.DOWN not in node.states)
        usable = frozenset(
            node.name for node in nodes if not node.states & (_NOT_THERE | {NodeState.OFFLINE})
        )
        if usable - self._usable:
            self.wake_due = True
        self._usable = usable
        return tuple(seen)
