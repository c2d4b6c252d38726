"""The life of a worker: where it stands, read from the server and from Mesos.

Nothing here is remembered. A worker's phase follows from its node record (our mark,
its states, its jobs) and from its grants, so a framework that was killed and started
again finds every worker where it was.
"""

from __future__ import annotations

import enum

from torque_mesos.model import Node, NodeState, TaskState, Worker

MARK = "torque-mesos"
PARKED_NOTE = f"{MARK}:parked"
ONLINE_NOTE = f"{MARK}:online"
DRAINING_NOTE = f"{MARK}:draining"
CAPACITY_NOTE = f"{MARK}:capacity"
ERROR = "ERROR: "  # what a mom complains of; TORQUE may put it behind a note, or in its place

_OURS = frozenset({PARKED_NOTE, ONLINE_NOTE, DRAINING_NOTE, CAPACITY_NOTE})


def own_note(note: str) -> str:
    """Which of our notes this is, without what a mom complains of behind it; "" if it is none.

    Words that only begin like one are a person's.
    """
    plain = note.partition(f" - {ERROR}")[0]
    return plain if plain in _OURS else ""


class Phase(enum.Enum):
    """Where a worker stands."""

    __hash__ = object.__hash__  # members are single; the default asks for the name\'s hash

    ABSENT = "no node record"
    FOREIGN = "a node record that others made"
    REGISTERING = "a new record that the server is not done with"
    UNPARKED = "a record that is to be offline and is not yet"
    PARKED = "a record without a mom, offline"
    STARTING = "its mom is being started"
    READY = "its mom is ready, its node still offline"
    ONLINE = "the batch scheduler may use it"
    DRAINING = "offline by us, so that it becomes idle"
    SIDELINED = "offline by a person"
    STRANDED = "jobs on a record whose mom is gone"


# (our mark, offline, draining note, parked or draining note, jobs, grants) decide as the
# table in docs/architecture.md says; the order of the tests is the order of its rows.
def phase(node: Node | None, worker: Worker | None, managed: bool = False) -> Phase:
    """Where the worker of a node stands, from its record and its grants (each may be None).

    `managed`: the host is an agent, and the record has the properties that ours get. What a mom
    that is gone has complained of does not make such a record another's.
    """
    if node is None:
        return Phase.ABSENT
    offline = NodeState.OFFLINE in node.states
    note = own_note(node.note)
    if not note:
        if worker is None and managed and node.note.startswith(ERROR) and not node.jobs:
            return Phase.SIDELINED if offline else Phase.UNPARKED
        if worker is None:
            return Phase.FOREIGN
        return Phase.SIDELINED if offline else Phase.ONLINE  # ours, with a note of others'
    if NodeState.MOM_LIST_NOT_SENT in node.states and worker is None:
        return Phase.REGISTERING
    if worker is None:
        if node.jobs:
            return Phase.STRANDED
        if not offline:
            return Phase.UNPARKED
        return Phase.SIDELINED if note == ONLINE_NOTE else Phase.PARKED
    if not offline:  # a new record clears its own offline mark, ready or not
        return Phase.UNPARKED if note == PARKED_NOTE and not node.jobs else Phase.ONLINE
    if note == DRAINING_NOTE:
        return Phase.DRAINING
    if note == ONLINE_NOTE:
        return Phase.SIDELINED
    running = any(grant.state is TaskState.RUNNING for grant in worker.grants)
    if running and NodeState.DOWN not in node.states:
        return Phase.READY
    return Phase.STARTING
