"""The sizes of the grants that a host gets."""

from __future__ import annotations

import pytest

from tests.decide.site import Site, one
from torque_mesos.decide.plan import Launch, Part
from torque_mesos.decide.trim import parts
from torque_mesos.model import Resources


@pytest.mark.parametrize("slots", range(1, 81))
def test_any_number_of_slots_can_be_given_back(slots: int) -> None:
    slot = Resources(1.0, 1024.0)
    first, *others = (part.slots for part in parts(slot * slots, slots, slot, first=True))
    assert first == 1
    sums = {0}
    for size in others:
        sums |= {size + other for other in sums}
    assert sums == set(range(slots))
    assert sum(part.slots for part in parts(slot * slots, slots, slot, first=False)) == slots


def test_what_is_beyond_the_slots_is_in_the_first_part() -> None:
    slot, whole = Resources(1.0, 1024.0), Resources(3.0, 9000.0, 2)
    found = parts(whole, 3, slot, first=True)
    assert sum((part.resources for part in found), Resources()) == whole
    assert [part.slots for part in found] == [1, 1, 1]
    assert [part.resources for part in found[1:]] == [slot, slot]
    assert parts(Resources(0.0, 512.0), 0, slot, first=False) == (Part(0, Resources(0.0, 512.0)),)


def test_a_launch_has_grants_that_sum_up() -> None:
    site = Site().parked("n1", 8, offered=7).asks("1:ppn=7")
    launch = one(site.plan(), Launch)
    assert launch.parts == tuple(Part(n, site.policy.slot * n) for n in (1, 1, 2, 3))
