"""Offers that no launch took: kept for a moment, or declined for as long as the reason holds."""

from __future__ import annotations

from functools import lru_cache

from torque_mesos.decide.bounds import AT_LIMIT
from torque_mesos.decide.facts import Mark
from torque_mesos.decide.gang import give_back
from torque_mesos.decide.growth import Growth, growable, usable_offer
from torque_mesos.decide.plan import Decline, Revive, Suppress
from torque_mesos.decide.reason import Code, Reason, counted
from torque_mesos.decide.turn import Turn, because
from torque_mesos.decide.worker import Phase

REVIVE_EVERY_S = 5.0  # at most, for the same jobs
REFUSE_S = {
    Code.NOTHING_WANTED: 3600.0,
    Code.TOO_SMALL: 600.0,  # a larger offer, or a new job, comes before that
    Code.ALREADY_HELD: 5.0,
    Code.NOT_PARKED: 2.0,
    Code.BACKED_OFF: 10.0,
    Code.PROTECTED: 10.0,
    Code.MAINTENANCE: 60.0,
    Code.BUDGET: 60.0,
    Code.NOT_OURS: 600.0,
    Code.NO_POOL: 3600.0,
    Code.OTHER_ROLE: 3600.0,
    Code.INCOMPLETE: 60.0,  # for the floor, or memory; for jobs of several hosts see gang.py
}


def answer_offers(turn: Turn, growth: Growth, suppressed: bool) -> None:
    """Answer what is left of the offers, and tell Mesos whether more are wanted."""
    wanted = bool(growth.short) or growth.floor_short > 0 or bool(growth.memory_short)
    if turn.stray_offers:
        _decline_strays(turn)
    if turn.other_role:
        ids = tuple(offer.offer_id for offer in turn.other_role)
        reason = because(Code.OTHER_ROLE, "the pool of its agent takes offers of another role")
        turn.do(Decline(ids, REFUSE_S[reason.code], reason))
    nothing = None if wanted else _nothing_wanted(turn)
    reasons = {name: nothing or _why_not(turn, growth, name) for name in sorted(turn.offers)}
    incomplete = [name for name, why in reasons.items() if why.code is Code.INCOMPLETE]
    parts = [] if growth.floor_short else [n for n in incomplete if n not in growth.memory_short]
    resting = give_back(turn, growth, parts)
    for name, reason in reasons.items():
        offers = turn.offers[name]
        oldest_s = min([offer.received_s for offer in offers])
        kept = reason.code is Code.INCOMPLETE and name not in resting
        if kept and turn.now_s - oldest_s < turn.policy.offer_hold_s:
            turn.timer(oldest_s + turn.policy.offer_hold_s)
            continue
        ids = tuple([offer.offer_id for offer in offers])
        turn.do(Decline(ids, resting.get(name, REFUSE_S[reason.code]), reason))
    if nothing:
        turn.revived_for &= _at_limit(turn)
        if not suppressed:
            turn.do(Suppress(nothing))
        return
    # Earlier refusals stand in the way of what is new: a job, a host that became usable, or one
    # that could complete what a job needs with those that were refused.
    parked = turn.known.marked[Mark.PARKED]
    if turn.failures or turn.agents_leaving:
        usable = (n for n in parked if not turn.backed_off(n) and not turn.leaving(n))
        parked = frozenset(usable)
    key = frozenset(growth.short) | _parked_words(parked)
    if growth.floor_short:
        key |= {"floor"}
    if not growth.protected:
        key |= {"moms may be started"}
    key |= {f"{name} wants memory" for name in growth.memory_short}
    offered = [name for name in incomplete if name not in resting]
    key |= {f"{name} offers {turn.offered_slots(name)}" for name in offered}
    tries = turn.tries.items()
    key |= {f"{text} tries {t.count}" for text, t in tries if t.until_s <= turn.now_s}
    again_s = turn.revived_s + REVIVE_EVERY_S
    if key <= turn.revived_for and not (suppressed and turn.now_s >= again_s):
        if suppressed:
            turn.timer(again_s)
        return
    turn.revived_s = turn.now_s
    turn.revived_for = key
    reason = because(
        Code.WAITING_FOR_OFFERS,
        _what_waits(growth),
        jobs=len(growth.short),
        floor=growth.floor_short,
    )
    turn.do(Revive(reason, *_roles(turn, growth)))


@lru_cache(maxsize=16)
def _parked_words(names: frozenset[str]) -> frozenset[str]:
    return frozenset(f"{name} PARKED" for name in names)


def _what_waits(growth: Growth) -> str:
    """What more offers are wanted for."""
    jobs, floor = len(growth.short), growth.floor_short
    parts = [f"{counted(jobs, 'job')} {'waits' if jobs == 1 else 'wait'}"] * bool(jobs)
    are = "is" if floor == 1 else "are"
    parts += [f"{counted(floor, 'slot')} of a floor or reserve {are} missing"] * bool(floor)
    parts += ["jobs that run want more memory"] * bool(growth.memory_short)
    return ", and ".join(parts)


def _roles(turn: Turn, growth: Growth) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The roles that offers are wanted for, and the others; nothing where there is one role."""
    roles = {turn.role_of(pool) for pool in turn.pools.all}
    if len(roles) == 1 or growth.floor_short:
        return (), ()
    words = frozenset().union(*(request.names for request in growth.requests_short))
    wanted = {turn.role_of(pool) for pool in turn.pools.all if pool.word in words}
    return tuple(sorted(wanted)), tuple(sorted(roles - wanted))


def _decline_strays(turn: Turn) -> None:
    unpooled = [offer for offer in turn.stray_offers if offer.agent_id in turn.unpooled]
    others = [offer for offer in turn.stray_offers if offer.agent_id not in turn.unpooled]
    for offers, reason in (
        (unpooled, because(Code.NO_POOL, "its agent has the attributes of no pool")),
        (
            others,
            because(
                Code.NOT_PARKED,
                "its agent, or its node's record, cannot be used or is not known well enough",
            ),
        ),
    ):
        if offers:
            ids = tuple(offer.offer_id for offer in offers)
            turn.do(Decline(ids, REFUSE_S[reason.code], reason))


def _at_limit(turn: Turn) -> set[str]:
    return {job for job, why in turn.jobs.items() if why.code in AT_LIMIT}


def _nothing_wanted(turn: Turn) -> Reason:
    if waiting := len(_at_limit(turn)):
        text = f"the {waiting} jobs that wait for nodes are at a limit"
        if waiting == 1:
            text = "the job that waits for nodes is at a limit"
        return because(Code.NOTHING_WANTED, text, at_limit=waiting)
    return because(Code.NOTHING_WANTED, "no job waits for nodes")


def _why_not(turn: Turn, growth: Growth, name: str) -> Reason:
    """Why the offers of a host were not taken."""
    where = turn.phases[name]
    if where is Phase.FOREIGN:
        return because(Code.NOT_OURS, f"the node record {name} was made by others")
    if where is Phase.SIDELINED and name not in turn.workers:
        return because(Code.NOT_OURS, f"a person took {name} offline")
    if leaving := turn.leaving(name):
        return leaving
    if growth.protected and name not in turn.workers:
        return growth.protected
    if failing := turn.failing(name):
        return failing
    grows = growable(turn, name)
    if name in turn.workers and not grows:
        return because(Code.ALREADY_HELD, f"a mom of ours runs on {name}, and may not grow now")
    if name in growth.memory_short:
        return because(Code.INCOMPLETE, f"the jobs on {name} asked for more memory than it has")
    if turn.offered_slots(name) == 0:
        return because(Code.TOO_SMALL, f"what {name} has left is less than one slot")
    if not grows and turn.without_its_gpus(name):
        text = f"the record of {name} says that it has gpus, and none of them is offered"
        return because(Code.TOO_SMALL, text)
    if not grows and not usable_offer(turn, name):
        return because(Code.NOT_PARKED, f"the server is not done with the record of {name}")
    if not growth.floor_short and not _of_use(growth, name):
        return because(Code.TOO_SMALL, f"no job that waits could run on what {name} has left")
    return because(Code.INCOMPLETE, "not all that a waiting job needs is there")


def _of_use(growth: Growth, name: str) -> bool:
    """Whether any part of a job that is short fits what is offered of a host."""
    host = growth.hosts.get(name)
    return host is not None and any(host.serves(chunk) for chunk in growth.parts_short)
