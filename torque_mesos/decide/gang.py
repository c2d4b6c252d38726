"""Offers for jobs that need more than is there: kept for a moment, then all given back.

Jobs of several hosts get all of them or none. What could be a part of them is kept until
`offer_hold_s` after the first of it came. If the rest has not come by then, somebody else may
have it and wait for ours: all is given back, and the request rests, for twice as long after every
try, and for a random part of that, so that two frameworks do not try at the same times for ever.
While it rests, what is offered for it is given back at once; but a host that was not part of a
try before may be what was missing, and begins the next try.

A job that finds all it needs in one moment gets it, whether its request rests or not.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from torque_mesos.decide.growth import Growth
from torque_mesos.decide.plan import Tries
from torque_mesos.decide.request import Request
from torque_mesos.decide.turn import Turn

FIRST_REST_S, LONGEST_REST_S = 5.0, 60.0


def keep_tries(turn: Turn, growth: Growth) -> dict[str, Request]:
    """Forget the tries of requests that no job waits with. Gives those that wait, by their keys."""
    waiting = {request.key: request for request in growth.requests_short}
    turn.tries = {key: tries for key, tries in turn.tries.items() if key in waiting}
    return waiting


def give_back(turn: Turn, growth: Growth, hosts: Iterable[str]) -> dict[str, float]:
    """Which hosts of those that waiting jobs could use are not kept, and for how long in seconds.

    A request whose time is up fails its try.
    """
    waiting = keep_tries(turn, growth)
    names = list(hosts)
    of_use = _of_use(growth, names, waiting)
    for key, parts in of_use.items():
        _try(turn, key, parts)
    resting_s = {}
    for key, tries in turn.tries.items():
        if tries.until_s > turn.now_s:
            resting_s[key] = round(tries.until_s - turn.now_s, 3)
            turn.timer(tries.until_s)
    wanted: dict[str, list[str]] = {name: [] for name in names}
    for key, parts in of_use.items():
        for name in parts:
            wanted[name].append(key)
    return {
        name: min(resting_s[key] for key in keys)
        for name, keys in wanted.items()
        if keys and all(key in resting_s for key in keys)
    }


def _of_use(growth: Growth, names: list[str], waiting: dict[str, Request]) -> dict[str, list[str]]:
    """By request: the hosts that could serve a part of it."""
    chunks = {chunk for request in waiting.values() for chunk in request.chunks}
    found = [(name, host) for name in names if (host := growth.hosts.get(name)) is not None]
    serve = {chunk: [name for name, host in found if host.serves(chunk)] for chunk in chunks}
    parts = {
        key: sorted({name for chunk in request.chunks for name in serve[chunk]})
        for key, request in waiting.items()
    }
    return {key: hosts for key, hosts in parts.items() if hosts}


def _try(turn: Turn, key: str, parts: list[str]) -> None:
    """Begin a try with what is new; end one whose time is up."""
    tries = turn.tries.get(key)
    offered = {f"{name} offers {turn.offered_slots(name)}" for name in parts}
    resting = tries is not None and tries.until_s > turn.now_s
    if tries is not None and resting:
        if offered <= tries.hosts:
            return
        turn.tries[key] = Tries(tries.count, turn.now_s, tries.hosts)
    first_s = min(offer.received_s for name in parts for offer in turn.offers[name])
    due_s = first_s + turn.policy.offer_hold_s
    if turn.now_s < due_s:
        turn.timer(due_s)
        return
    count = tries.count + 1 if tries else 1
    known = tries.hosts if tries else frozenset()
    until_s = turn.now_s + _rest_s(turn, count, parts)
    turn.tries[key] = Tries(count, until_s, known | offered)


def _rest_s(turn: Turn, count: int, parts: list[str]) -> float:
    """Up to twice as long as after the try before. No two frameworks get the same offers."""
    longest_s = min(LONGEST_REST_S, FIRST_REST_S * 2.0 ** min(count - 1, 10))
    ids = " ".join(offer.offer_id for name in parts for offer in turn.offers[name])
    return round(longest_s * (0.5 + zlib.crc32(ids.encode()) / 2**33), 1)
