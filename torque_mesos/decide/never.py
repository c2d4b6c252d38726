"""Which requests can never be served, whatever becomes free, and why."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

from torque_mesos.decide.facts import Whole
from torque_mesos.decide.kept import Kept, forgettable
from torque_mesos.decide.known import Known
from torque_mesos.decide.packing import Host, Tier, impossible, place
from torque_mesos.decide.policy import Policy
from torque_mesos.decide.pool import Limit, Pool
from torque_mesos.decide.reason import Code, Reason, because
from torque_mesos.decide.request import MAX_COUNT, Request, cost_of, pool_in, told
from torque_mesos.decide.turn import Turn
from torque_mesos.decide.worker import Phase
from torque_mesos.model import Resources

Verdicts = dict[Request, Reason | None]
"""By request: why it can never be served; None if it can, or if that is not known yet."""


@forgettable
@lru_cache(maxsize=4)
def _verdicts(
    slot: Resources,  # noqa: ARG001 (a key, as the others)
    limit: Limit,  # noqa: ARG001
    cluster: tuple[Whole, ...],  # noqa: ARG001
) -> Verdicts:
    """What `_never` said of requests, which depends on nothing else than on these."""
    return {}


class Cluster(NamedTuple):
    """Every host as if nothing ran and all of it were ours, and what can never run there.

    `known`, `policy`: what it follows from. `found`: of all hosts (None: of others'),
    `hosts`: in order.
    """

    known: Known | None
    policy: Policy | None
    found: list[Whole | None]
    hosts: tuple[Host, ...]
    verdicts: Verdicts


_last = Kept(Cluster(None, None, [], (), {}))


def cluster_of(turn: Turn) -> Cluster:
    """The cluster of a turn; with the very same verdicts as the last one, where it is alike."""
    last, known, policy = _last.value, turn.known, turn.policy
    if last.known is known:  # which is of one policy
        return last
    every = known.facts.values()
    # With pools, whose a host is follows from more than its facts.
    for facts in every if turn.pools.named else [each for each in every if each.whole is None]:
        if facts.phase is not Phase.FOREIGN:
            facts.whole = _whole(turn, facts.name)
    found = [each.whole for each in every]
    if last.policy is policy and found == last.found:
        cluster = last._replace(known=known)
    else:
        wholes = tuple(sorted(whole for whole in found if whole is not None))
        hosts = tuple(
            Host(name, slots, Tier.OFFERED, names, (), policy.slot.mem_mb, mem_mb, gpus)
            for name, slots, names, mem_mb, gpus in wholes
        )
        verdicts = _verdicts(policy.slot, policy.limit, wholes)
        cluster = Cluster(known, policy, found, hosts, verdicts)
    _last.value = cluster
    return cluster


def verdict_of(turn: Turn, request: Request) -> Reason | None:
    """Why a request can never be served; None if it can, or if that is not known yet."""
    cluster = cluster_of(turn)
    if request not in cluster.verdicts:
        cluster.verdicts[request] = _never(turn, request, list(cluster.hosts))
    return cluster.verdicts[request]


def _whole(turn: Turn, name: str) -> Whole:
    worker, agent = turn.workers.get(name), turn.agents.get(name)
    if agent is None:
        return _unlisted(turn, name)
    slots = max(turn.full_slots(name), worker.slots if worker else 0)
    total = agent.total
    if worker is not None:
        held = worker.resources
        total = Resources(0.0, max(total.mem_mb, held.mem_mb), max(total.gpus, held.gpus))
    return name, slots, turn.names_of(name), total.mem_mb, turn.gpus(name, total)


def _unlisted(turn: Turn, name: str) -> Whole:
    """A host whose agent Mesos does not list, or not yet: it may be as large as anybody asks for.

    Only the np of a parked record tells more: it is that of the whole agent.
    """
    node = turn.records.get(name)
    parked = node is not None and turn.phases[name] is Phase.PARKED and node.np > 0
    slots = node.np if node is not None and parked else MAX_COUNT
    words = turn.names_of(name)
    if turn.pools.named and turn.pools.of_host(name) is None:
        words |= {pool.word for pool in turn.pools.all}
    return name, slots, words, math.inf, MAX_COUNT


def never_in_pool(turn: Turn, pool: Pool, request: Request) -> Reason | None:
    """Why a job can never run in its pool."""
    if over := pool.share.limit.exceeded_by(request.hosts, cost_of(request, turn.policy.slot)):
        return because(
            Code.NEVER_OVER_LIMIT,
            f"can never run: it asks for more than the limit of pool {pool.name}, {over}",
            slots=request.slots,
            hosts=request.hosts,
        )
    return None


def _nowhere(names: frozenset[str]) -> str:
    """That no host has these names, of which one may be a pool's word."""
    pool, words = pool_in(names), ", ".join(told(names))
    if not pool:
        return f"no agent's node has {words}"
    return f"no node of pool {pool} has {words}" if words else f"pool {pool} has no agents"


def _never(turn: Turn, request: Request, cluster: list[Host]) -> Reason | None:
    """Why a request can never be served here; None if it can, or if that is not known yet.

    `waiting-for-offers`: neither a way was found nor a proof that there is none.
    """
    slot, limit = turn.policy.slot, turn.policy.limit
    if over := limit.exceeded_by(request.hosts, cost_of(request, slot)):
        return because(
            Code.NEVER_OVER_LIMIT,
            f"can never run: it asks for more than the safe allocation, {over}",
            slots=request.slots,
            hosts=request.hosts,
        )
    if not any(host.free for host in cluster):
        return None
    if not impossible(request, cluster):
        if request.shared and place(request, cluster) is None:
            text = "no way was found to put all its parts on the hosts, were they all free"
            return because(Code.WAITING_FOR_OFFERS, text)
        return None
    for chunk in request.chunks:
        fitting = [host for host in cluster if chunk.names <= host.names and host.free]
        if not fitting:
            return because(
                Code.NEVER_NO_SUCH_NODE,
                f"can never run: {_nowhere(chunk.names)}",
            )
        most = max(host.free for host in fitting)
        if most < chunk.slots:
            return because(
                Code.NEVER_TOO_LARGE,
                f"can never run: it asks for {chunk.slots} slots on one host,"
                f" the largest agent for it has {most}",
                slots=chunk.slots,
                largest=most,
            )
        for what, asked, largest in (
            ("MB of memory", chunk.mem_mb, max(host.mem_mb for host in fitting)),
            ("gpus", chunk.gpus, max(host.gpus for host in fitting)),
        ):
            if not any(host.serves(chunk) for host in fitting) and largest < asked:
                return because(
                    Code.NEVER_TOO_LARGE,
                    f"can never run: it asks for {asked} {what} on one host, the largest agent"
                    f" for it has {largest:g}",
                    asked=asked,
                    largest=largest,
                )
    agents = sum(1 for host in cluster if host.free)
    if request.shared:
        text = f"its parts ({request.brief}) do not fit together on the hosts that there are"
    elif request.hosts == 1:
        text = f"no host has all that it asks for ({request.brief})"
    else:
        text = f"it asks for {request.hosts} hosts ({request.brief}), there are not so many"
    return because(
        Code.NEVER_TOO_LARGE, f"can never run: {text}", hosts=request.hosts, agents=agents
    )
