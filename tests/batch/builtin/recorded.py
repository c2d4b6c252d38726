"""What TORQUE 6.1.3 was recorded saying."""

from __future__ import annotations

import re
from pathlib import Path

DATA = Path(__file__).parents[2] / "data" / "builtin"


def recorded(name: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a recorded command."""
    text = (DATA / f"{name}.txt").read_text()
    code = re.search(r"^exit: (\d+)$", text, re.M)
    assert code is not None
    body = text.split("--- stdout\n", 1)[1]
    out, _, err = body.partition("--- stderr\n")
    return int(code[1]), out, err
