"""How commands end: the exit code, and a sentence that says why."""

from __future__ import annotations

import enum
from typing import NoReturn

import typer


class Exit(enum.IntEnum):
    """Exit codes of several commands. `run` may give further ones: see `framework.exit.Exit`."""

    OK = 0
    FAILED = 1
    WRONG_SETTINGS = 2  # and wrong usage
    NOT_RUNNING = 3
    UNKNOWN_JOB = 4
    INTERRUPTED = 130  # only `verify`, which then has removed its jobs


def complain(message: str) -> None:
    """Say on stderr what is wrong."""
    typer.echo(f"torque-mesos: {message}", err=True)


def fail(code: int, message: str) -> NoReturn:
    """Say what is wrong, and end."""
    complain(message)
    raise typer.Exit(code)
