"""What `qstat -Q -f` and `qstat -B -f` print, as values: TORQUE has no XML for these."""

from __future__ import annotations

from typing import Literal

from torque_mesos.batch.base import UnreadableAnswer
from torque_mesos.batch.queues import queue_of
from torque_mesos.batch.run_limits import limits_of
from torque_mesos.model import Queue


def parse_attributes(
    text: str, kind: Literal["Queue", "Server"]
) -> tuple[tuple[str, dict[str, str]], ...]:
    """Read `qstat -Q -f` or `qstat -B -f`: (name, attributes) of each queue or server.

    A line that begins with a tab goes on with the line before it.

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
    return tuple(
        queue_of(name, attributes, limits_of(attributes, pbs_sched=pbs_sched))
        for name, attributes in parse_attributes(text, "Queue")
    )
