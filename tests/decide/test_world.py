"""`decide` in worlds full of faults: the rules hold in every turn, and all ends well."""

from __future__ import annotations

import os

import pytest

from tests.decide.world import bare, plain, pools

# More of them: DECIDE_SEEDS=2000 pytest tests/decide/test_world.py
SEEDS = int(os.environ.get("DECIDE_SEEDS", "24"))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_rules_hold_and_all_ends_well(seed: int) -> None:
    plain.play(seed)


@pytest.mark.parametrize("seed", range(max(8, SEEDS // 3)))
def test_rules_hold_in_every_pool_and_all_ends_well(seed: int) -> None:
    pools.play(seed)


@pytest.mark.parametrize("seed", range(max(8, SEEDS // 3)))
def test_rules_hold_where_there_are_two_hosts_only(seed: int) -> None:
    bare.play(seed)
