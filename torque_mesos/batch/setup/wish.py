"""Wishes and changes: what a server should have, and what is to be done for it. Pure."""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from torque_mesos.batch.base import Refused
from torque_mesos.model import frozen_map

SERVER = "server"
Kind = Literal["set", "make", "line"]
_TOLD_BY_QUEUES = frozenset({"total_jobs", "state_count", "mtime", "resources_assigned"})
_PLAIN = re.compile(r"[A-Za-z0-9_.:/@*+-]+", re.ASCII)


class Rule(enum.Enum):
    """When an attribute is as wished."""

    EXACTLY = "exactly"
    AT_LEAST = "at least"
    AT_MOST = "at most, but above 0"
    INCLUDES = "these words, and any others"


@dataclass(frozen=True, slots=True)
class Wish:
    """One attribute of the server, or of a queue (`target` is `queue NAME`).

    `unset`: what it means when it is not there. `vital`: without it the framework does harm
    or nothing; it is set at every start.
    """

    target: str
    attribute: str
    value: str
    reason: str
    rule: Rule = Rule.EXACTLY
    unset: str | None = None
    vital: bool = False


_CYCLE_S = 60
UNSET_SCHEDULER_ITERATION = "600"
"""What holds where `scheduler_iteration` is not set. (`unset` of it does nothing in TORQUE.)"""
CYCLES = Wish(
    SERVER,
    "scheduler_iteration",
    str(_CYCLE_S),
    "a node that becomes free starts no scheduling cycle; if nobody asks for one, jobs"
    f" wait {_CYCLE_S} s at most",
    Rule.AT_MOST,
    unset=UNSET_SCHEDULER_ITERATION,
)


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that should be there: `queue NAME`, `resource NAME`, `node NAME`.

    `attributes`: with which it is made, as qmgr takes them.
    """

    target: str
    attributes: str
    reason: str
    vital: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to do. `old` is None where there was nothing, as of a thing that is made.

    `set`: an attribute; `make`: a thing, with `new` as its attributes; `line`: `target` is a
    file, `old` and `new` a line of it.
    """

    kind: Kind
    target: str
    attribute: str
    old: str | None
    new: str
    reason: str

    def command(self) -> str:
        """The command of qmgr. Not for a line of a file."""
        if self.kind == "make":
            return f"create {self.target} {self.new}"
        return f"set {self.target} {self.attribute}={quoted(self.new)}"


@dataclass(frozen=True, slots=True)
class Needs:
    """What torque-mesos knows of its own: what the wishes follow from.

    `queues` are those that are watched, by name; none means every execution queue.
    `queue_properties`: of queues whose jobs belong on nodes with these properties.
    `properties`: those that nodes may have. `capacity`: the record that keeps jobs feasible.
    `pbs_sched`: whether that is the scheduler.
    """

    queues: tuple[str, ...] = ()
    slots: int = 1
    create_queues: bool = False
    queue_properties: Mapping[str, tuple[str, ...]] = field(default_factory=frozen_map)
    properties: tuple[str, ...] = ()
    capacity: Thing | None = None
    dead_after_s: float = 60.0
    pbs_sched: bool = True


@dataclass(frozen=True, slots=True)
class Present:
    """What is there now: attributes by name, notes and properties of nodes by the node's name.

    `files`: the lines that may be changed, by the file's path. `hooks`: those of ours, as texts
    that change when they do. `others_nodes`: nodes that are
    not ours. `waiting`: how many jobs wait. `whole`: whether more was looked at than attributes.
    """

    server: Mapping[str, str]
    queues: Mapping[str, Mapping[str, str]]
    resources: frozenset[str] = frozenset()
    nodes: Mapping[str, str] = field(default_factory=frozen_map)
    node_properties: Mapping[str, str] = field(default_factory=frozen_map)
    files: Mapping[str, str] = field(default_factory=frozen_map)
    hooks: Mapping[str, str] = field(default_factory=frozen_map)
    others_nodes: tuple[str, ...] = ()
    waiting: int = 0
    whole: bool = False

    def attribute(self, target: str, name: str) -> str | None:
        """The value of an attribute of `server`, `queue NAME` or (`properties`) `node NAME`.

        None where it is not set.
        """
        kind, _, of = target.partition(" ")
        if kind == "node":
            return self.node_properties.get(of) if name == "properties" else None
        values = self.server if kind == SERVER else self.queues.get(of, {})
        return values.get(name)

    def shown(self, kind: Kind, target: str, attribute: str) -> str | None:
        """How what a change is about stands now, as a text that changes when it does."""
        if kind == "set":
            return self.attribute(target, attribute)
        if kind == "line":
            return self.files.get(target)
        what, _, name = target.partition(" ")
        if what == "queue":
            values = self.queues.get(name)
            return None if values is None else _steady(values)
        if what == "node":
            return self.nodes.get(name)
        if what == "hook":
            return self.hooks.get(name)
        return "there" if name in self.resources else None


def _steady(attributes: Mapping[str, str]) -> str:
    kept = {
        name: value
        for name, value in attributes.items()
        if name.partition(".")[0] not in _TOLD_BY_QUEUES
    }
    return json.dumps(kept, sort_keys=True)


def watched_queues(needs: Needs, execution: Iterable[str]) -> list[str]:
    """The queues that are watched; the first one of a bare server is `batch`."""
    return list(needs.queues or execution or ("batch",))


def missing_queues(needs: Needs, wanted: Iterable[str], there: Iterable[str]) -> list[str]:
    """The queues that are to be made. Raises Refused where that is not allowed."""
    known = set(there)
    missing = [queue for queue in wanted if queue not in known]
    if missing and not needs.create_queues:
        raise Refused(
            f"the server has no queue {', '.join(missing)}; "
            "create it with qmgr, or change `queues` in the settings"
        )
    return missing


def changes(wishes: Iterable[Wish | Thing | Change], present: Present) -> list[Change]:
    """What of the wishes is not as it should be. (A `Change` is wished for as it is.)"""
    found = []
    made: dict[str, dict[str, str]] = {}
    for wish in wishes:
        if isinstance(wish, Change):
            found.append(wish)
        elif isinstance(wish, Thing):
            if present.shown("make", wish.target, "") is None:
                found.append(Change("make", wish.target, "", None, wish.attributes, wish.reason))
                pairs = (item.partition("=") for item in wish.attributes.split(","))
                made[wish.target] = {name: value for name, _, value in pairs}
        else:
            old = present.attribute(wish.target, wish.attribute)
            old = made.get(wish.target, {}).get(wish.attribute, old)
            if not _fulfilled(wish, old):
                value = wish.value
                if wish.rule is Rule.INCLUDES:
                    value = ",".join(sorted(_words(old) | _words(value)))
                found.append(Change("set", wish.target, wish.attribute, old, value, wish.reason))
    return found


def quoted(value: str) -> str:
    """A value as qmgr takes it. Raises Refused for one that it could not be given."""
    if _PLAIN.fullmatch(value):
        return value
    if '"' in value or not value.isprintable():
        raise Refused(f"qmgr cannot be given the value {value!r:.80}")
    return f'"{value}"'


def _fulfilled(wish: Wish, old: str | None) -> bool:
    now = wish.unset if old is None else old
    if wish.rule is Rule.INCLUDES:
        return _words(wish.value) <= _words(now)
    if now is None:
        return False
    if wish.rule is Rule.EXACTLY:
        return now == wish.value
    try:
        number = int(now)
    except ValueError:
        return False
    if wish.rule is Rule.AT_LEAST:
        return number >= int(wish.value)
    return 0 < number <= int(wish.value)


def _words(text: str | None) -> set[str]:
    return {word for word in (text or "").split(",") if word}
