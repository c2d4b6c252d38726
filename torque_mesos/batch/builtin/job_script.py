"""The script of a job, and the options that are written in it."""

from __future__ import annotations

import os
import shlex
import sys
from typing import List, Tuple

from .option_values import BadOption


def directives(script: str, prefix: str) -> List[str]:
    """The words of a script's `#PBS` lines, up to its first command."""
    words: List[str] = []
    for number, line in enumerate(script.splitlines()):
        text = line.strip()
        if text.startswith(prefix):
            words += shlex.split(text[len(prefix) :])
        elif text and not text.startswith("#") and not (number == 0 and text.startswith(":")):
            break
    return words


def read(names: List[str]) -> Tuple[str, str]:
    """The name and the text of the script that is named, or stands on stdin.

    Raises `BadOption`.
    """
    if len(names) > 1:
        raise BadOption("[index issues]\n")
    if not names or names[0] == "-":
        return "STDIN", sys.stdin.read()
    path = names[0]
    if os.path.exists(path) and not os.path.isfile(path):
        raise BadOption("qsub: script not a file", usage=1)
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return os.path.basename(path), file.read()
    except OSError as error:
        text = f"qsub: script file '{path}' cannot be loaded - {error.strerror}"
        raise BadOption(text, usage=1) from None
