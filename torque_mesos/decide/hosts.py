"""What can be taken on all nodes: as it was in the turn before where nothing changed."""

from __future__ import annotations

from collections.abc import Mapping

from torque_mesos.decide.growth import NOTHING, host_of
from torque_mesos.decide.packing import Host
from torque_mesos.decide.turn import Turn
from torque_mesos.decide.usage import Usage
from torque_mesos.model import Resources

_UNUSED = Usage()
_KEPT = 4  # what is kept of one host: with what is offered of it, and without


def hosts_of(turn: Turn, usage: Mapping[str, Usage], taken: Mapping[str, Resources]) -> list[Host]:
    """What can be taken on each node, in the order of names. `usage`, `taken`: as in `host_of`.

    Where nothing but facts, offers and np at the starts of jobs counts, and those are as before,
    the host is, too.
    """
    unusual = {*usage, *taken, *turn.asked_to_end()}
    plain = not (turn.failures or turn.agents_leaving or turn.pools.named)
    feasible = turn.feasible_without()
    found = []
    for name in sorted(turn.phases):
        facts = turn.facts.get(name)
        if not plain or name in unusual or facts is None:
            host = host_of(turn, name, usage.get(name, _UNUSED), taken.get(name, NOTHING))
        else:
            began = turn.np_at_start.get(name)
            key = turn.offered(name) if name in turn.offers else None, feasible
            kept = facts.hosts.get(key)
            if kept is None or kept[0] is not began:
                if len(facts.hosts) >= _KEPT:
                    facts.hosts.clear()
                kept = facts.hosts[key] = began, host_of(turn, name, _UNUSED)
            host = kept[1]
        if host is not None:
            found.append(host)
    return found
