"""Variables in the paths of a job's output (`qsub -o 'out.$PBS_JOBID'`)."""

from __future__ import annotations

import re
from typing import Mapping

_MARK = re.compile(r"\\(.)|\$(\w+)|\$\{(\w+)\}|([`]|\$[({])", re.ASCII | re.DOTALL)


class NoPath(ValueError):
    """A path that cannot be expanded; the text quotes it and what cannot be."""


def expand(path: str, variables: Mapping[str, str]) -> str:
    """`path` with the job's variables put in, as TORQUE's mom does when it delivers.

    `$NAME` and `${NAME}`; a backslash takes its meaning from what follows. Raises `NoPath` for a
    variable that the job has not, and for a command or another expansion of a shell's.
    """

    def value(found: re.Match[str]) -> str:
        literal, bare, braced, other = found.groups()
        if literal is not None:
            return str(literal)
        name = bare or braced
        if other or name not in variables:
            raise NoPath(f"{path!r}: {found[0]!r} cannot be expanded")
        return variables[name]

    return _MARK.sub(value, path)
