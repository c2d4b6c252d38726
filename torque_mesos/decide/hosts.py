"""What can be taken on all nodes: as it was in the turn before where nothing changed."""

from __future__ import annotations

from collections.abc import Mapping

from torque_mesos.decide.facts import Taken
from torque_mesos.decide.growth import NOTHING, host_of
from torque_mesos.decide.packing import Host
from torque_mesos.decide.turn import Turn
from torque_mesos.decide.usage import Usage
from torque_mesos.model import Resources

_UNUSED = Usage()


def hosts_of(
    turn: Turn, usage: Mapping[str, Usage], taken: Mapping[str, Resources]
) -> dict[str, Host]:
    """What can be taken on each node, in the order of names. `usage`, `taken`: as in `host_of`.

    Where nothing but facts, offers and np at the starts of jobs counts, and those are as before,
    the host is, too.
    """
    unusual = {*usage, *taken, *turn.asked_to_end(), *turn.running.alone}
    plain = not (turn.failures or turn.agents_leaving or turn.pools.named)
    feasible, began_at, offers = turn.feasible_without(), turn.np_at_start, turn.offers
    found: dict[str, Host] = {}
    facts_of = turn.facts
    for name in turn.known.names:
        facts = facts_of[name]
        if not plain or name in unusual:
            host = host_of(turn, name, usage.get(name, _UNUSED), taken.get(name, NOTHING))
        else:
            began = began_at.get(name)
            offered = turn.offered(name) if name in offers else None
            kept = facts.taken if offered is None else facts.with_offer
            if (
                kept is None
                or kept.began is not began
                or kept.feasible is not feasible
                or kept.offered != offered
            ):
                kept = Taken(began, feasible, offered, host_of(turn, name, _UNUSED))
                if offered is None:
                    facts.taken = kept
                else:
                    facts.with_offer = kept
            host = kept.host
        if host is not None:
            found[name] = host
    return found
