"""What one job asks for: the grammar of TORQUE's `-l`. (OpenPBS': see `select`.)

Grammar (qsub's manual, "Requesting Resources", and TORQUE 6.1's `proplist`), as far as it
decides on hosts::

    nodes  = part *("+" part) *("#" words)
    part   = [count | name] *(":" words)
    words  = word *(":" word)
    word   = "ppn=" count | "gpus=" count | "mics=" count | name

A name is a property or a host. Every counted part is a host of its own. What stands after
`#` is said of every part (so `#excl` and `#shared` are properties, as any other word there).
After `gpus=` TORQUE takes some words for the mode of the gpus: they decide on no host.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from torque_mesos.decide.grammar import MAX_COUNT as MAX_COUNT
from torque_mesos.decide.grammar import RequestError as RequestError
from torque_mesos.decide.grammar import Source
from torque_mesos.model import Resources

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]*\Z")
_COUNTED = ("ppn", "gpus", "mics")
_GPU_MODES = frozenset(
    {"exclusive", "exclusive_thread", "exclusive_process", "default", "shared", "reseterr"}
)
_PER_SLOT = ("pmem", "pvmem")
_PER_JOB = ("mem", "vmem")
_MEMORY = (*_PER_SLOT, *_PER_JOB)
MEMORY = frozenset(_MEMORY)
_FURTHER = MEMORY | {"select", "feature", "naccesspolicy"}
_LONGEST = 200  # characters of a request in a sentence
_WORD_BYTES = 4  # sizeof(int), as in TORQUE's attr_fn_size.c
_ALONE = frozenset({"singlejob", "singletask"})
_FEATURE = re.compile(r"[:,&]")


@dataclass(frozen=True, slots=True)
class Chunk:
    """`count` hosts with `slots` slots each; each has every one of `names` (property or host).

    `mem_mb`: the memory that is asked for on each host, 0 where none is: the slots' own will
    do. `gpus`: on each host. `alone`: no other job may be on those hosts.
    """

    count: int
    slots: int
    names: frozenset[str] = frozenset()
    mem_mb: int = 0
    gpus: int = 0
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """What one job asks for.

    `shared`: its parts may be on one host, as there is room. `group`: all its hosts have one
    and the same value of this resource.
    """

    chunks: tuple[Chunk, ...]
    shared: bool = False
    group: str = ""
    _hash: int = field(init=False, repr=False, compare=False)  # asked for with every job

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.chunks, self.shared, self.group)))

    def __hash__(self) -> int:
        return self._hash

    @property
    def hosts(self) -> int:
        """How many hosts, at least."""
        return 1 if self.shared else sum(chunk.count for chunk in self.chunks)

    @property
    def slots(self) -> int:
        """How many slots on all hosts together."""
        return sum(chunk.count * chunk.slots for chunk in self.chunks)

    @property
    def mem_mb(self) -> int:
        """The memory that it asks for on all hosts together."""
        return sum(chunk.count * chunk.mem_mb for chunk in self.chunks)

    @property
    def gpus(self) -> int:
        """The gpus on all hosts together."""
        return sum(chunk.count * chunk.gpus for chunk in self.chunks)

    @property
    def names(self) -> frozenset[str]:
        """Every property or host that it names."""
        return frozenset().union(*(chunk.names for chunk in self.chunks))

    @property
    def pool(self) -> str:
        """The pool whose hosts it asks for; empty where there are no pools."""
        return pool_in(self.names)

    def __str__(self) -> str:
        return _text(self.chunks)

    @property
    def key(self) -> str:
        """Its text, and how its parts may be on hosts: no other request has the same."""
        text = str(self) + " sharing hosts" * self.shared
        return f"{text} with one {self.group}" if self.group else text

    @property
    def brief(self) -> str:
        """Its text, for a sentence: the beginning, where there is much of it. No pools' words."""
        text = "+".join(_part_text(chunk, told(chunk.names)) for chunk in self.chunks)
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def cost_of(request: Request, slot: Resources) -> Resources:
    """What Mesos must give for a request, where one slot is `slot`."""
    mem_mb = sum(c.count * max(c.mem_mb, c.slots * slot.mem_mb) for c in request.chunks)
    return Resources(round(slot.cpus * request.slots, 3), round(mem_mb, 3), request.gpus)


def told(names: Iterable[str]) -> list[str]:
    """The names that a user may have written, in order: those of pools begin with `@`."""
    return sorted(name for name in names if not name.startswith("@"))


def pool_in(names: Iterable[str]) -> str:
    """The pool that is among names; empty where none is."""
    return next((name[1:] for name in names if name.startswith("@")), "")


@lru_cache(maxsize=4096)
def _text(chunks: tuple[Chunk, ...]) -> str:
    return "+".join(_part_text(chunk, chunk.names) for chunk in chunks)


def _part_text(chunk: Chunk, names: Iterable[str]) -> str:
    words = [str(chunk.count), f"ppn={chunk.slots}", *sorted(names)]
    words += [f"gpus={chunk.gpus}"] * bool(chunk.gpus)
    text = ":".join(words)
    text += f" with {chunk.mem_mb} MB" if chunk.mem_mb else ""
    return f"{text} alone" if chunk.alone else text


def _part(part: str, at: int, source: Source, more: tuple[tuple[str, int], ...]) -> Chunk:
    """Read a part that begins at a place, and what is said of every part."""
    words = []
    for word in part.split(":"):
        words.append((word, at))
        at += len(word) + 1
    count = 1
    if words[0][0].isascii() and words[0][0].isdigit():
        count = source.count(*words.pop(0), "the number of nodes")
    numbers = dict.fromkeys(_COUNTED, 0)
    names: set[str] = set()
    for word, place in (*words, *more):
        key, equals, value = word.partition("=")
        if equals and key in _COUNTED:
            numbers[key] = source.count(value, place + len(key) + 1, key)
        elif equals:
            raise source.error(
                place, f"{key!r:.90} is not known, only ppn=, gpus= and mics= have a value here"
            )
        elif not _NAME.match(word):
            raise source.error(
                place,
                f"{word!r:.90} is no name of a property or host (letters, digits, '_', '-' and"
                " '.', a letter first)",
            )
        elif not (numbers["gpus"] and word.lower() in _GPU_MODES):
            names.add(word)
    if numbers["mics"]:
        names.add(f"mics>={numbers['mics']}")
    return Chunk(count, numbers["ppn"] or 1, frozenset(names), gpus=numbers["gpus"])


@lru_cache(maxsize=4096)
def parse_nodes(text: str, name: str = "nodes") -> Request:
    """Parse the value of `-l nodes=`.

    Raises:
        RequestError: it does not parse.
    """
    source = Source(name, text)
    specification, *suffixes = text.split("#")
    more: list[tuple[str, int]] = []
    at = len(specification) + 1
    for suffix in suffixes:
        for word in suffix.split(":"):
            more.append((word, at))
            at += len(word) + 1
    chunks, at = [], 0
    for part in specification.split("+"):
        chunks.append(_part(part, at, source, tuple(more)))
        at += len(part) + 1
    request = Request(tuple(chunks))
    if request.slots > MAX_COUNT:
        raise source.error(0, f"that is more than {MAX_COUNT} slots")
    return request


def parse_request(resources: Mapping[str, str]) -> Request:
    """What a job's `Resource_List` asks for; one slot where it says nothing.

    TORQUE's server has put the defaults of its queue into the list. `neednodes` is what it
    will run the job on, where that differs from `nodes`. Of the rest, pbs_sched looks at
    none when it chooses hosts (it compares `mem` and its like with what is set for the
    whole server only); we do so:

    - `pmem` and `pvmem` are for each slot, `mem` and `vmem` for the whole job, and so divided
      by its slots; the largest counts.
    - `feature=a:b` are properties of every host, as Maui takes it. One with `|` is left out.
    - `naccesspolicy=singlejob` (or `singletask`): no other job on the hosts.

    Raises:
        RequestError: it does not parse, or asks in a way that pbs_sched never serves
            (`procs=` without `nodes=`: the job waits for ever).
    """
    if _FURTHER.isdisjoint(resources):
        return _hosts_and_slots(resources)
    select = resources.get("select")
    if select is not None:  # OpenPBS, which translates `nodes` and `ncpus` into it
        from torque_mesos.decide.select import parse_select

        return parse_select(select, resources.get("place", "free"))
    request = _hosts_and_slots(resources)
    if MEMORY & resources.keys():
        request = _with_memory(request, tuple(resources.get(name) for name in _MEMORY))
    feature = resources.get("feature")
    if feature is not None and "|" not in feature:
        request = _with_names(request, _features(feature))
    if resources.get("naccesspolicy", "").lower() in _ALONE:
        chunks = (replace(chunk, alone=True) for chunk in request.chunks)
        request = replace(request, chunks=tuple(chunks))
    return request


def _hosts_and_slots(resources: Mapping[str, str]) -> Request:
    nodes = resources.get("nodes")
    needed = resources.get("neednodes")
    if needed is not None and needed != nodes:
        return parse_nodes(needed, "neednodes")
    if nodes is not None:
        return parse_nodes(nodes)
    if "procs" in resources:
        raise Source("procs", resources["procs"]).error(
            0,
            "pbs_sched never runs a job that asks for procs, and Maui runs it on one slot,"
            " -l nodes=N:ppn=M would be right",
        )
    if "ncpus" in resources:
        ncpus = resources["ncpus"]
        slots = Source("ncpus", ncpus).count(ncpus, 0, "the number of cpus")
        return Request((Chunk(1, slots),))
    return Request((Chunk(1, 1),))


@lru_cache(maxsize=4096)
def _with_memory(request: Request, asked: tuple[str | None, ...]) -> Request:
    """The request with its memory. `asked`: the values of `_MEMORY`."""
    each_mb = 0
    for name, text in zip(_MEMORY, asked, strict=True):
        if text is not None:
            mem_mb = Source(name, text).size_mb(text, 0, name, _WORD_BYTES)
            parts = request.slots if name in _PER_JOB else 1
            each_mb = max(each_mb, -(-mem_mb // parts))
    chunks = (replace(chunk, mem_mb=chunk.slots * each_mb) for chunk in request.chunks)
    return replace(request, chunks=tuple(chunks))


def _features(text: str) -> frozenset[str]:
    source, names, at = Source("feature", text), set(), 0
    for word in _FEATURE.split(text):
        if not _NAME.match(word):
            raise source.error(at, f"{word!r:.90} is no name of a property")
        names.add(word)
        at += len(word) + 1
    return frozenset(names)


@lru_cache(maxsize=4096)
def _with_names(request: Request, names: frozenset[str]) -> Request:
    chunks = (replace(chunk, names=chunk.names | names) for chunk in request.chunks)
    return replace(request, chunks=tuple(chunks))
