"""The queues and the server that OpenPBS' `qstat` tells of, as values. Text in, values out."""

from __future__ import annotations

from collections.abc import Mapping

from torque_mesos.batch.bad_record import BadRecord
from torque_mesos.batch.base import UnreadableAnswer
from torque_mesos.batch.openpbs_json import fields_of, flat, records
from torque_mesos.batch.run_limits import run_limits, whole_number
from torque_mesos.model import Queue


def parse_queues(text: str) -> tuple[Queue, ...]:
    """Read what `qstat -Q -f -F json` printed.

    Raises:
        UnreadableAnswer: quoting what cannot be read.
    """
    queues = []
    for name, record in records(text, "Queue"):
        try:
            fields = fields_of(record)
        except BadRecord as error:
            raise UnreadableAnswer(f"queue {name}: {error}") from None
        kind = str(fields.get("queue_type", "")).lower()
        if kind not in ("execution", "route"):
            raise UnreadableAnswer(f"queue {name}: unknown queue_type {kind!r}")
        queues.append(
            Queue(
                name=name,
                execution=kind == "execution",
                enabled=str(fields.get("enabled", "")) == "True",
                started=str(fields.get("started", "")) == "True",
                priority=whole_number(fields, "Priority") or 0,
                run_limits=run_limits(flat(fields)),
            )
        )
    return tuple(queues)


def parse_server(text: str) -> Mapping[str, str]:
    """Read what `qstat -B -f -F json` printed: its attributes.

    Raises:
        UnreadableAnswer: quoting what cannot be read.
    """
    servers = list(records(text, "Server"))
    if len(servers) != 1:
        raise UnreadableAnswer(f"qstat -B tells of {len(servers)} servers, not of one")
    name, record = servers[0]
    try:
        fields = fields_of(record)
    except BadRecord as error:
        raise UnreadableAnswer(f"server {name}: {error}") from None
    return {key: str(value) for key, value in flat(fields).items()}
