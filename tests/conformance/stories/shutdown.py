"""How a server is told to end, and what it knows when it is back."""

from __future__ import annotations

from collections.abc import Sequence

from tests.conformance.steps import (
    NO_MANAGER,
    Asked,
    Step,
    asked,
    job_has,
    node_is,
    server_ended,
    server_up,
    submitted,
    with_nodes,
)

_SHOW = "qstat -f {} | grep -E 'job_state|exit_status|exec_host|comment|start_count|Hold'"


def _ended(kind: str, line: str) -> list[Step]:
    """A server with a job that may be run again and one that may not ends, and comes back."""
    return [
        with_nodes("n1"),
        submitted("-v SLP=300"),
        submitted("-r n -v SLP=300"),
        submitted("-h"),
        job_has("0.head", "session_id"),
        job_has("1.head", "session_id"),
        Asked(f"71-qterm-{kind}", line),
        server_ended,
        server_up,
        node_is("n1", "job-exclusive"),
        Asked(f"71-qterm-{kind}-qstat", "qstat"),
        Asked(f"71-qterm-{kind}-show", _SHOW.format(0)),
        Asked(f"71-qterm-{kind}-not-rerunable", _SHOW.format(1)),
    ]


STORIES: dict[str, Sequence[Step]] = {
    "a server that is not to end": [
        NO_MANAGER,
        *asked("71-qterm", "user", ("user", "qterm"), ("user-quick", "qterm -t quick")),
        Asked("71-qterm-other", "qterm", "manager"),
        Asked("71-qterm-bad-kind", "qterm -t foo"),
        Asked("71-qterm-immediate", "qterm -t immediate"),
        Asked("71-qterm-delay", "qterm -t delay"),
        Asked("71-qterm-empty-kind", "qterm -t ''"),
        Asked("71-qterm-bad-option", "qterm -Z"),
        Asked("71-qterm-nosuch", "qterm nosuch"),
        Asked("71-qterm-still", "qstat -B"),
    ],
    "a server that ends": _ended("plain", "qterm"),
    "a server that ends quickly": _ended("quick", "qterm -t quick"),
}
