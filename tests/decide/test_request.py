"""The request grammar: what parses to what, what does not, and what the error says."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from torque_mesos.decide.request import (
    MAX_COUNT,
    Chunk,
    Request,
    RequestError,
    parse_nodes,
    parse_request,
)


def chunk(count: int = 1, slots: int = 1, *names: str) -> Chunk:
    return Chunk(count, slots, frozenset(names))


ACCEPTED = {
    "1": (chunk(),),
    "4": (chunk(4),),
    "2:ppn=3": (chunk(2, 3),),
    "1:ppn=1": (chunk(),),
    "n1": (chunk(1, 1, "n1"),),
    "n1:ppn=2": (chunk(1, 2, "n1"),),
    "n1.cluster.test:ppn=2": (chunk(1, 2, "n1.cluster.test"),),
    "2:fat": (chunk(2, 1, "fat"),),
    "2:fat:ppn=4:ssd": (chunk(2, 4, "fat", "ssd"),),
    "fat:ssd": (chunk(1, 1, "fat", "ssd"),),
    "n1+n2": (chunk(1, 1, "n1"), chunk(1, 1, "n2")),
    "2:ppn=2+1:ppn=8:fat": (chunk(2, 2), chunk(1, 8, "fat")),
    "1#excl": (chunk(),),
    "_x-y.z9": (chunk(1, 1, "_x-y.z9"),),
    "007": (chunk(7),),
}

# text -> words that the error must hold, so that a user finds the place
REJECTED = {
    "": ("''", "name"),
    "0": ("number of nodes", "'0'"),
    "1:ppn=0": ("ppn", "'0'"),
    "1:ppn=": ("ppn", "''"),
    "1:ppn=x": ("ppn", "'x'"),
    "1:ppn=-1": ("ppn", "'-1'"),
    "1:ppn=1.5": ("ppn", "'1.5'"),
    "1:ppn=²": ("ppn", "'²'"),
    "-1": ("'-1'", "name"),
    "1+": ("''", "name"),
    "+1": ("''", "name"),
    "1::fat": ("''", "name"),
    "1:fat;reboot": ("'fat;reboot'", "name"),
    "1:$(id)": ("'$(id)'", "name"),
    "1:fat ": ("'fat '", "name"),
    "1:fat\n": ("fat\\n", "name"),
    "1:2": ("'2'", "name"),
    "1:gpus=2": ("'gpus=2'", "ppn="),
    "1#other": ("'other'", "'excl'"),
    "1#": ("''", "'excl'"),
    "1:größe": ("'größe'", "name"),
    str(MAX_COUNT + 1): ("number of nodes", str(MAX_COUNT)),
    f"{MAX_COUNT}:ppn=2": ("more than", str(MAX_COUNT)),
    "9" * 5000: ("number of nodes", str(MAX_COUNT)),
    "1:ppn=" + "9" * 5000: ("ppn", str(MAX_COUNT)),
}


@pytest.mark.parametrize(("text", "chunks"), ACCEPTED.items())
def test_accepted(text: str, chunks: tuple[Chunk, ...]) -> None:
    assert parse_nodes(text).chunks == chunks


@pytest.mark.parametrize(("text", "words"), REJECTED.items(), ids=lambda value: str(value)[:20])
def test_rejected_with_the_place_and_what_would_be_right(text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(RequestError) as caught:
        parse_nodes(text)
    for word in words:
        assert word in str(caught.value)
    assert len(str(caught.value)) < 400, "an error is one sentence, whatever the user typed"


def test_totals() -> None:
    request = parse_nodes("2:ppn=2:a+1:ppn=8:b")
    assert (request.hosts, request.slots, request.names) == (3, 12, {"a", "b"})


@pytest.mark.parametrize(
    ("resources", "request_"),
    [
        ({}, "1:ppn=1"),
        ({"walltime": "01:00:00"}, "1:ppn=1"),
        ({"nodes": "2:ppn=2"}, "2:ppn=2"),
        ({"nodes": "2", "procs": "9"}, "2:ppn=1"),
        ({"ncpus": "4"}, "1:ppn=4"),
        ({"ncpus": "4", "nodes": "1:ppn=2"}, "1:ppn=2"),
    ],
)
def test_resource_list(resources: dict[str, str], request_: str) -> None:
    assert parse_request(resources) == parse_nodes(request_)


@pytest.mark.parametrize(
    ("resources", "text"),
    [
        ({"procs": "3"}, "procs=3"),
        ({"ncpus": "0"}, "ncpus=0"),
        ({"ncpus": "many"}, "ncpus=many"),
        ({"nodes": "2:ppn"}, None),
    ],
)
def test_resource_list_rejected(resources: dict[str, str], text: str | None) -> None:
    if text is None:
        assert parse_request(resources).names == {"ppn"}  # a property may be called so
        return
    with pytest.raises(RequestError, match=f"^{text}: "):
        parse_request(resources)


names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.\-]{0,6}", fullmatch=True)
chunks = st.builds(
    Chunk,
    st.integers(1, 50),
    st.integers(1, 50),
    st.frozensets(names, max_size=3),
)
requests = st.builds(Request, st.lists(chunks, min_size=1, max_size=4).map(tuple))


@given(requests)
def test_round_trip(request_: Request) -> None:
    assert parse_nodes(str(request_)) == request_


@given(st.text(max_size=40) | st.text("0123456789:+=#ppnab.-", max_size=40))
@example("1" * 5000)
def test_any_text_parses_or_is_a_request_error(text: str) -> None:
    try:
        request = parse_nodes(text)
    except RequestError as error:
        assert str(error)
    else:
        assert 1 <= request.hosts <= request.slots <= MAX_COUNT
        assert parse_nodes(str(request)) == request


@given(
    st.dictionaries(
        st.sampled_from(["nodes", "procs", "ncpus", "mem", "walltime"]), st.text(max_size=20)
    )
)
def test_any_resource_list_parses_or_is_a_request_error(resources: dict[str, str]) -> None:
    try:
        request = parse_request(resources)
    except RequestError:
        return
    assert request.slots >= 1
