"""What `qstat -x -t` and `pbsnodes -x` print, as values. Text in, values out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from torque_mesos.batch.bad_record import BadRecord
from torque_mesos.batch.torque_records import element_of, name_in, named_once, records, text_of
from torque_mesos.model import Job, JobState, Node, NodeState, frozen_map

_JOB_STATES = {state.value: state for state in JobState}
_NODE_STATES = {state.value: state for state in NodeState}
_SLOT_RANGE = re.compile(r"([0-9]{1,6})(?:-([0-9]{1,6}))?", re.ASCII)
_ARRAY_SUMMARY = re.compile(r"[0-9]+\[\]")


@dataclass(frozen=True, slots=True)
class Jobs:
    """All jobs that could be read, in the server's order; a problem for each other one."""

    jobs: tuple[Job, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Nodes:
    """All nodes that could be read; a problem, and the name if known, for each other one."""

    nodes: tuple[Node, ...]
    problems: tuple[str, ...]
    unreadable: frozenset[str]


def parse_jobs(text: str) -> Jobs:
    """Read what `qstat -x -t` printed.

    An array is told by its sub-jobs; its summary record (`9[].head`) is left out.

    Raises:
        UnreadableAnswer: the document is not whole.
    """
    jobs: list[Job] = []
    problems: list[str] = []
    for record in records(text, "Job"):
        try:
            element = element_of(record)
            if not _ARRAY_SUMMARY.match(text_of(element, "Job_Id")):
                jobs.append(_job(element))
        except BadRecord as error:
            problems.append(f"job {name_in(record, 'Job_Id') or 'without an id'}: {error}")
    return Jobs(tuple(jobs), tuple(problems))


def parse_nodes(text: str) -> Nodes:
    """Read what `pbsnodes -x` printed.

    Raises:
        UnreadableAnswer: the document is not whole.
    """
    nodes: list[Node] = []
    problems: list[str] = []
    unreadable: set[str] = set()
    for record in records(text, "Node"):
        try:
            node, doubts = _node(element_of(record))
            nodes.append(node)
            problems.extend(f"node {node.name}: {doubt}" for doubt in doubts)
        except BadRecord as error:
            name = name_in(record, "name")
            problems.append(f"node {name or 'without a name'}: {error}")
            if name:
                unreadable.add(name)
    return Nodes(tuple(nodes), tuple(problems), frozenset(unreadable))


def parse_slots(text: str) -> tuple[tuple[int, str], ...]:
    """Read a node's `<jobs>`: `0-1/2.head,3/9[0].head`, or 4.2's `0/2.head, 1/2.head`.

    Gives (slot index, job id) pairs as they stand.

    Raises:
        ValueError: quoting the part that cannot be read.
    """
    pairs: list[tuple[int, str]] = []
    last_job: str | None = None
    waiting: list[int] = []
    for part in text.split(","):
        # `0,2-3/2.head` gives several ranges to one job.
        slots, slash, job = part.strip().partition("/")
        match = _SLOT_RANGE.fullmatch(slots)
        if not match or (slash and not job):
            raise ValueError(f"jobs {text!r}: cannot read {part.strip()!r}")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise ValueError(f"jobs {text!r}: {slots!r} runs backwards")
        waiting.extend(range(first, last + 1))
        last_job = job if slash else None
        if slash:
            pairs.extend((slot, job) for slot in waiting)
            waiting = []
    if last_job is None:
        raise ValueError(f"jobs {text!r}: its last part names no job")
    return tuple(pairs)


def parse_exec_host(text: str) -> tuple[str, ...]:
    """Read a job's `exec_host`, `n3/0-1+n2/0-1`: the nodes, each once, in their order.

    Raises:
        ValueError: quoting the text.
    """
    names: dict[str, None] = {}
    for part in text.split("+"):
        name, slash, _ = part.partition("/")
        if not name or not slash:
            raise ValueError(f"exec_host {text!r}: cannot read {part!r}")
        names[name] = None
    return tuple(names)


def _job(element: Element) -> Job:
    # One pass over the children: 20,000 jobs have more than a million of them.
    fields: dict[str, str] = {}
    resources: dict[str, str] = {}
    for child in element:
        if child.tag == "Resource_List":
            resources = {item.tag: (item.text or "").strip() for item in child}
        else:
            fields[child.tag] = child.text or ""
    named_once(element, "Job_Id")
    for tag in ("Job_Id", "Job_Owner", "job_state", "queue"):
        if not fields.get(tag, "").strip():
            raise BadRecord(f"it has no <{tag}>")
    state = _JOB_STATES.get(fields["job_state"].strip())
    if state is None:
        raise BadRecord(f"unknown job_state {fields['job_state']!r}")
    if fields.get("node_exclusive", "").strip() == "True":  # qsub -n, said in Maui's word
        resources.setdefault("naccesspolicy", "singlejob")
    if extension := fields.get("x", "").strip():  # qsub -W x=, for the scheduler
        resources["x"] = extension
    exec_host = fields.get("exec_host", "").strip()
    try:
        return Job(
            job_id=fields["Job_Id"].strip(),
            name=fields.get("Job_Name", ""),
            owner=fields["Job_Owner"].strip(),
            queue=fields["queue"].strip(),
            state=state,
            resources=frozen_map(resources),
            exec_nodes=parse_exec_host(exec_host) if exec_host else (),
            queued_s=float(fields["qtime"]) if fields.get("qtime") else None,
            exit_status=int(fields["exit_status"]) if fields.get("exit_status") else None,
            comment=fields.get("comment", ""),
            user=fields.get("euser", "").strip() or fields["Job_Owner"].strip().partition("@")[0],
            group=fields.get("egroup", "").strip(),
            account=fields.get("Account_Name", "").strip(),
            priority=int(fields.get("Priority") or 0),
            holds=fields.get("Hold_Types", "").strip().replace("n", ""),
            dependent="depend" in fields,
            starts=int(fields.get("start_count") or 0),
        )
    except ValueError as error:
        raise BadRecord(str(error)) from None


def _node(element: Element) -> tuple[Node, tuple[str, ...]]:
    named_once(element, "name")
    states = []
    for word in text_of(element, "state").split(","):
        state = _NODE_STATES.get(word.strip())
        if state is None:
            raise BadRecord(f"unknown state {word.strip()!r}")
        states.append(state)
    try:
        np = int(text_of(element, "np"))
        gpus = int(element.findtext("gpus") or 0)
        jobs = (element.findtext("jobs") or "").strip()
        pairs = parse_slots(jobs) if jobs else ()
    except ValueError as error:
        raise BadRecord(str(error)) from None
    slots, doubts = _one_job_a_slot(pairs)
    properties = (element.findtext("properties") or "").split(",")
    node = Node(
        name=text_of(element, "name"),
        states=frozenset(states),
        np=np,
        properties=frozenset(word.strip() for word in properties if word.strip()),
        note=(element.findtext("note") or "").strip(),
        slots=frozen_map(slots),
        gpus=gpus,
    )
    return node, doubts


def _one_job_a_slot(pairs: tuple[tuple[int, str], ...]) -> tuple[dict[int, str], tuple[str, ...]]:
    """The holder of each slot.

    The server gives a slot twice when np fell below use and rose again. The second
    holder is then shown above all others: no job may be lost sight of, and the
    highest index, below which np never falls, only grows by it.
    """
    slots: dict[int, str] = {}
    doubled: list[tuple[int, str]] = []
    for slot, job in pairs:
        if slots.get(slot, job) != job:
            doubled.append((slot, job))
        else:
            slots[slot] = job
    doubts = []
    for slot, job in doubled:
        slots[max(slots) + 1] = job
        doubts.append(f"slot {slot} is held by {slots[slot]} and by {job}")
    return slots, tuple(doubts)
