"""What became of a job, against what must become of it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from torque_mesos.model import Node, NodeState
from torque_mesos.verify.cases import Case, ours

_UNUSABLE = frozenset(
    {NodeState.OFFLINE, NodeState.DOWN, NodeState.UNKNOWN, NodeState.MOM_LIST_NOT_SENT}
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a job that ended. None: it could not be had.

    `exit_status` is as the server tells it, 271 for a job that was deleted.
    """

    owner: str
    stdout: str | None
    stderr: str | None
    exit_status: int | None


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the report. `failures` are sentences; `skipped` says why nothing was shown."""

    what: str
    client: str = ""
    user: str = ""
    job_id: str = ""
    nodes: tuple[str, ...] = ()
    seconds: float = 0.0
    failures: tuple[str, ...] = ()
    skipped: str = ""

    @property
    def verdict(self) -> str:
        """`ok`, `FAILED` or `skipped`."""
        return "FAILED" if self.failures else "skipped" if self.skipped else "ok"


def slots_told(token: str, stdout: str | None) -> tuple[str, ...]:
    """The node of each slot, as the job printed them."""
    said = _said(token, stdout or "")
    return tuple(words[5:] for words in said if words.startswith("slot "))


def failures(
    case: Case, user: str, token: str, evidence: Evidence, our_nodes: AbstractSet[str]
) -> Iterator[str]:
    """A sentence for each thing that is not as it must be."""
    if (evidence.exit_status, evidence.stdout, evidence.stderr) == (None, None, None):
        yield "it ended without an exit status or output: it was deleted before it ran"
        return
    if evidence.exit_status is None:
        yield "the server does not tell the exit status (keep_completed, accounting files)"
    elif evidence.exit_status != case.exit_status:
        why = " (it was killed)" if evidence.exit_status > 128 or evidence.exit_status < 0 else ""
        yield f"exit status {evidence.exit_status}{why}, not {case.exit_status}"
    if evidence.owner.partition("@")[0] != user:
        yield f"the server calls its owner {evidence.owner!r}, not {user}"
    if evidence.stderr is None:
        yield "its stderr did not come back"
    elif _said(token, evidence.stderr) != ["error"]:
        yield f"stderr is {_short(evidence.stderr)}"
    if evidence.stdout is None:
        yield "its stdout did not come back"
    else:
        yield from _stdout(case, user, _said(token, evidence.stdout), evidence.stdout, our_nodes)


def _stdout(
    case: Case, user: str, said: Sequence[str], stdout: str, our_nodes: AbstractSet[str]
) -> Iterator[str]:
    plain = [line for line in said if not line.startswith(("slot ", "task"))]
    if plain != ["begin", f"user {user}", "end"]:
        yield f"stdout is {_short(stdout)}"
        return
    counts = Counter(line[5:] for line in said if line.startswith("slot "))
    if sorted(counts.values()) != [case.slots] * case.hosts:
        got = ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"
        yield f"its slots are: {got}; not {case.slots} on each of {case.hosts} hosts"
    if strange := sorted(set(counts) - our_nodes):
        yield f"it ran on {', '.join(strange)}, which the framework did not bring"
    tasks = sum(line == "task" for line in said)
    if case.hosts > 1 and tasks < sum(counts.values()):
        yield f"pbsdsh ran {tasks} tasks on {sum(counts.values())} slots"


def usable(nodes: Sequence[Node]) -> frozenset[str]:
    """The framework's nodes that jobs can start on, or run on, now."""
    return frozenset(node.name for node in ours(nodes) if not node.states & _UNUSABLE)


def grew(before: AbstractSet[str], used: AbstractSet[str]) -> Result:
    """Whether nodes came: of those that the jobs used, which were not usable before."""
    if not used:
        return Result("grew", failures=("no job ran on any node",))
    if came := tuple(sorted(used - before)):
        return Result("grew", nodes=came)
    return Result("grew", skipped="all nodes that the jobs used were online before")


def still_there(
    before: AbstractSet[str], nodes: Sequence[Node], our_jobs: AbstractSet[str]
) -> tuple[str, ...]:
    """Nodes that should have gone again: those online beyond as many as before.

    Nodes with jobs of others are not counted.
    """
    others = {node.name for node in nodes if node.jobs - our_jobs}
    now = usable(nodes)
    if len(now - others) <= len(before):
        return ()
    return tuple(sorted(now - before - others))


def _said(token: str, text: str) -> list[str]:
    """What the job's own lines say, without the token they begin with."""
    begin = f"{token} "
    return [line[len(begin) :] for line in text.splitlines() if line.startswith(begin)]


def _short(text: str) -> str:
    return repr(text) if len(text) <= 200 else f"{text[:120]!r} ... {text[-60:]!r}"
