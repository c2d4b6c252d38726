"""Jobs, nodes and moms as the model knows them."""

from __future__ import annotations

from dataclasses import dataclass, field

Slots = list[tuple[str, tuple[int, ...]]]  # of each node, the job's first host first

DELETED = 271


@dataclass
class Job:
    """One job, or one member of an array. `waits` has what is not yet met."""

    name: str
    user: str
    queue: str
    count: int
    ppn: int
    holds: set[str]
    state: str = "Q"
    slots: Slots = field(default_factory=list)
    np_at_start: dict[str, int] = field(default_factory=dict)
    run: int = 0
    exit: int = 0
    array: str = ""
    waits: list[tuple[str, str]] = field(default_factory=list)

    @property
    def on_nodes(self) -> bool:
        return self.state in "RE"


@dataclass
class Node:
    """One record. `lost` are slots that are busy, and no job's."""

    np: int
    down: bool = True
    offline: bool = True
    unsent: bool = True
    lost: set[int] = field(default_factory=set)

    @property
    def usable(self) -> bool:
        return not (self.down or self.offline or self.unsent)


@dataclass
class Mom:
    """`jobs`: the runs that it was told to start; `ending`: what it was told of their end."""

    alive: bool = True
    jobs: dict[str, int] = field(default_factory=dict)
    ending: dict[str, str] = field(default_factory=dict)
