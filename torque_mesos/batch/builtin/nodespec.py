"""TORQUE's node specification, `2:ppn=2:fat+n7`, and which nodes hold it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, FrozenSet, List, Optional, Sequence, Tuple, TypeVar


class BadSpec(ValueError):
    """A node specification that cannot be read."""


@dataclass(frozen=True)
class Chunk:
    """`count` different nodes with `ppn` slots and `gpus` each and all of `properties`.

    A node's name counts as one of its properties.
    """

    count: int
    ppn: int
    properties: FrozenSet[str]
    gpus: int = 0


def parse(spec: str) -> Tuple[Chunk, ...]:
    """Read a node specification. Raises `BadSpec`."""
    general = ""
    if "#" in spec:
        spec, general = spec.split("#", 1)
    return tuple(_chunk(part, general) for part in spec.split("+"))


def _chunk(part: str, general: str) -> Chunk:
    words = part.split(":")
    count, ppn, gpus = 1, 1, 0
    if words[0].isdigit():
        count = int(words.pop(0))
    properties = []
    for word in words + [word for word in general.split("#") if word]:
        key, equals, value = word.partition("=")
        if equals:
            if key not in ("ppn", "gpus", "mics") or not value.isdigit():
                raise BadSpec(part)
            if key == "ppn":
                ppn = int(value)
            elif key == "gpus":
                gpus = int(value)
            else:  # no node has one
                properties.append(word)
        elif not word:
            raise BadSpec(part)
        else:
            properties.append(word)
    if count < 1 or ppn < 1:
        raise BadSpec(part)
    return Chunk(count, ppn, frozenset(properties), gpus)


def node_count(chunks: Sequence[Chunk]) -> int:
    """How many nodes a specification asks for."""
    return sum(chunk.count for chunk in chunks)


def slot_count(chunks: Sequence[Chunk]) -> int:
    """How many slots a specification asks for."""
    return sum(chunk.count * chunk.ppn for chunk in chunks)


N = TypeVar("N")


@dataclass(frozen=True)
class Choice:
    """What TORQUE's search over all nodes found.

    `eligible` counts the nodes that could ever serve, `picked` has those that can now,
    None where not all of the specification can; `found` counts them also then. `gpus` has
    (index of the node, how many) in the order of the nodes.
    """

    eligible: int
    picked: Optional[List[Tuple[int, int]]]
    found: int = 0
    gpus: Tuple[Tuple[int, int], ...] = ()


def _none(_node: object) -> int:
    return 0


def choose(
    chunks: Sequence[Chunk],
    nodes: Sequence[N],
    names: Callable[[N], FrozenSet[str]],
    np: Callable[[N], int],
    free: Callable[[N], int],
    enough: Optional[int] = None,
    gpus: Callable[[N], int] = _none,
    free_gpus: Callable[[N], int] = _none,
) -> Choice:
    """Search as TORQUE does: over the nodes in order, each chunk at most once on a node.

    With `enough` the search ends, with nothing picked, where so many are eligible.

    `names` gives a node's name and properties, `free` the slots that can be had on it
    now, `gpus` and `free_gpus` are the same of gpus. `picked` has (index of the node,
    slots), in the order of TORQUE's exec_host: the last found first, but for a node
    that the specification names at its start.
    """
    wanted = [chunk.count for chunk in chunks]
    eligible = 0
    picked: List[Tuple[int, int]] = []
    picked_gpus: List[Tuple[int, int]] = []
    for index, node in enumerate(nodes):
        taken = taken_gpus = 0
        for which, chunk in enumerate(chunks):
            if wanted[which] == 0 or np(node) < chunk.ppn or gpus(node) < chunk.gpus:
                continue
            if chunk.properties and not chunk.properties <= names(node):
                continue
            eligible += 1
            short = chunk.gpus and free_gpus(node) - taken_gpus < chunk.gpus
            if free(node) - taken >= chunk.ppn and not short:
                wanted[which] -= 1
                taken += chunk.ppn
                taken_gpus += chunk.gpus
                picked.insert(0, (index, chunk.ppn))
        if taken_gpus:
            picked_gpus.append((index, taken_gpus))
        if not any(wanted):
            break
        if enough is not None and eligible >= enough:
            return Choice(eligible, None)
    if any(wanted):
        return Choice(eligible, None, len(picked))
    first = chunks[0].properties
    for position, (index, _) in enumerate(picked):
        if first and first <= names(nodes[index]) and len(chunks) > 1:
            picked.insert(0, picked.pop(position))
            break
    return Choice(eligible, _merged(picked), gpus=tuple(picked_gpus))


def _merged(picked: List[Tuple[int, int]]) -> List[Tuple[int, int]]:
    slots: dict[int, int] = {}
    for index, ppn in picked:
        slots[index] = slots.get(index, 0) + ppn
    return list(slots.items())


def ranges(indexes: Sequence[int]) -> str:
    """Slot indexes as TORQUE writes them: `0-1,3`."""
    parts: List[List[int]] = []
    for index in sorted(indexes):
        if parts and index == parts[-1][1] + 1:
            parts[-1][1] = index
        else:
            parts.append([index, index])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in parts)


def never(chunks: Sequence[Chunk], eligible: int, total_slots: int, nodect: int) -> bool:
    """Whether TORQUE takes a specification for one that can never be had.

    `eligible` is `choose`'s, `total_slots` the sum of np over all nodes in any state,
    `nodect` the server's `resources_available.nodect` (0: not set).
    """
    wanted = node_count(chunks)
    return wanted > total_slots or (eligible < wanted and nodect < wanted)


def shortage(chunks: Sequence[Chunk], choice: Choice) -> str:
    """What TORQUE says where a search has found too few nodes that are free."""
    return (
        "job allocation request exceeds currently available cluster nodes, "
        f"{node_count(chunks)} requested, {choice.found} available"
    )
