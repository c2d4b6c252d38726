"""What can be taken on all nodes: as it was in the turn before where nothing changed."""

from __future__ import annotations

from collections.abc import Mapping

from torque_mesos.decide.growth import NOTHING, host_of
from torque_mesos.decide.packing import Host
from torque_mesos.decide.turn import Turn
from torque_mesos.decide.usage import Usage
from torque_mesos.model import Offer, Resources

_UNUSED = Usage()


def hosts_of(turn: Turn, usage: Mapping[str, Usage], taken: Mapping[str, Resources]) -> list[Host]:
    """What can be taken on each node, in the order of names. `usage`, `taken`: as in `host_of`.

    Where nothing but facts and offers counts, and those are as before, the host is, too.
    """
    unusual = {*usage, *taken, *turn.np_at_start}
    if killed := turn.killed_at.keys():
        for name, worker in turn.workers.items():
            if worker.executor_id in killed or not killed.isdisjoint(worker.task_ids):
                unusual.add(name)
    plain = not (turn.failures or turn.agents_leaving or turn.pools.named)
    feasible = turn.feasible_without()
    found = []
    for name in sorted(turn.phases):
        facts = turn.facts.get(name)
        if not plain or name in unusual or facts is None:
            host = host_of(turn, name, usage.get(name, _UNUSED), taken.get(name, NOTHING))
        else:
            offers = tuple(turn.offers.get(name, ()))
            kept = facts.host
            if kept is None or kept[1] is not feasible or not _same(kept[0], offers):
                kept = facts.host = offers, feasible, host_of(turn, name, _UNUSED)
            host = kept[2]
        if host is not None:
            found.append(host)
    return found


def _same(some: tuple[Offer, ...], others: tuple[Offer, ...]) -> bool:
    return len(some) == len(others) and all(a is b for a, b in zip(some, others, strict=True))
