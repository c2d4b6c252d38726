"""A shelf's few hosts are as good as all of them, also after many were taken."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from torque_mesos.decide.packing import Host, Tier, place
from torque_mesos.decide.request import Chunk, Request
from torque_mesos.decide.shelf import Shelf

WORDS = st.frozensets(st.sampled_from(["a", "b"]))


@st.composite
def hosts(draw: st.DrawFn) -> dict[str, Host]:
    found = {}
    for number in range(draw(st.integers(0, 9))):
        free = draw(st.integers(0, 4))
        tier = draw(st.sampled_from([Tier.ONLINE, Tier.DRAINING, Tier.OFFERED]))
        more = draw(st.integers(0, 3)) if tier is not Tier.OFFERED else 0
        later = ((Tier.GROWN, free + more),) if more else ()
        found[f"h{number}"] = Host(f"h{number}", free, tier, draw(WORDS), later)
    return found


CHUNK = st.builds(Chunk, st.integers(1, 3), st.integers(1, 4), WORDS)
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
        for name, slots in placement.slots.items():
            cluster[name] = cluster[name].without(slots)
            shelf.take(name, slots)
    assert shelf.hosts == cluster


def test_few_hosts_are_candidates() -> None:
    cluster = {f"h{n}": Host(f"h{n}", n % 7, Tier.ONLINE, frozenset()) for n in range(500)}
    request = Request((Chunk(2, 3), Chunk(1, 5)))
    assert len(Shelf(cluster).candidates(request)) <= 6
