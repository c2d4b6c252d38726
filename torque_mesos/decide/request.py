"""What one job asks for: the `-l nodes=` grammar of TORQUE. (OpenPBS': see `select`.)

Grammar (qsub's manual, "Requesting Resources"), as far as it decides on hosts::

    nodes  = part *("+" part)
    part   = [count | name] *(":" ("ppn=" count | name))

A name is a property or a host. Every counted part is a host of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]*\Z")
MAX_COUNT = 1_000_000
_MAX_DIGITS = 20  # int() itself raises ValueError for thousands of digits


class RequestError(ValueError):
    """A request that does not parse. The text says what, where, and what would be right."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """`count` hosts with `slots` slots each; each has every one of `names` (property or host)."""

    count: int
    slots: int
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Request:
    """What one job asks for. `shared`: its parts may be on one host, as there is room."""

    chunks: tuple[Chunk, ...]
    shared: bool = False

    @property
    def hosts(self) -> int:
        """How many hosts, at least."""
        return 1 if self.shared else sum(chunk.count for chunk in self.chunks)

    @property
    def slots(self) -> int:
        """How many slots on all hosts together."""
        return sum(chunk.count * chunk.slots for chunk in self.chunks)

    @property
    def names(self) -> frozenset[str]:
        """Every property or host that it names."""
        return frozenset().union(*(chunk.names for chunk in self.chunks))

    def __str__(self) -> str:
        return "+".join(
            ":".join([str(c.count), f"ppn={c.slots}", *sorted(c.names)]) for c in self.chunks
        )


def count_of(text: str, whole: str, what: str) -> int:
    """A whole number from 1 to `MAX_COUNT`. Raises RequestError, quoting `whole`."""
    digits = text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
    if not digits or not 1 <= int(text) <= MAX_COUNT:
        raise RequestError(
            f"{shown(whole)}: {what} is {shown(text)!r},"
            f" a whole number from 1 to {MAX_COUNT} would be right"
        )
    return int(text)


def shown(text: str) -> str:
    """A user's text, cut to what a sentence bears."""
    return text if len(text) <= 80 else f"{text[:80]}..."


def _chunk(part: str, whole: str) -> Chunk:
    first, *rest = part.split(":")
    count, slots, names = 1, 1, set()
    if first.isascii() and first.isdigit():
        count = count_of(first, whole, "the number of nodes")
    else:
        rest.insert(0, first)
    for word in rest:
        key, equals, value = word.partition("=")
        if equals and key == "ppn":
            slots = count_of(value, whole, "ppn")
        elif equals:
            raise RequestError(
                f"{shown(whole)}: {shown(word)!r} is not known, only ppn= has a value here"
            )
        elif _NAME.match(word):
            names.add(word)
        else:
            raise RequestError(
                f"{shown(whole)}: {shown(word)!r} is no name of a property or host"
                " (letters, digits, '_', '-' and '.', a letter first)"
            )
    return Chunk(count, slots, frozenset(names))


@lru_cache(maxsize=4096)
def parse_nodes(text: str) -> Request:
    """Parse the value of `-l nodes=`.

    Raises:
        RequestError: it does not parse.
    """
    whole = f"nodes={text}"
    specification, sharp, suffix = text.partition("#")
    if sharp and suffix not in ("excl", "shared"):
        raise RequestError(
            f"{shown(whole)}: {shown(suffix)!r} after '#', 'excl' or 'shared' would be right"
        )
    request = Request(tuple(_chunk(part, whole) for part in specification.split("+")))
    if request.slots > MAX_COUNT:
        raise RequestError(f"{shown(whole)}: more than {MAX_COUNT} slots")
    return request


def parse_request(resources: Mapping[str, str]) -> Request:
    """What a job's `Resource_List` asks for; one slot where it says nothing.

    Raises:
        RequestError: it does not parse, or asks in a way that pbs_sched never serves
            (`procs=` without `nodes=`: the job waits for ever).
    """
    select = resources.get("select")
    if select is not None:  # OpenPBS, which translates `nodes` and `ncpus` into it
        from torque_mesos.decide.select import parse_select

        return parse_select(select, resources.get("place", "free"))
    nodes = resources.get("nodes")
    if nodes is not None:
        return parse_nodes(nodes)
    if "procs" in resources:
        raise RequestError(
            f"procs={shown(resources['procs'])}: the scheduler never runs a job that asks for"
            " procs, -l nodes=N:ppn=M would be right"
        )
    if "ncpus" in resources:
        ncpus = resources["ncpus"]
        return Request((Chunk(1, count_of(ncpus, f"ncpus={ncpus}", "the number of cpus")),))
    return Request((Chunk(1, 1),))
