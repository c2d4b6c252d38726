"""Worlds of two hosts only: what one of them loses, no other one has."""

from __future__ import annotations

from random import Random

from tests.decide.world.ending import played, settle
from tests.decide.world.parts import Box, Record
from tests.decide.world.plain import SLOT
from tests.decide.world.troubles import trouble
from tests.decide.world.world import World
from torque_mesos.decide import Policy

UPGRADE, NO_CAPACITY, FAILURES, A_JOB = 15, 18, 22, 23  # as in troubles.py


def make_world(seed: int) -> World:
    random = Random(seed)
    policy = Policy(
        slot=SLOT,
        attribute_properties=("kind",),
        generation="g1",
        park=random.random() < 0.7,
        grace_s=random.choice([0.0, 10.0]),
        forget_after_s=60.0,
        capacity_record="localhost",
    )
    boxes = {
        name: Box(name, f"a-{name}", SLOT * random.choice([2, 4]), {"kind": kind})
        for name, kind in (("n1", "fat"), ("n2", "thin"))
    }
    world = World(policy, random, boxes)
    world.records["static"] = Record("static", 1, frozenset({"old"}), "", offline=True)
    world.favours = random.choice(
        [(NO_CAPACITY, A_JOB), (UPGRADE, A_JOB, A_JOB), (FAILURES, A_JOB)]
    )
    return world


def play(seed: int) -> World:
    """All of one world. Raises AssertionError (Broken, where it was a rule) when it goes wrong."""
    return played(make_world(seed), trouble, settle)
