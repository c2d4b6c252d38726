"""What the library tells, as the texts that the server's commands would have printed.

So one reader serves both, and what is journalled looks the same. Less is told: only the
attributes that are needed (`JOB`, `NODE`) are asked for.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from torque_mesos.batch.library.binding import Kind, Object, Values

_JOB = (
    *("Job_Name", "Job_Owner", "job_state", "queue", "Resource_List", "exec_host", "qtime"),
    *("comment", "euser", "egroup", "Account_Name", "Priority", "Hold_Types", "depend"),
)
ONLY: dict[Kind, dict[Object, tuple[str, ...]]] = {
    "torque": {
        "job": (*_JOB, "exit_status", "start_count", "node_exclusive", "x"),
        "node": ("state", "np", "properties", "note", "jobs", "gpus"),
    },
    "openpbs": {
        "job": (
            *_JOB,
            *("Exit_status", "exec_vnode", "project", "eligible_time", "max_run_subjobs"),
        ),
        "node": ("state", "jobs", "comment", "resources_available", "resources_assigned"),
    },
}
"""The attributes that are read; of other objects all of them are."""

_KEYS = {"job": "Jobs", "node": "nodes", "queue": "Queue", "server": "Server"}
_NUMBERS = frozenset({"qtime", "Exit_status", "Priority", "max_run_subjobs"})
_LABELS = {"queue": "Queue", "server": "Server"}

Records = Sequence[tuple[str, Values]]


def text_of(what: Object, records: Records, kind: Kind) -> str:
    """The text of a list."""
    if kind == "openpbs":
        return _json(what, records)
    if what in _LABELS:
        return _lines(_LABELS[what], records)
    return _xml(what, records)


def _xml(what: Object, records: Records) -> str:
    tag, name = ("Job", "Job_Id") if what == "job" else ("Node", "name")
    parts = ["<Data>"]
    for key, values in records:
        parts.append(f"<{tag}><{name}>{escape(key)}</{name}>")
        for attribute, value in values.items():
            if isinstance(value, dict):
                inner = "".join(f"<{k}>{escape(v)}</{k}>" for k, v in value.items())
            else:
                inner = escape(value)
            parts.append(f"<{attribute}>{inner}</{attribute}>")
        parts.append(f"</{tag}>")
    parts.append("</Data>\n")
    return "".join(parts)


def _lines(label: str, records: Records) -> str:
    parts = []
    for key, values in records:
        parts.append(f"{label}: {key}\n")
        for attribute, value in values.items():
            pairs = value.items() if isinstance(value, dict) else (("", value),)
            for resource, text in pairs:
                name = f"{attribute}.{resource}" if resource else attribute
                parts.append(f"    {name} = {' '.join(text.splitlines())}\n")
        parts.append("\n")
    return "".join(parts)


def _json(what: Object, records: Records) -> str:
    document: dict[str, Any] = {"pbs_server": ""}
    if records:
        document[_KEYS[what]] = {name: _fields(what, values) for name, values in records}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _fields(what: Object, values: Values) -> dict[str, Any]:
    fields: dict[str, Any] = dict(values)
    if what == "job":
        for name in _NUMBERS & fields.keys():
            fields[name] = _number(fields[name])
    elif what == "node":
        for name, value in fields.items():
            if isinstance(value, dict):
                fields[name] = {key: _number(text) for key, text in value.items()}
        if "jobs" in fields:
            fields["jobs"] = [job.strip() for job in fields["jobs"].split(",") if job.strip()]
    return fields


def _number(text: str) -> int | str:
    """A number as the commands print it; what only looks like one (`007`) stays a text."""
    if not text.isascii() or not text.removeprefix("-").isdigit() or len(text) > 18:
        return text
    value = int(text)
    return value if str(value) == text else text
