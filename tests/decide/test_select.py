from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torque_mesos.decide.packing import Host, Tier, place
from torque_mesos.decide.request import Chunk, Request, RequestError, parse_request
from torque_mesos.decide.select import parse_select


def select_of(request: Request) -> tuple[str, str]:
    """The values of `-l select=` and `-l place=` that ask for a request."""
    chunks = []
    for chunk in request.chunks:
        words = [str(chunk.count), f"ncpus={chunk.slots}"]
        words += [f"mem={chunk.mem_mb}mb"] * bool(chunk.mem_mb)
        words += [f"ngpus={chunk.gpus}"] * bool(chunk.gpus)
        for name in sorted(chunk.names):
            resource, more, value = name.partition(">=")
            words.append(f"{resource}={value}" if more else name if "=" in name else f"host={name}")
        chunks.append(":".join(words))
    place = ["free" if request.shared else "scatter"]
    place += ["excl"] * any(chunk.alone for chunk in request.chunks)
    place += [f"group={request.group}"] * bool(request.group)
    return "+".join(chunks), ":".join(place)


def chunk(count: int, slots: int, *names: str, mem_mb: int = 0, gpus: int = 0) -> Chunk:
    return Chunk(count, slots, frozenset(names), mem_mb, gpus)


class TestGrammar:
    @pytest.mark.parametrize(
        ("text", "chunks"),
        [
            ("1", [chunk(1, 1)]),
            ("3", [chunk(3, 1)]),
            ("1:ncpus=1", [chunk(1, 1)]),
            ("ncpus=4:mem=8gb", [chunk(1, 4, mem_mb=8192)]),
            ("2:ncpus=2:mpiprocs=2", [chunk(2, 2)]),
            ("1:ncpus=2:mem=102400KB:mpiprocs=2", [chunk(1, 2, mem_mb=100)]),
            ("2:ncpus=1:mem=50mb+1:ncpus=2", [chunk(2, 1, mem_mb=50), chunk(1, 2)]),
            ("1:ncpus=1:host=pn3+1:ncpus=2:host=pn4", [chunk(1, 1, "pn3"), chunk(1, 2, "pn4")]),
            ("1:vnode=n1.cluster.test", [chunk(1, 1, "n1.cluster.test")]),
            ("2:ncpus=8:mem=4gb:fast=True", [chunk(2, 8, "fast", mem_mb=4096)]),
            ("1:ncpus=1:fast=true:slow=False", [chunk(1, 1, "fast")]),
            ("1:ncpus=1:pool=silver", [chunk(1, 1, "pool=silver")]),
            ('1:ncpus=1:pool="silver"', [chunk(1, 1, "pool=silver")]),
            ("1:ncpus=1:ngpus=2:nmics=0", [chunk(1, 1, gpus=2)]),
            ("1:ncpus=0:ngpus=1", [chunk(1, 1, gpus=1)]),
            ("1:ncpus=1:nmics=2", [chunk(1, 1, "nmics>=2")]),
            ("1:mem=2mw", [chunk(1, 1, mem_mb=16)]),
        ],
    )
    def test_chunks(self, text, chunks):
        assert parse_select(text, "scatter") == Request(tuple(chunks))

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "'' is not a resource"),
            ("0:ncpus=1", "the number of chunks is '0'"),
            ("2:ncpus", "'ncpus' is not a resource"),
            ("2:ncpus=x", "select=2:ncpus=x: at column 16, ncpus is 'x'"),
            ("2:ncpus=-1", "ncpus is '-1'"),
            ("1+", "'' is not a resource"),
            ("1:ncpus=1:host=a;b", "'a;b' is no value of host"),
            ('1:pool="gold', "at column 15, a quote has no end"),
            ("1:nmics=65", "at column 16, nmics=65 is not understood"),
            ("1:mem=much", "at column 14, mem is 'much'"),
            ("1:scratch=10gb", "scratch=10gb is not understood"),
            ("1000:ncpus=10000", "more than 1000000 slots"),
            ("9" * 5000, "the number of chunks is"),
        ],
    )
    def test_what_does_not_parse_is_quoted(self, text, said):
        with pytest.raises(RequestError) as caught:
            parse_select(text)
        assert said in str(caught.value)
        assert len(str(caught.value)) < 400

    @given(
        st.text(max_size=40) | st.text("0123456789:+=ncpusmegbhot'\"", max_size=40),
        st.text(max_size=20) | st.sampled_from(["free", "pack:excl", "group=rack", "scatter"]),
    )
    def test_any_text_is_a_request_that_can_be_asked_for_again_or_an_error(self, text, place):
        try:
            request = parse_select(text, place)
        except RequestError as error:
            assert "at column" in str(error)
            assert len(str(error)) < 400
            return
        assert parse_select(*select_of(request)) == request

    @given(
        st.lists(
            st.builds(
                Chunk,
                st.integers(1, 3),
                st.integers(1, 50),
                st.frozensets(
                    st.sampled_from(["n1.cluster.test", "fast", "pool=gold", "nmics>=2"])
                ),
                st.integers(0, 2**30),
                st.integers(0, 8),
            ),
            min_size=1,
            max_size=4,
        ).map(tuple),
        st.booleans(),
        st.booleans(),
        st.sampled_from(["", "rack"]),
    )
    def test_round_trip(self, chunks, shared, exclusive, group):
        chunks = tuple(replace(chunk, alone=exclusive) for chunk in chunks)
        several = len(chunks) > 1 or chunks[0].count > 1
        request = Request(chunks, shared and several, group)
        assert parse_select(*select_of(request)) == request

    @given(
        st.lists(
            st.tuples(st.integers(1, 9), st.integers(1, 99), st.sampled_from(["", ":fast=True"])),
            min_size=1,
            max_size=5,
        ),
        st.sampled_from(["free", "pack", "scatter", "free:excl", "pack:shared"]),
    )
    def test_the_slots_are_those_that_are_asked_for(self, parts, place):
        text = "+".join(f"{count}:ncpus={cpus}{more}" for count, cpus, more in parts)
        request = parse_select(text, place)
        assert request.slots == sum(count * cpus for count, cpus, _ in parts)


class TestPlace:
    def test_pack_is_one_host(self):
        assert parse_select("2:ncpus=2:fast=True+1", "pack") == Request((chunk(1, 5, "fast"),))

    def test_scatter_is_a_host_for_each(self):
        request = parse_select("2:ncpus=2+1", "scatter:excl")
        assert (request.hosts, request.shared) == (3, False)

    @pytest.mark.parametrize("place", ["free", "free:shared", "excl", "group=rack"])
    def test_free_may_share_hosts(self, place):
        request = parse_select("2:ncpus=2+1", place)
        assert (request.hosts, request.slots, request.shared) == (1, 5, True)

    @pytest.mark.parametrize(
        ("place", "exclusive"),
        [("free", False), ("scatter:shared", False), ("excl", True), ("pack:exclhost", True)],
    )
    def test_hosts_for_this_job_alone(self, place, exclusive):
        assert parse_select("2:ncpus=2", place).chunks[0].alone is exclusive

    def test_pack_sums_what_every_chunk_asks_for(self):
        text = "2:ncpus=2:mem=1gb:ngpus=1+1:mem=512mb"
        whole = Request((chunk(1, 5, mem_mb=2560, gpus=2),))
        assert parse_select(text, "pack") == whole
        assert parse_select(text, "free:group=host") == whole

    def test_hosts_alike(self):
        request = parse_select("2:ncpus=2", "scatter:excl:group=rack")
        assert (request.group, request.chunks[0].alone, request.shared) == ("rack", True, False)

    def test_an_unknown_word(self):
        with pytest.raises(RequestError, match="'near' is not known"):
            parse_select("1", "near:excl")

    def test_a_job_of_openpbs_is_told_by_its_select(self):
        """OpenPBS keeps what was typed beside what it made of it."""
        resources = {
            "ncpus": "2",
            "nodect": "1",
            "nodes": "1:ppn=2:fast",
            "place": "scatter",
            "select": "1:ncpus=2:fast=True:mpiprocs=2",
        }
        assert parse_request(resources) == Request((chunk(1, 2, "fast"),))

    def test_without_a_place_openpbs_means_free(self):
        assert parse_request({"select": "2:ncpus=1"}).shared
        assert not parse_request({"select": "1:ncpus=1"}).shared, "there is nothing to share"


def host(name: str, free: int, tier: Tier = Tier.OFFERED, *names: str) -> Host:
    return Host(name, free, tier, frozenset({name, *names}))


class TestSharedHosts:
    def test_many_chunks_on_few_hosts(self):
        placement = place(parse_select("6:ncpus=1"), [host("a", 4), host("b", 4)])
        assert placement is not None
        assert dict(placement.slots) == {"a": 4, "b": 2}

    def test_what_is_online_is_taken_first(self):
        hosts = [host("a", 8), host("b", 1, Tier.ONLINE), host("c", 9)]
        placement = place(parse_select("1"), hosts)
        assert placement is not None
        assert (dict(placement.slots), placement.tier) == ({"b": 1}, Tier.ONLINE)

    def test_no_chunk_is_divided(self):
        assert place(parse_select("2:ncpus=3"), [host("a", 5), host("b", 2)]) is None

    def test_the_particular_comes_first(self):
        hosts = [host("a", 4, Tier.OFFERED, "fast"), host("b", 2)]
        placement = place(parse_select("1:ncpus=2+1:ncpus=4:fast=True"), hosts)
        assert placement is not None
        assert dict(placement.slots) == {"a": 4, "b": 2}

    @given(
        st.lists(st.integers(0, 8), min_size=1, max_size=5),
        st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=3),
    )
    def test_no_host_is_filled_beyond_its_room(self, free, parts):
        hosts = [host(f"h{n}", slots) for n, slots in enumerate(free)]
        request = parse_select("+".join(f"{count}:ncpus={cpus}" for count, cpus in parts))
        placement = place(request, hosts)
        if placement is not None:
            assert sum(placement.slots.values()) == request.slots
            assert all(placement.slots.get(h.name, 0) <= h.free for h in hosts)
