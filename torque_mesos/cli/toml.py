"""Settings as the text of a TOML file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

_SECTIONS = ("min_compute_node", "safe_allocation", "mesos", "batch", "executor", "http", "cost")


def text_of(values: Mapping[str, Any]) -> str:
    """TOML text of `Settings.effective()`; keys without a value come as comments."""
    return "\n".join(_lines(values)) + "\n"


def _lines(values: Mapping[str, Any]) -> Iterator[str]:
    for key, value in values.items():
        if key not in _SECTIONS and key != "pools":
            yield _line(key, value)
    for section in _SECTIONS:
        yield ""
        yield f"[{section}]"
        for key, value in values[section].items():
            yield _line(key, value)
    for name, pool in values["pools"].items():
        yield ""
        yield f"[pools.{_value(name)}]"
        for key, value in pool.items():
            yield _line(key, value)


def _line(key: str, value: Any) -> str:
    return f"# {key} is not set" if value is None else f"{key} = {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # A JSON string is a TOML string, but for DEL, which TOML wants escaped.
        return json.dumps(value).replace("\x7f", "\\u007f")
    if isinstance(value, Mapping):
        pairs = (f"{_value(str(k))} = {_value(v)}" for k, v in value.items() if v is not None)
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return repr(value)
