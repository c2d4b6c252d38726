"""The phase of a worker: the whole matrix of note, states, jobs and grants."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from torque_mesos.decide.worker import (
    DRAINING_NOTE,
    ONLINE_NOTE,
    PARKED_NOTE,
    Phase,
    phase,
)
from torque_mesos.model import (
    Grant,
    Node,
    NodeState,
    Resources,
    TaskState,
    Worker,
    frozen_map,
)

FREE, DOWN, OFFLINE = NodeState.FREE, NodeState.DOWN, NodeState.OFFLINE
NEW = NodeState.MOM_LIST_NOT_SENT


def worker(*states: TaskState) -> Worker | None:
    grants = tuple(
        Grant(f"t{number}", 1, Resources(1, 1024), state, 0.0)
        for number, state in enumerate(states)
    )
    return Worker("n1", "a1", "e1", "g1", grants) if grants else None


NONE = None
STAGING = worker(TaskState.STAGING)
RUNNING = worker(TaskState.RUNNING)
UNREACHABLE = worker(TaskState.UNREACHABLE)
KILLING = worker(TaskState.KILLING)

WORKERS = {
    "no worker": NONE,
    "staging": STAGING,
    "starting": worker(TaskState.STARTING),
    "running": RUNNING,
    "unreachable": UNREACHABLE,
    "killing": KILLING,
    "running and staging": worker(TaskState.RUNNING, TaskState.STAGING),
}
NOTES = {
    "none": "",
    "other": "bad disk",
    "a person's": "torque-mesos node with a bad disk",
    "almost ours": f"{PARKED_NOTE}X",
    "parked": PARKED_NOTE,
    "online": ONLINE_NOTE,
    "draining": DRAINING_NOTE,
    "error": "ERROR: prolog/epilog failed, file: x, exit: 5, nonzero p/e exit status",
}
STATES = {
    "free": {FREE},
    "down": {DOWN},
    "offline": {OFFLINE},
    "down,offline": {DOWN, OFFLINE},
    "exclusive": {NodeState.JOB_EXCLUSIVE},
    "offline,exclusive": {OFFLINE, NodeState.JOB_EXCLUSIVE},
    "down,exclusive": {DOWN, NodeState.JOB_EXCLUSIVE},
    "new": {DOWN, OFFLINE, NEW},
    "new,down": {DOWN, NEW},
}
ANY = "*"

_OTHERS = "none|other|a person's|almost ours|error"

# (note, states, jobs, worker) -> phase; the first row that matches counts. A "|" parts choices.
TABLE = [
    (
        (_OTHERS, "offline|down,offline|offline,exclusive|new", ANY, "some"),
        Phase.SIDELINED,
    ),
    ((_OTHERS, ANY, ANY, "no worker"), Phase.FOREIGN),
    ((_OTHERS, ANY, ANY, "some"), Phase.ONLINE),
    ((ANY, "new|new,down", ANY, "no worker"), Phase.REGISTERING),
    ((ANY, ANY, "jobs", "no worker"), Phase.STRANDED),
    (("online", "offline|down,offline|offline,exclusive", ANY, "no worker"), Phase.SIDELINED),
    ((ANY, "offline|down,offline|offline,exclusive", ANY, "no worker"), Phase.PARKED),
    ((ANY, ANY, ANY, "no worker"), Phase.UNPARKED),
    (("parked", "free|down|exclusive|down,exclusive|new,down", "idle", ANY), Phase.UNPARKED),
    ((ANY, "free|down|exclusive|down,exclusive|new,down", ANY, ANY), Phase.ONLINE),
    (("draining", ANY, ANY, ANY), Phase.DRAINING),
    (("online", ANY, ANY, ANY), Phase.SIDELINED),
    (("parked", "offline|offline,exclusive", ANY, "running|running and staging"), Phase.READY),
    (("parked", ANY, ANY, ANY), Phase.STARTING),
]


def expected(*cell: str) -> Phase:
    for pattern, where in TABLE:
        if all(
            want == ANY or have in want.split("|") or (want == "some" and have != "no worker")
            for want, have in zip(pattern, cell, strict=True)
        ):
            return where
    raise AssertionError(f"no row for {cell}")


@pytest.mark.parametrize("note", NOTES)
def test_every_cell(note: str) -> None:
    for states, jobs, who in product(STATES, ["idle", "jobs"], WORKERS):
        node = Node(
            "n1",
            frozenset(STATES[states]),
            4,
            note=NOTES[note],
            slots=frozen_map({0: "1.head"} if jobs == "jobs" else {}),
        )
        want = expected(note, states, jobs, who)
        assert phase(node, WORKERS[who]) is want, (note, states, jobs, who)


COMPLAINT = " - ERROR: prolog/epilog failed, file: x, exit: 5, nonzero p/e exit status"


@pytest.mark.parametrize("note", ["parked", "online", "draining"])
def test_what_a_mom_complains_of_behind_our_note_changes_nothing(note: str) -> None:
    for states, who in product(STATES.values(), WORKERS.values()):
        node = Node("n1", frozenset(states), 4, note=NOTES[note])
        told = replace(node, note=NOTES[note] + COMPLAINT)
        assert phase(told, who) is phase(node, who), (note, states, who)


def test_what_a_mom_complained_of_in_the_place_of_our_note_keeps_nothing_from_being_parked() -> (
    None
):
    complains = Node("n1", frozenset({DOWN}), 4, note=COMPLAINT.removeprefix(" - "))
    assert phase(complains, NONE, managed=True) is Phase.UNPARKED
    assert phase(complains, NONE, managed=False) is Phase.FOREIGN
    offline = replace(complains, states=frozenset({DOWN, OFFLINE}))
    assert phase(offline, NONE, managed=True) is Phase.SIDELINED
    assert phase(replace(complains, note="bad disk"), NONE, managed=True) is Phase.FOREIGN
    busy = replace(complains, slots=frozen_map({0: "1.head"}))
    assert phase(busy, NONE, managed=True) is Phase.FOREIGN


@pytest.mark.parametrize("worker", WORKERS)
def test_no_record(worker: str) -> None:
    assert phase(None, WORKERS[worker]) is Phase.ABSENT


def test_every_row_is_reached() -> None:
    cells = list(product(NOTES, STATES, ["idle", "jobs"], WORKERS))
    assert {expected(*cell) for cell in cells} | {Phase.ABSENT} == set(Phase)
