"""The nodes that OpenPBS' `pbsnodes` tells of, as values. Text in, values out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torque_mesos.batch.bad_record import SHOWN, BadRecord, ends
from torque_mesos.batch.openpbs_json import fields_of, records, text_of
from torque_mesos.model import Node, NodeState, frozen_map

MOST_OF_ONE_RESOURCE = 64
"""A node that has 4 of a resource has the words `ngpus>=1` to `ngpus>=4`; here they end."""

# A mom that the server cannot use now, though it may be heard: no job goes there, and
# those that are there go on.
_NODE_STATES = {
    "free": NodeState.FREE,
    "job-busy": NodeState.JOB_EXCLUSIVE,  # all its cpus are given
    "job-exclusive": NodeState.JOB_EXCLUSIVE,
    "job-sharing": NodeState.JOB_SHARING,
    "resv-exclusive": NodeState.RESERVE,
    "offline": NodeState.OFFLINE,
    "offline_by_mom": NodeState.BUSY,  # a hook of the mom's did it; the mom lives
    "busy": NodeState.BUSY,
    "maintenance": NodeState.BUSY,
    "provisioning": NodeState.BUSY,
    "wait-provisioning": NodeState.BUSY,
    "initializing": NodeState.UNKNOWN,
    "state-unknown": NodeState.UNKNOWN,
    "down": NodeState.DOWN,
    "Stale": NodeState.DOWN,  # its mom tells of vnodes, and not of this one
    "unresolvable": NodeState.DOWN,
    "sleep": NodeState.DOWN,
}

NOTE_RESOURCE = "torque_mesos"
"""The resource of a node in which our note is: its comment is lost when the server restarts."""

# Every node has these; they are no properties.
NOT_PROPERTIES = frozenset(
    {"ncpus", "mem", "vmem", "arch", "host", "vnode", "hbmem", "accelerator_memory"}
)

_SERVERS_COMMENT = "node down: "


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """A node as the server tells it, and the ids of its jobs. Its `slots` are still empty."""

    node: Node
    jobs: tuple[str, ...]
    assigned: int


@dataclass(frozen=True, slots=True)
class Nodes:
    """All nodes that could be read; a problem, and the name, for each other one."""

    nodes: tuple[NodeRecord, ...]
    problems: tuple[str, ...]
    unreadable: frozenset[str]


def parse_nodes(text: str) -> Nodes:
    """Read what `pbsnodes -av -F json` printed.

    Raises:
        UnreadableAnswer: the document is not whole.
    """
    nodes: list[NodeRecord] = []
    problems: list[str] = []
    unreadable: set[str] = set()
    for name, record in records(text, "nodes"):
        try:
            nodes.append(_node(name, fields_of(record)))
        except BadRecord as error:
            problems.append(f"node {name}: {error}")
            unreadable.add(name)
    return Nodes(tuple(nodes), tuple(problems), frozenset(unreadable))


def with_slots(record: NodeRecord, cpus: Mapping[str, Mapping[str, int]]) -> Node:
    """The node with slots: each of its jobs gets as many indexes, from 0, as it has cpus there.

    OpenPBS' cpus have no numbers. Every job that the node names holds one slot at least,
    whatever is known of it, so that none is lost sight of; cpus that are given to nobody
    known belong to the jobs of which nothing is known.
    """
    shares = {job: cpus.get(job, {}).get(record.node.name) for job in record.jobs}
    left = record.assigned - sum(share or 0 for share in shares.values())
    unknown = [job for job, share in shares.items() if share is None]
    slots: dict[int, str] = {}
    for job, share in shares.items():
        if share is None:
            share = left - len(unknown) + 1 if job == unknown[0] else 1
        for _ in range(max(1, share)):
            slots[len(slots)] = job
    node = record.node
    if not slots:
        return node
    return replace(node, slots=frozen_map(slots))


def _node(name: str, fields: Mapping[str, Any]) -> NodeRecord:
    states = []
    if "state" not in fields and name in fields:  # `"n9": {"n9": "Unknown node "}`
        raise BadRecord(str(fields[name]).strip()[:SHOWN])
    for word in text_of(fields, "state").split(","):
        state = _NODE_STATES.get(word.strip())
        if state is None:
            raise BadRecord(f"unknown state {word.strip()[:SHOWN]!r}")
        states.append(state)
    if NodeState.UNKNOWN in states:
        # Not heard since the server or the record was made, and not always called down.
        states.append(NodeState.DOWN)
    available = fields.get("resources_available", {})
    assigned = fields.get("resources_assigned", {})
    jobs = fields.get("jobs", [])
    if not isinstance(available, dict) or not isinstance(assigned, dict):
        raise BadRecord("its resources are no objects")
    if not isinstance(jobs, list) or not all(isinstance(job, str) for job in jobs):
        raise BadRecord(f"its jobs are {ends(str(jobs))}")
    node = Node(
        name=name,
        states=frozenset(states),
        np=_number(available, "ncpus"),
        gpus=_number(available, "ngpus"),
        properties=frozenset(_words(available)),
        note=_note(str(fields.get("comment", "")), str(available.get(NOTE_RESOURCE, ""))),
    )
    # The text form has one entry for a chunk (`1.head/0, 1.head/1`).
    ids = tuple(dict.fromkeys(job.partition("/")[0].strip() for job in jobs))
    return NodeRecord(node, ids, _number(assigned, "ncpus"))


def _note(comment: str, note: str) -> str:
    """What is noted: the comment, where a person or we have set it, and else our resource.

    A restarted server has no comment, and then writes one of its own about nodes it lost.
    """
    return note if note and (not comment or comment.startswith(_SERVERS_COMMENT)) else comment


def _number(resources: Mapping[str, Any], name: str) -> int:
    value = resources.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BadRecord(f"its {name} is {value!r:.80}")
    return value


def _words(available: Mapping[str, Any]) -> Iterator[str]:
    """What a request may ask of a node, as words.

    `fast` of a boolean that is true, `pool=gold` of each value of a text, and
    `ngpus>=1`, `ngpus>=2`... of a number.
    """
    for name, value in available.items():
        if name in NOT_PROPERTIES or name == NOTE_RESOURCE:
            continue
        if value is True or value == "True":
            yield name
        elif isinstance(value, bool) or value == "False":
            continue
        elif isinstance(value, int):
            for number in range(1, min(value, MOST_OF_ONE_RESOURCE) + 1):
                yield f"{name}>={number}"
        elif isinstance(value, str):
            yield from (f"{name}={word}" for word in value.split(",") if word)
