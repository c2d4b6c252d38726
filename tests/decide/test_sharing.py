"""Parts that may share hosts, held against a packer that tries every way."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.decide.site import Site, one
from torque_mesos.decide import sharing
from torque_mesos.decide.packing import Host, Tier, impossible, place
from torque_mesos.decide.plan import Launch
from torque_mesos.decide.reason import Code
from torque_mesos.decide.request import Chunk, Request
from torque_mesos.decide.select import parse_select
from torque_mesos.model import Job, JobState, frozen_map

SLOT_MB = 100.0

hosts = st.lists(
    st.builds(
        lambda free, names, mem, gpus, tier: Host(
            "", free, tier, names, (), SLOT_MB, free * SLOT_MB + mem, gpus
        ),
        st.integers(0, 8),
        st.frozensets(st.sampled_from("ab")),
        st.sampled_from([0.0, 0.0, 150.0]),
        st.sampled_from([0, 0, 1, 2]),
        st.sampled_from([Tier.ONLINE, Tier.OFFERED, Tier.OFFERED]),
    ),
    min_size=1,
    max_size=4,
).map(
    lambda some: [
        Host(f"n{at}", h.free, h.tier, h.names, (), SLOT_MB, h.mem_mb, h.gpus)
        for at, h in enumerate(some)
    ]
)
chunks = st.builds(
    Chunk,
    st.integers(1, 3),
    st.integers(1, 5),
    st.sampled_from([frozenset(), frozenset(), frozenset("a"), frozenset("b")]),
    st.sampled_from([0, 0, 0, 250]),
    st.sampled_from([0, 0, 0, 1]),
)
requests = (
    st.lists(chunks, min_size=2, max_size=3)
    .map(lambda some: Request(tuple(some), shared=True))
    .filter(lambda request: sum(chunk.count for chunk in request.chunks) <= 5)
)


def _holds(host: Host, parts: list[Chunk]) -> bool:
    slots, gpus = sum(part.slots for part in parts), sum(part.gpus for part in parts)
    if slots > host.free or gpus > host.gpus or any(not p.names <= host.names for p in parts):
        return False
    mem_mb = sum(max(part.mem_mb, part.slots * SLOT_MB) for part in parts)
    return not any(host.wants_all(part) for part in parts) or host.holds(slots, mem_mb, gpus)


def farthest(request: Request, hosts: list[Host]) -> Tier | None:
    """The farthest tier of the nearest of all ways; None if there is no way."""
    parts = [chunk for chunk in request.chunks for _ in range(chunk.count)]
    found: list[Tier] = []
    for way in product(range(len(hosts)), repeat=len(parts)):
        of = {at: [p for p, where in zip(parts, way, strict=True) if where == at] for at in way}
        if all(_holds(hosts[at], some) for at, some in of.items()):
            found.append(max(hosts[at].tier for at in of))
            if found[-1] is Tier.ONLINE:
                break
    return min(found, default=None)


@given(requests, hosts)
@settings(max_examples=150, deadline=None)
def test_finds_a_way_exactly_if_there_is_one(request_: Request, hosts: list[Host]) -> None:
    expected = farthest(request_, hosts)
    placement = place(request_, hosts)
    assert (placement and placement.tier) == expected
    assert impossible(request_, hosts) == (expected is None)
    if placement is not None:
        by_name = {host.name: host for host in hosts}
        assert sum(placement.slots.values()) == request_.slots
        assert all(share.slots <= by_name[n].free for n, share in placement.shares.items())


def plain(*sizes: int) -> list[Host]:
    return [Host(f"h{at}", n, Tier.OFFERED, frozenset("b")) for at, n in enumerate(sizes)]


@pytest.mark.parametrize(
    ("select", "sizes"),
    [
        ("1:ncpus=2:b=True+1:ncpus=3", (2, 3)),
        ("2:ncpus=1+1:ncpus=6+2:ncpus=4", (6, 3, 8)),
        ("3:ncpus=3+4:ncpus=2+1:ncpus=1", (9, 9)),
    ],
)
def test_parts_that_only_just_fit(select: str, sizes: tuple[int, ...]) -> None:
    placement = place(parse_select(select), plain(*sizes))
    assert placement is not None
    assert sum(placement.slots.values()) == parse_select(select).slots


def test_what_is_not_proven_is_not_impossible(monkeypatch: pytest.MonkeyPatch) -> None:
    request = parse_select("2:ncpus=4+1:ncpus=3+1:ncpus=1")
    assert impossible(request, plain(6, 6))
    for limit in ("_MOST_STEPS", "_MOST_DEPTH"):
        with monkeypatch.context() as patch:
            patch.setattr(sharing, limit, 0)
            assert place(request, plain(6, 6)) is None
            assert not impossible(request, plain(6, 6))
            assert impossible(parse_select("5:ncpus=1+8:ncpus=1"), plain(6, 6)), "by its sum"
            assert impossible(parse_select("3:ncpus=4"), plain(6, 6)), "by the size of a part"


def _asks(select: str) -> Site:
    site = Site().parked("h0", 2, offered=2).parked("h1", 3, offered=3)
    words = frozen_map({"select": select, "place": "free"})
    site.jobs.append(Job("1.head", "j", "u", "batch", JobState.QUEUED, words))
    return site


def test_the_smaller_host_is_left_to_the_part_with_more_memory() -> None:
    reason = _asks("1:ncpus=2:mem=2gb+1:ncpus=3").plan().jobs["1.head"]
    assert (reason.code, "h0, h1" in reason.text) == (Code.STARTING_NODES, True)


def test_why_parts_never_fit_is_told_in_short() -> None:
    reason = _asks("2:ncpus=2+1:ncpus=2").plan().jobs["1.head"]
    assert (reason.code, reason.text) == (
        Code.NEVER_TOO_LARGE,
        "can never run: its parts (2:ppn=2+1:ppn=2) do not fit together on the hosts that there"
        " are",
    )
    reason = _asks("+".join(["1:ncpus=1"] * 3000)).plan().jobs["1.head"]
    assert reason.code is Code.NEVER_TOO_LARGE
    assert "..." in reason.text
    assert len(reason.text) < 400


def test_a_worker_grows_in_place_for_parts_that_may_share_hosts() -> None:
    site = Site().online("n1", 2, 8).offer("n1", 6)
    words = frozen_map({"select": "3:ncpus=2", "place": "free"})
    plan = site.asks("", resources=words).plan()
    assert plan.jobs["0.head"].code is Code.STARTING_NODES
    assert (one(plan, Launch).name, one(plan, Launch).slots) == ("n1", 4)


def test_what_is_nearer_is_taken_before_a_worker_grows() -> None:
    near = Host("n1", 2, Tier.ONLINE, frozenset(), ((Tier.GROWN, 8),))
    also = Host("n2", 4, Tier.READY, frozenset())
    placement = place(parse_select("3:ncpus=2"), [near, also])
    assert placement is not None
    assert (placement.slots, placement.tier) == ({"n1": 2, "n2": 4}, Tier.READY)
    grown = place(parse_select("4:ncpus=2"), [near, also])
    assert grown is not None
    assert grown.tier is Tier.GROWN


def test_parts_that_want_a_host_alone_do_not_count_on_slots_that_a_worker_may_get() -> None:
    host = Host("n1", 2, Tier.ONLINE, frozenset(), ((Tier.GROWN, 8),), SLOT_MB, 2 * SLOT_MB)
    assert place(parse_select("2:ncpus=2", "excl"), [host]) is None


def test_a_request_for_which_neither_a_way_nor_a_proof_is_found_is_told_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sharing, "_MOST_DEPTH", 0)
    site = Site().parked("n1", 6).parked("n2", 6, offered=6)
    words = frozen_map({"select": "2:ncpus=4+1:ncpus=3+1:ncpus=1", "place": "free"})
    reason = site.asks("", resources=words).plan().jobs["0.head"]
    assert reason.code is Code.WAITING_FOR_OFFERS
    assert "it may never run: no way was found to put all its parts" in reason.text
