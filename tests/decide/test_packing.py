"""Packing, held against a matcher that tries every way."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from torque_mesos.decide.packing import Host, Share, Tier, place
from torque_mesos.decide.request import Chunk, Request, parse_nodes


def host(name: str, free: int, tier: Tier = Tier.ONLINE, *properties: str) -> Host:
    return Host(name, free, tier, frozenset({name, *properties}))


hosts = st.lists(
    st.builds(
        lambda number, free, tier, properties: Host(
            f"n{number}", free, tier, properties | {f"n{number}"}
        ),
        st.integers(0, 9),
        st.integers(0, 4),
        st.sampled_from(Tier),
        st.frozensets(st.sampled_from("ab")),
    ),
    max_size=5,
    unique_by=lambda host: host.name,
)
chunks = st.builds(
    Chunk,
    st.integers(1, 3),
    st.integers(1, 4),
    st.frozensets(st.sampled_from(["a", "b", "n1", "n2"]), max_size=2),
)
requests = st.builds(Request, st.lists(chunks, min_size=1, max_size=3).map(tuple)).filter(
    lambda request: request.hosts <= 5
)


def each(request: Request) -> list[Chunk]:
    return [chunk for chunk in request.chunks for _ in range(chunk.count)]


def every_way(request: Request, hosts: list[Host]) -> list[tuple[Host, ...]]:
    parts = each(request)
    return [
        way
        for way in permutations(hosts, len(parts))
        if all(host.serves(part) for host, part in zip(way, parts, strict=True))
    ]


@given(requests, hosts)
@settings(max_examples=300, deadline=None)
def test_finds_a_way_exactly_if_there_is_one_and_the_nearest(
    request_: Request, hosts: list[Host]
) -> None:
    placement = place(request_, hosts)
    ways = every_way(request_, hosts)
    assert (placement is None) == (not ways)
    if placement is None:
        return
    by_name = {host.name: host for host in hosts}
    assert sorted(placement.slots.values()) == sorted(part.slots for part in each(request_))
    assert any(
        {host.name: part.slots for host, part in zip(way, each(request_), strict=True)}
        == placement.slots
        for way in ways
    )
    used = [by_name[name] for name in placement.slots]
    assert placement.tier is max(host.tier for host in used)
    nearest = min(sorted((host.tier for host in way), reverse=True) for way in ways)
    assert sorted((host.tier for host in used), reverse=True) == nearest


@given(requests, hosts, st.randoms())
@settings(deadline=None)
def test_the_order_of_the_hosts_does_not_matter(request_, hosts, random) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(hosts)
    random.shuffle(shuffled)
    assert place(request_, hosts) == place(request_, shuffled)


@pytest.mark.parametrize(
    ("request_", "hosts", "expected"),
    [
        ("1", [host("far", 1, Tier.OFFERED), host("near", 4)], {"near": 1}),
        ("1", [host("large", 4), host("tight", 1)], {"tight": 1}),
        ("1", [host("b", 2), host("a", 2)], {"a": 1}),
        ("1", [host("n10", 2), host("n2", 2)], {"n2": 1}),
        ("1:ppn=2", [host("full", 1), host("fits", 3)], {"fits": 2}),
        ("2", [host("alone", 8)], None),
        ("1:a", [host("plain", 8)], None),
        ("1:a", [host("plain", 1), host("x", 8, Tier.ONLINE, "a")], {"x": 1}),
        ("n2", [host("n1", 1), host("n2", 8)], {"n2": 1}),
        # The part without a name must leave the host that the named one needs.
        ("1:ppn=2+1:a", [host("x", 2, Tier.ONLINE, "a"), host("y", 3)], {"x": 1, "y": 2}),
        # Both fit on near hosts, if the first part makes way for the second.
        (
            "1:a+1:b",
            [
                host("both", 1, Tier.ONLINE, "a", "b"),
                host("only-a", 2, Tier.ONLINE, "a"),
                host("only-b", 1, Tier.OFFERED, "b"),
            ],
            {"both": 1, "only-a": 1},
        ),
    ],
)
def test_choice(request_: str, hosts: list[Host], expected: dict[str, int] | None) -> None:
    placement = place(parse_nodes(request_), hosts)
    assert (placement and placement.slots) == expected


def test_a_fit_is_tight_where_little_is_left_of_the_size_of_the_host() -> None:
    small, large = replace(host("small", 8), size=12), replace(host("large", 16), size=80)
    placement = place(parse_nodes("1:ppn=4"), [small, large])
    assert placement is not None
    assert placement.slots == {"large": 4}
    left = small.without(Share(3))
    placement = place(parse_nodes("1:ppn=4"), [left, replace(host("other", 3), size=4)])
    assert placement is not None
    assert (placement.slots, left.size) == ({"small": 4}, 12)
    fresh = [replace(host("b", 12), size=12), replace(host("a", 80), size=80)]
    placement = place(parse_nodes("1"), fresh)
    assert placement is not None
    assert placement.slots == {"b": 1}, "large hosts are left to those who need them"


def test_a_request_far_too_large_costs_nothing() -> None:
    assert place(parse_nodes("1000000"), [host("n1", 1)]) is None


class TestPartsThatMayShare:
    def test_the_tightest_host_that_holds_all(self) -> None:
        cluster = [host("a", 8), host("b", 4), host("c", 6)]
        placement = place(Request((Chunk(2, 2),), shared=True), cluster)
        assert placement is not None
        assert placement.slots == {"b": 4}

    def test_no_farther_than_is_needed(self) -> None:
        cluster = [host("a", 8, Tier.OFFERED), host("b", 2), host("c", 2)]
        placement = place(Request((Chunk(2, 2),), shared=True), cluster)
        assert placement is not None
        assert (placement.slots, placement.tier) == ({"b": 2, "c": 2}, Tier.ONLINE)

    def test_memory_and_gpus_of_all_parts_together(self) -> None:
        def big(name: str, mem_mb: float, gpus: int) -> Host:
            return Host(name, 8, Tier.OFFERED, frozenset(), (), 100.0, mem_mb, gpus)

        asked = Request((Chunk(2, 2, mem_mb=600, gpus=1),), shared=True)
        for hosts, expected in (
            ([big("a", 1200, 2)], {"a": 4}),
            ([big("a", 1100, 2)], None),
            ([big("a", 1200, 1)], None),
            ([big("a", 1100, 2), big("b", 800, 1)], {"a": 2, "b": 2}),
        ):
            placement = place(asked, hosts)
            assert (placement and placement.slots) == expected
