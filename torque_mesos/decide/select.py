"""What one job asks for: the `-l select=` and `-l place=` grammar of OpenPBS.

Grammar (qsub's manual, "Requesting Resources"), as far as it decides on hosts::

    select = chunk *("+" chunk)
    chunk  = count | [count ":"] resource "=" value *(":" resource "=" value)
    place  = [free | pack | scatter | vscatter] [":" sharing] [":group=" resource]

`ncpus` are slots, `mem` is the memory of a chunk's host and `ngpus` its gpus. A host, and
what else a node must have, become names, in the words in which the nodes tell of it:
`fast=True` is `fast`, `pool=gold` is `pool=gold`, `licences=2` is `licences>=2`.
"""

from __future__ import annotations

import re

from torque_mesos.decide.grammar import MAX_COUNT, Source
from torque_mesos.decide.request import Chunk, Request

MOST_OF_ONE_RESOURCE = 64

_PART = re.compile(r"""(?:[^+"']|"[^"]*"|'[^']*')*""")
_WORD = re.compile(r"""(?:[^:"']|"[^"]*"|'[^']*')*""")
_RESOURCE = re.compile(r"[A-Za-z][A-Za-z0-9_-]*", re.ASCII)
_VALUE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*", re.ASCII)
_SIZE = re.compile(r"[0-9]+(?:[kmgtp][bw]|[bw])", re.ASCII | re.IGNORECASE)
_COUNTED = frozenset({"ncpus", "ngpus"})
_NOT_OURS = frozenset({"vmem", "mpiprocs", "ompthreads", "arch"})
_ARRANGEMENTS = frozenset({"free", "pack", "scatter", "vscatter"})
_SHARINGS = frozenset({"excl", "exclhost", "shared"})
_WORD_BYTES = 8  # SIZEOF_WORD of OpenPBS
_GROUP = "group="


def parse_select(select: str, place: str = "free") -> Request:
    """Parse the values of `-l select=` and `-l place=`.

    `pack` gives one chunk, of the slots, memory, gpus and names of all; `free` gives a request
    whose chunks may share hosts, where there are several.

    Raises:
        RequestError: they do not parse, or ask for an amount that is not understood.
    """
    arrangement, alone, group = _place(place)
    source = Source("select", select)
    chunks, at = [], 0
    for part in _split(_PART, "+", select, source, 0):
        chunks.append(_chunk(part, at, source, alone))
        at += len(part) + 1
    one = len(chunks) == 1 and chunks[0].count == 1
    request = Request(tuple(chunks), arrangement == "free" and not one, group)
    if request.slots > MAX_COUNT:
        raise source.error(0, f"that is more than {MAX_COUNT} slots")
    if arrangement == "pack":
        whole = Chunk(1, request.slots, request.names, request.mem_mb, request.gpus, alone)
        return Request((whole,), group=group)
    return request


def _place(place: str) -> tuple[str, bool, str]:
    """The arrangement, whether the hosts are for this job alone, and what groups them."""
    source, at = Source("place", place), 0
    arrangement, alone, group = "free", False, ""
    for word in place.split(":"):
        if word in _ARRANGEMENTS:
            arrangement = word
        elif word in _SHARINGS:
            alone = word != "shared"
        elif word.startswith(_GROUP) and _RESOURCE.fullmatch(word[len(_GROUP) :]):
            group = word[len(_GROUP) :]
        else:
            raise source.error(
                at,
                f"{word!r:.90} is not known; free, pack, scatter, vscatter, excl, exclhost,"
                " shared or group=RESOURCE would be right",
            )
        at += len(word) + 1
    if group in ("host", "vnode"):
        return "pack", alone, ""
    return arrangement, alone, group


def _split(part: re.Pattern[str], mark: str, text: str, source: Source, at: int) -> list[str]:
    """The parts between marks that are not inside quotes, of a text that begins at a place."""
    parts, position = [], 0
    while True:
        match = part.match(text, position)
        position = match.end() if match else position
        parts.append(match[0] if match else "")
        if position == len(text):
            return parts
        if text[position] != mark:
            raise source.error(at + position, "a quote has no end")
        position += 1


def _chunk(part: str, at: int, source: Source, alone: bool) -> Chunk:
    words = _split(_WORD, ":", part, source, at)
    count, mem_mb, names = 1, 0, set()
    numbers = dict.fromkeys(_COUNTED, 0)
    if words[0].isascii() and words[0].isdigit():
        count = source.count(words[0], at, "the number of chunks")
        at += len(words.pop(0)) + 1
        numbers["ncpus"] = 1
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not _RESOURCE.fullmatch(name):
            raise source.error(at, f"{word!r:.90} is not a resource and its value, as in ncpus=4")
        value_at = at + len(name) + 1
        value = value.strip("\"'")
        if name in _COUNTED:
            numbers[name] = 0 if value == "0" else source.count(value, value_at, name)
        elif name == "mem":
            mem_mb = source.size_mb(value, value_at, name, _WORD_BYTES)
        elif name not in _NOT_OURS and (wanted := _name(name, value, value_at, source)):
            names.add(wanted)
        at += len(word) + 1
    # A chunk without cpus still needs its host.
    slots = numbers["ncpus"] or 1
    return Chunk(count, slots, frozenset(names), mem_mb, numbers["ngpus"], alone)


def _name(resource: str, value: str, at: int, source: Source) -> str | None:
    """The word that a node must have for this; None if any node will do."""
    if resource in ("host", "vnode"):
        return _valid(value, resource, at, source)
    if value.lower() in ("true", "t", "y"):
        return resource
    if value.lower() in ("false", "f", "n"):
        return None
    if value.isascii() and value.isdigit():
        if not value.strip("0"):
            return None
        amount = source.count(value, at, resource)
        if amount <= MOST_OF_ONE_RESOURCE:
            return f"{resource}>={amount}"
    if value.isdigit() or _SIZE.fullmatch(value):
        raise source.error(
            at,
            f"{resource}={value:.40} is not understood, no node is started for it; numbers up"
            f" to {MOST_OF_ONE_RESOURCE}, booleans and texts would be right",
        )
    return f"{resource}={_valid(value, resource, at, source)}"


def _valid(value: str, resource: str, at: int, source: Source) -> str:
    if not _VALUE.fullmatch(value):
        raise source.error(
            at,
            f"{value!r:.90} is no value of {resource:.40} (letters, digits, '_', '-' and '.')",
        )
    return value
