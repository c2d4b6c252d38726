"""The stories of the commands' options: each begins where its transcripts' recording did."""

from __future__ import annotations

from collections.abc import Sequence

from tests.conformance.steps import Step, job_is, settings, with_nodes, with_records


def recorded(prefix: str, first: int, last: int) -> list[Step]:
    """The transcripts PREFIX-NNN from one number to another."""
    return [f"{prefix}-{number:03d}" for number in range(first, last + 1)]


_IDLE = "set server scheduling=false"

STORIES: dict[str, Sequence[Step]] = {
    "options of qsub": [
        settings(_IDLE, "create node n1 np=2"),
        *recorded("40-qsub", 1, 147),
    ],
    "options of qsub, at their limits": [
        settings(_IDLE, "create node n1 np=2", "set queue batch resources_max.walltime=02:00:00"),
        *recorded("41-qsub-more", 1, 205),
    ],
    "dependencies of every kind": [
        with_nodes("n1"),
        settings(_IDLE, "set queue batch keep_completed=300"),
        *recorded("42-depend", 1, 22),
        job_is("5.head", "C"),
        *recorded("42-depend", 23, 24),
        job_is("6.head", "C"),
        job_is("4.head", "Q"),
        *recorded("42-depend", 25, 38),
    ],
    "qselect, qorder and what operators do with queues": [
        settings(
            _IDLE,
            "create node n1 np=2",
            "create queue two queue_type=execution",
            "set queue two enabled=true",
            "set queue two started=true",
        ),
        *recorded("43-select", 1, 110),
    ],
    "flags of qstat": [
        with_nodes("n1"),
        settings(
            _IDLE,
            "create queue two queue_type=execution",
            "set queue two enabled=true",
            "set queue two started=true",
            "set queue two resources_max.walltime=01:00:00",
            "set queue two max_running=3",
            "create queue route queue_type=route",
            "set queue route route_destinations=two",
        ),
        *recorded("44-qstat", 1, 6),
        job_is("0.head", "R"),
        *recorded("44-qstat", 7, 113),
    ],
    "attributes, words and sessions of qmgr": [
        with_records("n1"),
        settings(_IDLE),
        *recorded("45-qmgr", 1, 171),
    ],
    "flags of pbsnodes": [
        with_nodes("n1", properties="fat"),
        with_records("n2"),
        settings(_IDLE),
        *recorded("46-nodes", 1, 57),
    ],
    "arrays, their ranges and limits": [
        settings(_IDLE, "create node n1 np=2"),
        *recorded("47-array", 1, 55),
    ],
}
