"""More memory for workers whose jobs asked for more than there is.

TORQUE's scheduler does not look at memory: it may put a job that asks for much on any node
with free slots. Such a worker gets a further grant, of memory only, if its agent has that.
"""

from __future__ import annotations

from collections.abc import Mapping

from torque_mesos.decide.growth import NOTHING, Growth, growable, held_with
from torque_mesos.decide.turn import Turn
from torque_mesos.decide.usage import Usage
from torque_mesos.model import Resources


def top_up(turn: Turn, growth: Growth, usage: Mapping[str, Usage]) -> None:
    """Take what is missing of the offers of each host; note where they hold too little."""
    for name in sorted(usage):
        missing_mb = _missing_mb(turn, name, usage[name])
        if missing_mb <= 0:
            continue
        more = Resources(0.0, missing_mb)
        pool = turn.pools.of_host(name)
        if turn.bounds.over(pool, 0, more, held_with(turn, growth)) is not None:
            continue
        if not turn.offered(name).holds(more):
            growth.memory_short.add(name)
            continue
        turn.bounds.add(pool, 0, more)
        growth.launches.setdefault(name, 0)
        growth.extras[name] = growth.extras.get(name, NOTHING) + more
        growth.new_extra += more


def _missing_mb(turn: Turn, name: str, usage: Usage) -> float:
    """What the jobs of a worker asked for above what its grants hold."""
    worker = turn.workers.get(name)
    if worker is None or not usage.mem_mb or not growable(turn, name):
        return 0.0
    spare_mb = worker.resources.mem_mb - worker.slots * turn.policy.slot.mem_mb
    return round(usage.mem_mb - spare_mb, 3)
