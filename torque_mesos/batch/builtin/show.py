"""How the commands print attributes: wrapped lines, XML, times."""

from __future__ import annotations

import re
from typing import List, Tuple

Attributes = List[Tuple[str, str]]

_TIMES = ("ctime", "mtime", "qtime", "etime", "start_time", "comp_time", "Execution_Time")
_WIDTH = 78
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def moment(seconds: str) -> str:
    """A time as `qstat -f` prints it."""
    import time

    return time.strftime("%a %b %e %H:%M:%S %Y", time.localtime(int(seconds)))


def full(attributes: Attributes, wrap: bool = True, times: bool = True) -> str:
    """Attributes as `qstat -f` prints them, one or more lines each."""
    lines = []
    for name, value in attributes:
        text = moment(value) if times and name in _TIMES else value
        line = f"    {name} = {text}"
        lines.append(_wrapped(line) if wrap else line)
    return "\n".join(lines)


def _wrapped(line: str) -> str:
    """Broken before a word that does not fit (words end in commas), or in it if it must be."""
    if len(line) < _WIDTH:
        return line
    rows, row = [], ""
    words = line.split(",")
    for position, word in enumerate(words):
        piece = word + ("," if position < len(words) - 1 else "")
        if row and len(row) + len(piece) > _WIDTH and rows_may_break(row):
            rows.append(row)
            row = "\t"
        row += piece
        # A row that is just full is broken too, with nothing after it: TORQUE does so.
        while len(row) >= _WIDTH:
            width = _WIDTH if not rows else _WIDTH - 8
            rows.append(row[:width])
            row = "\t" + row[width:]
    rows.append(row)
    return "\n".join(rows)


def rows_may_break(row: str) -> bool:
    """Whether a row has something on it already."""
    return row.endswith(",")


def escaped(text: str) -> str:
    """Text as XML has it; a `?` for what XML cannot have: most controls, bytes that are no text."""
    text = _NOT_IN_XML.sub("?", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def xml(attributes: Attributes) -> str:
    """Attributes as elements; `a.b` becomes b inside a, once for all of a run."""
    out: List[str] = []
    opened = ""
    for name, value in attributes:
        outer, dot, inner = name.partition(".")
        if opened and opened != outer:
            out.append(f"</{opened}>")
            opened = ""
        if not dot:
            out.append(f"<{name}>{escaped(value)}</{name}>")
            continue
        if opened != outer:
            out.append(f"<{outer}>")
            opened = outer
        out.append(f"<{inner}>{escaped(value)}</{inner}>")
    if opened:
        out.append(f"</{opened}>")
    return "".join(out)
