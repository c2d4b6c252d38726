"""The queues and the server that OpenPBS' `qstat` tells of, as values. Text in, values out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from torque_mesos.batch.bad_record import BadRecord
from torque_mesos.batch.base import UnreadableAnswer
from torque_mesos.batch.openpbs_json import fields_of, flat, records
from torque_mesos.batch.queues import queue_of
from torque_mesos.batch.run_limits import openpbs_limits
from torque_mesos.model import Queue


def parse_attributes(text: str, kind: Literal["Queue", "Server"]) -> dict[str, Mapping[str, str]]:
    """Read `qstat -Q -f -F json` or `qstat -B -f -F json`: the attributes of each.

    Those of resources have names as `default_chunk.ncpus`.

    Raises:
        UnreadableAnswer: quoting what cannot be read.
    """
    found: dict[str, Mapping[str, str]] = {}
    for name, record in records(text, kind):
        try:
            found[name] = {key: str(value) for key, value in flat(fields_of(record)).items()}
        except BadRecord as error:
            raise UnreadableAnswer(f"{kind.lower()} {name}: {error}") from None
    return found


def parse_queues(text: str) -> tuple[Queue, ...]:
    """Read what `qstat -Q -f -F json` printed.

    Raises:
        UnreadableAnswer: quoting what cannot be read.
    """
    return tuple(
        queue_of(name, attributes, openpbs_limits(attributes))
        for name, attributes in parse_attributes(text, "Queue").items()
    )


def parse_server(text: str) -> Mapping[str, str]:
    """Read what `qstat -B -f -F json` printed: its attributes.

    Raises:
        UnreadableAnswer: quoting what cannot be read.
    """
    servers = parse_attributes(text, "Server")
    if len(servers) != 1:
        raise UnreadableAnswer(f"qstat -B tells of {len(servers)} servers, not of one")
    (attributes,) = servers.values()
    return attributes
