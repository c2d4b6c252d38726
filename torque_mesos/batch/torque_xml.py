"""What `qstat -x -t`, `pbsnodes -x` and `qstat -Q -f` print, as values.

Text in, values out; nothing here runs a command. The server's XML is not always
XML: `qstat -x` passes the control characters and stray bytes of a job's environment
through (a coloured prompt under `qsub -V` is enough), so that one job could make the
whole list unreadable. Therefore a document that cannot be parsed is cleaned of what
XML does not allow, and read record by record if that does not help: what is still
unreadable is one record, which is reported and left out. Records can be told apart
because the server escapes `<` everywhere. A document without its beginning or its
end is never taken for a short one: it raises `UnreadableAnswer`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from torque_mesos.batch.base import UnreadableAnswer
from torque_mesos.batch.run_limits import limits_of, whole_number
from torque_mesos.model import Job, JobState, Node, NodeState, Queue, frozen_map

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_RECORDS = {tag: re.compile(f"<{tag}>.*?</{tag}>", re.DOTALL) for tag in ("Job", "Node")}
_PROLOG = re.compile(r"\s*<\?xml[^>]*\?>")
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


class _BadRecord(Exception):
    """One record says something that cannot be understood."""


def parse_jobs(text: str) -> Jobs:
    """Read what `qstat -x -t` printed.

    An array is told by its sub-jobs; its summary record (`9[].head`) is left out.

    Raises:
        UnreadableAnswer: the document is not whole.
    """
    jobs: list[Job] = []
    problems: list[str] = []
    for record in _records(text, "Job"):
        try:
            element = _element(record)
            if not _ARRAY_SUMMARY.match(_text(element, "Job_Id")):
                jobs.append(_job(element))
        except _BadRecord as error:
            problems.append(f"job {_name(record, 'Job_Id') or 'without an id'}: {error}")
    return Jobs(tuple(jobs), tuple(problems))


def parse_nodes(text: str) -> Nodes:
    """Read what `pbsnodes -x` printed.

    Raises:
        UnreadableAnswer: the document is not whole.
    """
    nodes: list[Node] = []
    problems: list[str] = []
    unreadable: set[str] = set()
    for record in _records(text, "Node"):
        try:
            node, doubts = _node(_element(record))
            nodes.append(node)
            problems.extend(f"node {node.name}: {doubt}" for doubt in doubts)
        except _BadRecord as error:
            name = _name(record, "name")
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


def parse_attributes(
    text: str, kind: Literal["Queue", "Server"]
) -> tuple[tuple[str, dict[str, str]], ...]:
    """Read `qstat -Q -f` or `qstat -B -f`: (name, attributes) of each queue or server.

    (TORQUE has no XML for these.) A line that begins with a tab goes on with the line
    before it.

    Raises:
        UnreadableAnswer: quoting the line.
    """
    records: list[tuple[str, dict[str, str]]] = []
    key = ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(f"{kind}: ") and line[len(kind) + 2 :].strip():
            records.append((line[len(kind) + 2 :].strip(), {}))
            key = ""
        elif line.startswith("\t") and key:
            records[-1][1][key] += line[1:]
        elif line.startswith("    ") and " = " in line and records:
            key, _, value = line.strip().partition(" = ")
            records[-1][1][key] = value
        elif line.strip():
            raise UnreadableAnswer(f"{kind.lower()} list: cannot read line {number}: {line!r}")
    return tuple(records)


def parse_queues(text: str, *, pbs_sched: bool = True) -> tuple[Queue, ...]:
    """Read what `qstat -Q -f` printed.

    Raises:
        UnreadableAnswer: quoting what cannot be read.
    """
    queues = []
    for name, attributes in parse_attributes(text, "Queue"):
        kind = attributes.get("queue_type", "").lower()
        if kind not in ("execution", "route"):
            raise UnreadableAnswer(f"queue {name}: unknown queue_type {kind!r}")
        queues.append(
            Queue(
                name=name,
                execution=kind == "execution",
                enabled=attributes.get("enabled", "") == "True",
                started=attributes.get("started", "") == "True",
                priority=whole_number(attributes, "Priority") or 0,
                run_limits=limits_of(attributes, pbs_sched=pbs_sched),
            )
        )
    return tuple(queues)


# --- documents and records ------------------------------------------------------


def _records(text: str, tag: Literal["Job", "Node"]) -> Iterator[Element | str]:
    """The records of a `<Data>` document: elements, or texts where it is not XML."""
    body = text.strip()
    start = _PROLOG.match(body)
    inner = body[start.end() :].lstrip() if start else body
    if inner == "<Data/>":
        return
    if not inner.startswith("<Data>") or not inner.endswith("</Data>"):
        raise UnreadableAnswer(f"{tag.lower()} list: not a whole <Data> document: {_ends(body)}")
    root: Any = None
    try:
        root = fromstring(body)
    except (ParseError, DefusedXmlException):
        body = _NOT_XML.sub("\ufffd", body)
        try:
            root = fromstring(body)
        except (ParseError, DefusedXmlException) as error:
            yield from _torn_records(body, tag, error)
            return
    for element in root:
        if element.tag != tag:
            raise UnreadableAnswer(f"{tag.lower()} list: holds an unexpected <{element.tag}>")
        yield element


def _torn_records(body: str, tag: Literal["Job", "Node"], error: Exception) -> Iterator[str]:
    """The records of a document that is not XML, told apart by their tags alone."""
    inner = body[body.index("<Data>") + len("<Data>") : body.rindex("</Data>")]
    position = 0
    for match in _RECORDS[tag].finditer(inner):
        between = inner[position : match.start()]
        if between.strip():
            raise UnreadableAnswer(
                f"{tag.lower()} list: {error}; between two records: {_ends(between)}"
            )
        yield match[0]
        position = match.end()
    if inner[position:].strip():
        raise UnreadableAnswer(
            f"{tag.lower()} list: {error}; after the last record: {_ends(inner[position:])}"
        )


def _element(record: Element | str) -> Element:
    if not isinstance(record, str):
        return record
    try:
        element: Element = fromstring(record)
    except (ParseError, DefusedXmlException) as error:
        raise _BadRecord(f"{error}: {_ends(record)}") from None
    return element


def _name(record: Element | str, tag: str) -> str:
    """The name in a record, as far as it can be had even from a broken one."""
    if isinstance(record, str):
        match = re.search(f"<{tag}>([^<]*)</{tag}>", record)
        return match[1].strip() if match else ""
    return (record.findtext(tag) or "").strip()


def _ends(text: str) -> str:
    """`text`, or its two ends if it is long."""
    return repr(text) if len(text) <= 160 else f"{text[:80]!r} ... {text[-80:]!r}"


# --- one record ------------------------------------------------------------------


def _text(element: Element, tag: str) -> str:
    value = (element.findtext(tag) or "").strip()
    if not value:
        raise _BadRecord(f"it has no <{tag}>")
    return value


def _job(element: Element) -> Job:
    # One pass over the children: 20,000 jobs have more than a million of them.
    fields: dict[str, str] = {}
    resources: dict[str, str] = {}
    for child in element:
        if child.tag == "Resource_List":
            resources = {item.tag: (item.text or "").strip() for item in child}
        else:
            fields[child.tag] = child.text or ""
    for tag in ("Job_Id", "Job_Owner", "job_state", "queue"):
        if not fields.get(tag, "").strip():
            raise _BadRecord(f"it has no <{tag}>")
    state = _JOB_STATES.get(fields["job_state"].strip())
    if state is None:
        raise _BadRecord(f"unknown job_state {fields['job_state']!r}")
    if fields.get("node_exclusive", "").strip() == "True":  # qsub -n, said in Maui's word
        resources.setdefault("naccesspolicy", "singlejob")
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
        raise _BadRecord(str(error)) from None


def _node(element: Element) -> tuple[Node, tuple[str, ...]]:
    states = []
    for word in _text(element, "state").split(","):
        state = _NODE_STATES.get(word.strip())
        if state is None:
            raise _BadRecord(f"unknown state {word.strip()!r}")
        states.append(state)
    try:
        np = int(_text(element, "np"))
        gpus = int(element.findtext("gpus") or 0)
        jobs = (element.findtext("jobs") or "").strip()
        pairs = parse_slots(jobs) if jobs else ()
    except ValueError as error:
        raise _BadRecord(str(error)) from None
    slots, doubts = _one_job_a_slot(pairs)
    properties = (element.findtext("properties") or "").split(",")
    node = Node(
        name=_text(element, "name"),
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
