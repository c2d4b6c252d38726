"""No job waits because of an offer that was refused before: Mesos is asked anew when it matters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.decide.site import FREE, NOW_S, OFFLINE, Site, one, some
from torque_mesos.decide.plan import Decline, Failures, Revive, Suppress
from torque_mesos.decide.reason import Code
from torque_mesos.decide.worker import ONLINE_NOTE
from torque_mesos.model import NodeState, frozen_map

Change = Callable[[Site], object]


def backed_off(site: Site) -> Site:
    failures = frozen_map({"a-n1": Failures(1, NOW_S + 5, "no file")})
    return site.parked("n1", offered=4).asks("1").remembers(failures=failures)


def leaves(site: Site) -> Site:
    site.parked("n1", offered=4).asks("1")
    site.agents = [replace(agent, unavailable_s=0.0) for agent in site.agents]
    return site


def stays(site: Site) -> None:
    site.agents = [replace(agent, unavailable_s=None) for agent in site.agents]


def a_persons(site: Site) -> Site:
    site.agent("n1").node("n1", 4, (NodeState.DOWN, OFFLINE), ONLINE_NOTE)
    return site.offer("n1", 4).asks("1")


def given_back(site: Site) -> None:
    site.nodes = [replace(site.nodes[0], note="torque-mesos:parked")]


def registering(site: Site) -> Site:
    site.agent("n1").node("n1", 4, (NodeState.MOM_LIST_NOT_SENT, OFFLINE), "torque-mesos:parked")
    return site.offer("n1", 4).asks("1")


def registered(site: Site) -> None:
    site.nodes = [replace(site.nodes[0], states=frozenset({NodeState.DOWN, OFFLINE}))]


SITUATIONS: list[tuple[Code, Callable[[Site], Site], Change]] = [
    (Code.NOTHING_WANTED, lambda s: s.parked("n1", offered=4), lambda s: s.asks("1")),
    (
        Code.TOO_SMALL,
        lambda s: s.parked("n1", 4, offered=2).asks("1:ppn=4"),
        lambda s: s.asks("1:ppn=2"),
    ),
    (
        Code.INCOMPLETE,
        lambda s: s.parked("n1", offered=4).parked("n2").asks("2:ppn=4"),
        lambda s: s.offer("n2", 4),
    ),
    (Code.BACKED_OFF, backed_off, lambda s: setattr(s, "now_s", NOW_S + 5)),
    (Code.MAINTENANCE, leaves, stays),
    (Code.NOT_OURS, a_persons, given_back),
    (Code.NOT_PARKED, registering, registered),
]


@pytest.mark.parametrize(
    ("code", "before", "change"), SITUATIONS, ids=[s[0].value for s in SITUATIONS]
)
def test_what_ends_a_refusal(code: Code, before: Callable[[Site], Site], change: Change) -> None:
    site = before(Site())
    site.offers = [replace(offer, received_s=NOW_S - 5) for offer in site.offers]
    plan = site.plan()
    assert one(plan, Decline).reason.code is code
    site.memory, site.offers = plan.memory, []
    site.suppressed = bool(some(plan, Suppress))
    assert not some(site.plan(), Revive), "not for ever"
    change(site)
    site.memory = replace(site.memory, revived_s=NOW_S)
    assert some(site.plan(), Revive)


def test_what_came_free_on_a_host_is_offered_without_being_asked_for() -> None:
    """Mesos' filter covers no more than was refused, so a larger offer passes it."""
    site = Site().parked("n1", 4, offered=2).asks("1:ppn=4")
    refused = one(site.plan(), Decline)
    assert refused.reason.code is Code.TOO_SMALL
    assert refused.refuse_s <= 600
    assert FREE not in site.nodes[0].states
