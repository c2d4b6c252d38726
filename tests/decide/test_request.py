"""The request grammar: what parses to what, what does not, and what the error says."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from torque_mesos.decide.grammar import MAX_COUNT, RequestError, seconds
from torque_mesos.decide.request import (
    Chunk,
    Request,
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
    "1#excl": (chunk(1, 1, "excl"),),
    "2:ppn=2+n7#fat:ssd#new": (
        chunk(2, 2, "fat", "ssd", "new"),
        chunk(1, 1, "n7", "fat", "ssd", "new"),
    ),
    "1+2#ppn=4": (chunk(1, 4), chunk(2, 4)),
    "4:ppn=2:gpus=1:fat+2:ppn=8+host3": (
        Chunk(4, 2, frozenset({"fat"}), gpus=1),
        chunk(2, 8),
        chunk(1, 1, "host3"),
    ),
    "1:gpus=2:shared:reseterr": (Chunk(1, 1, gpus=2),),
    "1:shared:gpus=2": (Chunk(1, 1, frozenset({"shared"}), gpus=2),),
    "1:mics=2": (chunk(1, 1, "mics>=2"),),
    "_x-y.z9": (chunk(1, 1, "_x-y.z9"),),
    "007": (chunk(7),),
}

# text -> words that the error must hold, so that a user finds the place
REJECTED = {
    "": ("nodes=: at column 7,", "''", "name"),
    "0": ("number of nodes", "'0'"),
    "1:ppn=0": ("ppn", "'0'"),
    "1:ppn=": ("ppn", "''"),
    "1:ppn=x": ("nodes=1:ppn=x: at column 13, ppn is 'x'",),
    "2:ppn=2+1:fat:ppn=x": ("at column 25, ppn is 'x'",),
    "2:fat#ssd:big=1": ("at column 17, 'big'",),
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
    "1:gpus=0": ("gpus", "'0'"),
    "1:cpus=2": ("'cpus'", "ppn="),
    "1#": ("at column 9, ''", "name"),
    "1:fat|2": ("'fat|2'", "name"),
    "x" * 300 + ":ppn=x": ("at column 312, ppn is 'x'", ":ppn=x: at"),
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
        ({"nodes": "2:ppn=2", "neednodes": "2:ppn=2", "nodect": "2"}, "2:ppn=2"),
        ({"nodes": "2", "neednodes": "n1+n2"}, "n1+n2"),
        ({"nodes": "2", "feature": "fat:ssd"}, "2:fat:ssd"),
        ({"nodes": "2", "feature": "fat|ssd"}, "2"),
        ({"nodes": "1", "x": "GRES:licence@2", "opsys": "linux", "software": "abc"}, "1"),
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
        ({"nodes": "1", "mem": "4 gb"}, "mem=4 gb"),
        ({"nodes": "1", "pmem": "gb"}, "pmem=gb"),
        ({"nodes": "1", "vmem": "-1gb"}, "vmem=-1gb"),
        ({"nodes": "1", "pvmem": "4gbb"}, "pvmem=4gbb"),
        ({"nodes": "1", "mem": "0x10mb"}, "mem=0x10mb"),
        ({"nodes": "1", "mem": "9" * 5000}, "mem=99"),
        ({"nodes": "1", "mem": "16eb"}, "mem=16eb"),
        ({"nodes": "1", "neednodes": "1:ppn=0"}, "neednodes=1:ppn=0"),
        ({"nodes": "1", "feature": "a:b c"}, "feature=a:b c"),
        ({"nodes": "2:ppn"}, None),
    ],
)
def test_resource_list_rejected(resources: dict[str, str], text: str | None) -> None:
    if text is None:
        assert parse_request(resources).names == {"ppn"}  # a property may be called so
        return
    with pytest.raises(RequestError, match=f"^{text}"):
        parse_request(resources)


@pytest.mark.parametrize(
    ("resources", "mem_mb"),
    [
        ({"nodes": "1:ppn=4", "pmem": "2gb"}, [8192]),
        ({"nodes": "1:ppn=4", "pvmem": "2gb"}, [8192]),
        ({"nodes": "1:ppn=4", "mem": "2gb"}, [2048]),
        ({"nodes": "2:ppn=4", "vmem": "2gb"}, [1024]),
        ({"nodes": "1:ppn=3+2", "mem": "1000mb"}, [600, 200]),
        ({"nodes": "1:ppn=2", "mem": "2gb", "pmem": "3gb"}, [6144]),
        ({"nodes": "1:ppn=2", "mem": "8gb", "pmem": "3gb"}, [8192]),
        ({"ncpus": "2", "mem": "3gb"}, [3072]),
        ({"mem": "0"}, [0]),
        ({"mem": "1"}, [1]),
        ({"mem": "1048577b"}, [2]),
        ({"mem": "1048576"}, [1]),
        ({"mem": "2048kb"}, [2]),
        ({"mem": "2048K"}, [2]),
        ({"mem": "7MB"}, [7]),
        ({"mem": "7m"}, [7]),
        ({"mem": "1mw"}, [4]),
        ({"mem": "262144w"}, [1]),
        ({"mem": "3Gb"}, [3072]),
        ({"mem": "1tb"}, [2**20]),
        ({"mem": "1pb"}, [2**30]),
    ],
)
def test_memory_of_each_host(resources: dict[str, str], mem_mb: list[int]) -> None:
    assert [chunk.mem_mb for chunk in parse_request(resources).chunks] == mem_mb


@pytest.mark.parametrize(
    ("policy", "alone"), [("singlejob", True), ("SINGLETASK", True), ("shared", False)]
)
def test_hosts_for_one_job_alone(policy: str, alone: bool) -> None:
    assert parse_request({"nodes": "2", "naccesspolicy": policy}).chunks[0].alone is alone


@pytest.mark.parametrize(
    ("text", "seconds_"),
    [("01:30:00", 5400), ("5400", 5400), ("90:00", 5400), ("100:00:01.5", 360001), ("0", 0)],
)
def test_walltime(text: str, seconds_: float) -> None:
    assert seconds(text) == seconds_


@pytest.mark.parametrize("text", ["", "1:2:3:4", "-1", "1h", "1:", "9" * 5000, "²"])
def test_no_walltime(text: str) -> None:
    with pytest.raises(RequestError, match=r"^walltime="):
        seconds(text)


@pytest.mark.parametrize(
    ("text", "column", "part"),
    [("1:xx:00", 12, "'xx'"), ("2d", 10, "'2d'"), ("1:2:3:4", 16, "'4'"), ("1:", 12, "''")],
)
def test_the_wrong_part_of_a_walltime_is_marked(text: str, column: int, part: str) -> None:
    with pytest.raises(RequestError, match=f"at column {column}, {part} is no part of a time"):
        seconds(text)


names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.\-]{0,6}", fullmatch=True)
chunks = st.builds(
    Chunk,
    st.integers(1, 50),
    st.integers(1, 50),
    st.frozensets(names, max_size=3),
    gpus=st.integers(0, 4),
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
        if not any("mics>=" in name for name in request.names):
            assert parse_nodes(str(request)) == request


@given(
    st.dictionaries(
        st.sampled_from(
            ["nodes", "neednodes", "procs", "ncpus", "mem", "pmem", "vmem", "feature", "select"]
        ),
        st.text(max_size=20) | st.text("0123456789kmgtbw:=+#ap", max_size=12),
    )
)
def test_any_resource_list_parses_or_is_a_request_error(resources: dict[str, str]) -> None:
    try:
        request = parse_request(resources)
    except RequestError:
        return
    assert request.slots >= 1
    assert request.mem_mb >= 0
