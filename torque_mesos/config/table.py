"""The settings as tables for docs/reference.md: `python -m torque_mesos.config.table FILE`.

Rewrites what stands between the two marks in FILE; without FILE it prints the tables.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from torque_mesos.config.models import Settings, keys
from torque_mesos.config.pools import PoolSettings

BEGIN, END = "<!-- settings: begin -->", "<!-- settings: end -->"


def tables() -> str:
    """All keys with default and meaning, a table for each section of a file."""
    return "\n".join(_lines()) + "\n"


def rewritten(text: str) -> str:
    """`text` with the tables between its marks. Raises ValueError if it has no marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no {BEGIN} ... {END} in it")
    return f"{before}{BEGIN}\n{tables()}{END}{after}"


def _lines() -> Iterator[str]:
    section = None
    for key, default, meaning in sorted(keys(), key=lambda item: "." in item[0]):
        head, _, name = key.rpartition(".")
        if head != section:
            section = head
            yield f"\n### {f'`[{head}]`: {_meaning_of(head)}' if head else 'At the top'}\n"
            yield "| key | default | meaning |"
            yield "|---|---|---|"
        yield f"| `{name}` | {_default(default)} | {meaning} |"


def _meaning_of(section: str) -> str:
    if section == "pools.NAME.safe_allocation":
        return "the limit of a pool"
    field = Settings.model_fields[section.partition(".")[0]]
    kind = field.annotation if "." not in section else PoolSettings
    assert isinstance(kind, type)
    assert issubclass(kind, BaseModel)
    text = field.description or (kind.__doc__ or "").partition("\n")[0].rstrip(".")
    return text[:1].lower() + text[1:]


def _default(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, float):
        return f"`{value:g}`" if value < 1e6 else f"`{value:.0f}`"
    if isinstance(value, tuple):
        return "`[" + ", ".join(f'"{item}"' for item in value) + "]`"
    if isinstance(value, dict):
        return "`{}`"
    return f"`{value}`" if isinstance(value, int) else f'`"{value}"`'


def main() -> None:
    """Print the tables, or put them into a file."""
    if len(sys.argv) == 1:
        print(tables(), end="")
        return
    path = Path(sys.argv[1])
    path.write_text(rewritten(path.read_text()))


if __name__ == "__main__":
    main()
