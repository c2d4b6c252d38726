"""What one job asks for: the `-l select=` and `-l place=` grammar of OpenPBS.

Grammar (qsub's manual, "Requesting Resources"), as far as it decides on hosts::

    select = chunk *("+" chunk)
    chunk  = count | [count ":"] resource "=" value *(":" resource "=" value)
    place  = [free | pack | scatter | vscatter] [":" sharing] [":group=" resource]

`ncpus` are slots. A host, and what a node must have, become names, in the words in which
the nodes tell of it: `fast=True` is `fast`, `pool=gold` is `pool=gold`, `ngpus=2` is
`ngpus>=2`. Memory is left to OpenPBS, which knows what its moms report; so are `excl` and
`group`.
"""

from __future__ import annotations

import re

from torque_mesos.decide.request import (
    MAX_COUNT,
    Chunk,
    Request,
    RequestError,
    count_of,
    shown,
)

MOST_OF_ONE_RESOURCE = 64

_PART = re.compile(r"""(?:[^+"']|"[^"]*"|'[^']*')*""")
_WORD = re.compile(r"""(?:[^:"']|"[^"]*"|'[^']*')*""")
_RESOURCE = re.compile(r"[A-Za-z][A-Za-z0-9_-]*", re.ASCII)
_VALUE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*", re.ASCII)
_SIZE = re.compile(r"[0-9]+(?:[kmgtp][bw]|[bw])", re.ASCII | re.IGNORECASE)
_NOT_OURS = frozenset({"mem", "vmem", "mpiprocs", "ompthreads", "arch"})
_ARRANGEMENTS = frozenset({"free", "pack", "scatter", "vscatter"})
_SHARINGS = frozenset({"excl", "exclhost", "shared"})


def parse_select(select: str, place: str = "free") -> Request:
    """Parse the values of `-l select=` and `-l place=`.

    `pack` gives one chunk, of the slots and names of all; `free` gives a request whose
    chunks may share hosts.

    Raises:
        RequestError: they do not parse, or ask for an amount that is not understood.
    """
    whole = f"select={select}"
    chunks = tuple(_chunk(part, whole) for part in _split(_PART, "+", select, whole))
    request = Request(chunks)
    if request.slots > MAX_COUNT:
        raise RequestError(f"{shown(whole)}: more than {MAX_COUNT} slots")
    arrangement = _arrangement(place)
    if arrangement == "pack":
        return Request((Chunk(1, request.slots, request.names),))
    return Request(chunks, shared=arrangement == "free")


def _arrangement(place: str) -> str:
    found = "free"
    for word in place.split(":"):
        if word in _ARRANGEMENTS:
            found = word
        elif word not in _SHARINGS and not word.startswith("group="):
            raise RequestError(
                f"place={shown(place)}: {shown(word)!r} is not known; free, pack, scatter,"
                " vscatter, excl, exclhost, shared or group= would be right"
            )
    return found


def _split(part: re.Pattern[str], mark: str, text: str, whole: str) -> list[str]:
    """The parts between marks that are not inside quotes."""
    parts, position = [], 0
    while True:
        match = part.match(text, position)
        position = match.end() if match else position
        parts.append(match[0] if match else "")
        if position == len(text):
            return parts
        if text[position] != mark:
            raise RequestError(f"{shown(whole)}: a quote has no end")
        position += 1


def _chunk(part: str, whole: str) -> Chunk:
    words = _split(_WORD, ":", part, whole)
    count, slots, names = 1, 1, set()
    if words[0].isascii() and words[0].isdigit():
        count = count_of(words.pop(0), whole, "the number of chunks")
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not _RESOURCE.fullmatch(name):
            raise RequestError(
                f"{shown(whole)}: {shown(word)!r} is not a resource and its value, as in ncpus=4"
            )
        value = value.strip("\"'")
        if name == "ncpus":
            # A chunk without cpus still needs its host.
            slots = max(1, 0 if value == "0" else count_of(value, whole, "ncpus"))
        elif name not in _NOT_OURS and (wanted := _name(name, value, whole)):
            names.add(wanted)
    return Chunk(count, slots, frozenset(names))


def _name(resource: str, value: str, whole: str) -> str | None:
    """The word that a node must have for this; None if any node will do."""
    if resource in ("host", "vnode"):
        return _valid(value, resource, whole)
    if value.lower() in ("true", "t", "y"):
        return resource
    if value.lower() in ("false", "f", "n"):
        return None
    if value.isascii() and value.isdigit():
        if not value.strip("0"):
            return None
        amount = count_of(value, whole, resource)
        if amount <= MOST_OF_ONE_RESOURCE:
            return f"{resource}>={amount}"
    if value.isdigit() or _SIZE.fullmatch(value):
        raise RequestError(
            f"{shown(whole)}: {resource}={shown(value)} is not understood, no node is started"
            f" for it; numbers up to {MOST_OF_ONE_RESOURCE}, booleans and texts would be right"
        )
    return f"{resource}={_valid(value, resource, whole)}"


def _valid(value: str, resource: str, whole: str) -> str:
    if not _VALUE.fullmatch(value):
        raise RequestError(
            f"{shown(whole)}: {shown(value)!r} is no value of {resource}"
            " (letters, digits, '_', '-' and '.')"
        )
    return value
