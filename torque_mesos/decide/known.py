"""All hosts of one decision, sorted by what matters of them.

Most hosts are from turn to turn as they were. Their facts are kept for one turn more, by the
identity of what they follow from; as all of that is frozen, they are what they would be if
they were made anew.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import compress
from typing import NamedTuple, TypeVar

from torque_mesos.decide.facts import Facts, Mark, made
from torque_mesos.decide.kept import Kept, Listed
from torque_mesos.decide.policy import Policy
from torque_mesos.decide.worker import Phase
from torque_mesos.model import Agent, Node, Worker

T = TypeVar("T")
_Parts = tuple[Mapping[str, Node], Mapping[str, Worker], Mapping[str, Agent]]


@dataclass(slots=True, eq=False)
class Known:
    """Every host that has a record, a worker or an agent. Nobody may change it: it is kept.

    `names`: in order. `moving`: all hosts but the quiet ones; `in_phase`: the same by phase.
    `unseen`: records whose agents are not listed.
    """

    facts: dict[str, Facts]
    phases: dict[str, Phase]
    names: list[str]
    moving: list[str]
    in_phase: dict[Phase, list[str]]
    marked: dict[Mark, frozenset[str]]
    unseen: list[str]


_EMPTY = Known({}, {}, [], [], {}, dict.fromkeys(Mark, frozenset()), [])


class _Turn(NamedTuple):
    """Of the last turn: what was known, and what that is of."""

    known: Known = _EMPTY
    of: _Parts = ({}, {}, {})
    policy: Policy | None = None


class _Agents(NamedTuple):
    """The agents of the last turn, and how they were sorted."""

    listed: tuple[Agent, ...] = ()
    policy: Policy | None = None
    untouchable: frozenset[str | None] = frozenset()
    named: Mapping[str, Agent] = {}
    bad: tuple[str, ...] = ()


_last = Kept(_Turn())
_last_agents = Kept(_Agents())


def known_of(
    nodes: Listed[Node], ours: Listed[Worker], agents: Mapping[str, Agent], policy: Policy
) -> Known:
    """What is known of every host. `ours`: our workers, by their nodes."""
    records, workers = nodes.found, ours.found
    last, of = _last.value, (records, workers, agents)
    before = last.known
    changes = [
        _changes(records, last.of[0], nodes),
        _changes(workers, last.of[1], ours),
        () if agents is last.of[2] else None,
    ]
    names: Iterable[str]
    if last.policy is policy and None not in changes:
        names = {name for some in changes for name in some or ()}
        if not names:
            return before
        as_before = True
    else:
        names = {**records, **workers, **agents}
        as_before = last.policy is policy and list(names) == list(before.facts)
    facts = before.facts.copy() if as_before else {}
    changed = []
    for name in names:
        node, worker, agent = records.get(name), workers.get(name), agents.get(name)
        kept = before.facts.get(name)
        if (
            kept is None
            or kept.node is not node
            or kept.worker is not worker
            or kept.agent is not agent
            or kept.policy is not policy
        ):
            kept = made(name, node, worker, agent, policy, kept)
            changed.append(name)
        facts[name] = kept
    same = records is last.of[0] and agents is last.of[2]
    unseen = before.unseen if same else sorted(records.keys() - agents.keys())
    known = _with_changed(before, facts, changed, unseen) if as_before else _sorted(facts, unseen)
    _last.value = _Turn(known, of, policy)
    return known


def _changes(
    now: Mapping[str, T], then: Mapping[str, T], listed: Listed[T]
) -> Iterable[str] | None:
    """The names of what is not the very same; None if there are others than before."""
    if now is then:
        return ()
    if listed.before is then:
        return listed.changed
    if list(now) != list(then):
        return None
    return compress(now, map(operator.is_not, now.values(), then.values()))


def _sorted(facts: dict[str, Facts], unseen: list[str]) -> Known:
    groups: dict[Mark, list[str]] = {mark: [] for mark in Mark}
    for name, each in facts.items():
        for mark in each.marks:
            groups[mark].append(name)
    marked = {mark: frozenset(names) for mark, names in groups.items()}
    phases = {name: each.phase for name, each in facts.items()}
    return Known(facts, phases, sorted(facts), *_moving(facts), marked, unseen)


def _with_changed(
    before: Known, facts: dict[str, Facts], changed: list[str], unseen: list[str]
) -> Known:
    """What is known when the facts of some hosts are others."""
    phases, marked = before.phases.copy(), before.marked.copy()
    groups: dict[Mark, list[str]] = {}
    for name in changed:
        each = facts[name]
        phases[name] = each.phase
        for mark in before.facts[name].marks ^ each.marks:
            groups.setdefault(mark, []).append(name)
    for mark, names in groups.items():
        marked[mark] = marked[mark].symmetric_difference(names)
    return Known(facts, phases, before.names, *_moving(facts), marked, unseen)


def _moving(facts: Mapping[str, Facts]) -> tuple[list[str], dict[Phase, list[str]]]:
    moving = [each for each in facts.values() if not each.quiet]
    in_phase: dict[Phase, list[str]] = {}
    for each in moving:
        in_phase.setdefault(each.phase, []).append(each.name)
    return [each.name for each in moving], in_phase


def named_agents(
    listed: tuple[Agent, ...], policy: Policy, untouchable: frozenset[str | None]
) -> tuple[Mapping[str, Agent], tuple[str, ...]]:
    """By name, the agents that can be nodes; and the names that no node may have."""
    last = _last_agents.value
    alike = last.policy is policy and last.untouchable == untouchable
    if not (alike and last.listed is listed):
        agents, wrong = {}, []
        for agent in listed:
            name = agent.hostname
            if name == policy.capacity_record or not policy.names_a_node(name):
                wrong.append(name)
            elif name not in untouchable and (agent.active or name not in agents):
                agents[name] = agent
        last = _last_agents.value = _Agents(listed, policy, untouchable, agents, tuple(wrong))
    return last.named, last.bad
