"""Jobs of several hosts: all or nothing, a deadline, all given back, and rests that get longer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.decide.site import NOW_S, Site, kinds, one, some
from torque_mesos.decide import Memory
from torque_mesos.decide.gang import FIRST_REST_S, LONGEST_REST_S
from torque_mesos.decide.plan import Decline, Launch, Revive, Tries
from torque_mesos.decide.reason import Code
from torque_mesos.decide.select import parse_select
from torque_mesos.model import frozen_map

HOLD_S = 5.0
TEXT = "3:ppn=4"


def gang(*offers: tuple[str, float], memory: Memory | None = None) -> Site:
    """A job on three hosts, and offers of some, each so old."""
    site = Site().parked("n1").parked("n2").parked("n3").parked("n4").asks(TEXT)
    site.rules(offer_hold_s=HOLD_S)
    for name, age_s in offers:
        site.offer(name, 4, age_s)
    if memory is not None:
        site.memory = memory
    return site


def declined(site: Site) -> tuple[set[str], float]:
    """Which hosts' offers are given back, and for how long at most."""
    plan = site.plan()
    by_id = {offer.offer_id: offer.hostname for offer in site.offers}
    declines = some(plan, Decline)
    names = {by_id[offer_id] for each in declines for offer_id in each.offer_ids}
    return names, max((each.refuse_s for each in declines), default=0.0)


def tried(count: int, until_s: float, *hosts: str) -> Memory:
    known = frozenset(f"{name} offers 4" for name in hosts)
    return Memory(tries=frozen_map({TEXT: Tries(count, until_s, known)}))


def test_all_is_given_back_at_the_deadline_of_the_first() -> None:
    assert declined(gang(("n1", 4.9), ("n2", 1.0))) == (set(), 0.0)
    names, _ = declined(gang(("n1", 5.0), ("n2", 1.0)))
    assert names == {"n1", "n2"}
    assert some(gang(("n1", 5.0), ("n2", 1.0), ("n3", 0.0)).plan(), Launch), "all are there"


def test_every_rest_is_up_to_twice_as_long_as_the_last() -> None:
    longest_s = FIRST_REST_S
    memory = Memory()
    for count in range(1, 12):
        site = gang(("n1", 5.0), ("n2", 5.0), memory=memory)
        _, rest_s = declined(site)
        assert longest_s / 2 <= rest_s <= longest_s
        tries = site.plan().memory.tries[TEXT]
        assert (tries.count, tries.until_s) == (count, NOW_S + rest_s)
        assert tries.hosts == {"n1 offers 4", "n2 offers 4"}
        memory = tried(count, NOW_S, "n1", "n2")  # the rest is over
        longest_s = min(LONGEST_REST_S, 2 * longest_s)
    assert longest_s == LONGEST_REST_S


def test_two_frameworks_do_not_rest_alike() -> None:
    def rest_s(offer_id: str) -> float:
        site = gang(("n1", 5.0))
        site.offers = [replace(site.offers[0], offer_id=offer_id)]
        return one(site.plan(), Decline).refuse_s

    assert len({rest_s(f"o{number}") for number in range(20)}) > 10


def test_while_it_rests_nothing_is_kept_and_nothing_asked_for() -> None:
    site = gang(("n1", 0.0), ("n2", 0.0), memory=tried(3, NOW_S + 7, "n1", "n2"))
    plan = site.plan()
    assert {each.refuse_s for each in some(plan, Decline)} == {7.0}
    assert len(some(plan, Decline)) == 2
    assert plan.again_s == NOW_S + 7
    site.memory, site.offers = plan.memory, []
    rested = site.plan(now_s=NOW_S + 7)
    assert some(rested, Revive)
    site.memory = rested.memory
    assert not some(site.plan(now_s=NOW_S + 8), Revive), "once"


def test_a_host_that_was_not_there_before_ends_the_rest() -> None:
    site = gang(("n3", 0.0), memory=tried(3, NOW_S + 7, "n1", "n2"))
    plan = site.plan()
    assert kinds(plan) == ["Revive"]
    assert plan.memory.tries[TEXT] == Tries(3, NOW_S, frozenset({"n1 offers 4", "n2 offers 4"}))


def test_a_job_that_finds_all_gets_it_while_it_rests() -> None:
    memory = tried(3, NOW_S + 7, "n1", "n2", "n3")
    plan = gang(("n1", 0.0), ("n2", 0.0), ("n3", 0.0), memory=memory).plan()
    assert len(some(plan, Launch)) == 3
    assert not plan.memory.tries, "the next job that asks for the same begins anew"


def test_what_another_job_may_use_is_kept() -> None:
    memory = tried(3, NOW_S + 7, "n1", "n2")
    site = gang(("n1", 0.0), ("n2", 0.0), memory=memory).asks("4:ppn=3")
    assert not some(site.plan(), Decline)
    site.offers.clear()
    late = site.offer("n1", 4, HOLD_S).plan()
    assert one(late, Decline).reason.code is Code.INCOMPLETE
    assert late.memory.tries["4:ppn=3"].count == 1
    assert late.memory.tries[TEXT].count == 3


@pytest.mark.parametrize("slots", [1, 4])
def test_a_job_on_one_host_has_no_tries(slots: int) -> None:
    site = Site().parked("n1", 4, offered=2).asks(f"1:ppn={slots}")
    assert not site.plan().memory.tries


def test_parts_that_may_share_hosts_have_tries_of_their_own() -> None:
    select = frozen_map({"select": "3:ncpus=4", "place": "scatter"})
    site = gang(("n1", 5.0), ("n2", 5.0)).asks("", resources=select)
    site.asks("", resources=select | {"place": "free"})
    tries = site.plan().memory.tries
    assert sorted(tries) == [TEXT, f"{TEXT} sharing hosts"]
    again = frozen_map({f"{TEXT} sharing hosts": tries[TEXT]})
    assert site.remembers(tries=again).plan().memory.tries[TEXT].count == 1


@pytest.mark.parametrize("place", ["free", "scatter", "group=rack", "scatter:group=rack", "excl"])
def test_each_request_has_a_key_of_its_own(place: str) -> None:
    places = ["free", "scatter", "group=rack", "scatter:group=rack", "excl"]
    keys = {other: parse_select("2:ncpus=2", other).key for other in places}
    assert [other for other, key in keys.items() if key == keys[place]] == [place]
