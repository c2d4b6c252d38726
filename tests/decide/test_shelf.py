"""A shelf's few hosts are as good as all of them, also after many were taken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torque_mesos.decide.packing import Host, Share, Tier, place
from torque_mesos.decide.request import Chunk, Request
from torque_mesos.decide.shelf import Shelf

SLOT_MB = 100.0
WORDS = st.frozensets(st.sampled_from(["a", "b"]))


@st.composite
def hosts(draw: st.DrawFn) -> dict[str, Host]:
    found = {}
    for number in range(draw(st.integers(0, 9))):
        free = draw(st.integers(0, 4))
        tier = draw(st.sampled_from([Tier.ONLINE, Tier.DRAINING, Tier.OFFERED]))
        more = draw(st.integers(0, 3)) if tier is not Tier.OFFERED else 0
        later = ((Tier.GROWN, free + more),) if more else ()
        found[f"h{number}"] = Host(
            f"h{number}",
            free,
            tier,
            draw(WORDS),
            later,
            SLOT_MB,
            mem_mb=free * SLOT_MB + draw(st.sampled_from([0.0, 100.0, 400.0])),
            gpus=draw(st.integers(0, 2)),
            later_gpus=draw(st.integers(0, 1)) if more else 0,
            untouched=draw(st.booleans()),
            size=draw(st.sampled_from([0, 4, 8, 40])),
        )
    return found


CHUNK = st.builds(
    Chunk,
    st.integers(1, 3),
    st.integers(1, 4),
    WORDS,
    st.sampled_from([0, 0, 100, 250, 500]),
    st.sampled_from([0, 0, 1, 2]),
    st.sampled_from([False, False, True]),
)
REQUESTS = st.lists(
    st.builds(
        lambda chunks, shared: Request(tuple(chunks), shared),
        st.lists(CHUNK, min_size=1, max_size=3),
        st.booleans(),
    ),
    max_size=8,
)


@given(hosts(), REQUESTS)
def test_a_place_among_the_candidates_is_the_one_among_all(
    cluster: dict[str, Host], requests: list[Request]
) -> None:
    shelf = Shelf(dict(cluster))
    for request in requests * 2:
        everywhere = place(request, [host for host in cluster.values() if host.room > 0])
        placement = place(request, shelf.candidates(request))
        if everywhere is None or placement is None:
            assert placement == everywhere
            continue
        # The best set of hosts is one; which host of it gets which part may differ.
        assert placement.slots.keys() == everywhere.slots.keys()
        for name, share in placement.shares.items():
            cluster[name] = cluster[name].without(share)
            shelf.take(name, share)
    assert shelf.hosts == cluster


@given(hosts(), REQUESTS)
def test_no_slot_memory_or_gpu_is_counted_on_twice(
    cluster: dict[str, Host], requests: list[Request]
) -> None:
    """Whatever is placed where: what it asked for is there, and stays there.

    Whoever is put beside a job by the batch scheduler finds slots that have their memory.
    """
    shelf = Shelf(dict(cluster))
    placed: dict[str, list[Share]] = {}
    for request in requests * 2:
        placement = place(request, shelf.candidates(request))
        if placement is None:
            continue
        assert sum(placement.slots.values()) == request.slots
        assert sum(share.gpus for share in placement.shares.values()) == request.gpus
        for name, share in placement.shares.items():
            placed.setdefault(name, []).append(share)
            shelf.take(name, share)
        counted = sum(
            max(share.mem_mb, share.slots * SLOT_MB) for share in placement.shares.values()
        )
        assert counted >= request.mem_mb
    for name, jobs in placed.items():
        host = cluster[name]
        assert sum(share.slots for share in jobs) <= host.room
        assert sum(share.gpus for share in jobs) <= host.gpus + host.later_gpus
        if any(share.alone for share in jobs):
            (share,) = jobs
            assert host.untouched
            others = 0 if host.tier is Tier.OFFERED else host.free - share.slots
            if share.mem_mb > share.slots * SLOT_MB:
                assert share.mem_mb + others * SLOT_MB <= host.mem_mb


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"a": "rack=1", "b": "rack=2", "c": "rack=2"}, {"b", "c"}),
        ({"a": "rack=1", "b": "rack=2", "c": "row=2"}, None),
        ({"a": "rack=1", "b": "rack=1", "c": "rack=2"}, {"a", "b"}),
    ],
)
def test_hosts_of_one_group(words: dict[str, str], expected: set[str] | None) -> None:
    cluster = {n: Host(n, 4, Tier.OFFERED, frozenset({n, word})) for n, word in words.items()}
    request = Request((Chunk(2, 3),), group="rack")
    placement = place(request, Shelf(cluster).candidates(request))
    assert (placement and set(placement.slots)) == expected


def test_hosts_with_gpus_are_left_to_those_who_want_them() -> None:
    cluster = {
        "a": Host("a", 4, Tier.OFFERED, frozenset(), gpus=4),
        "b": Host("b", 4, Tier.OFFERED, frozenset(), gpus=1),
        "c": Host("c", 8, Tier.OFFERED, frozenset()),
    }
    for gpus, name in ((0, "c"), (1, "b"), (2, "a")):
        placement = place(Request((Chunk(1, 1, gpus=gpus),)), list(cluster.values()))
        assert placement is not None
        assert list(placement.slots) == [name]


def test_few_hosts_are_candidates() -> None:
    cluster = {f"h{n}": Host(f"h{n}", n % 7, Tier.ONLINE, frozenset()) for n in range(500)}
    request = Request((Chunk(2, 3), Chunk(1, 5)))
    assert len(Shelf(cluster).candidates(request)) <= 6
