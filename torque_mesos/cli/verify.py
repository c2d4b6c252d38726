"""`torque-mesos verify`: the acceptance test of a living cluster."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import typer

from torque_mesos.cli.ending import Exit, complain, fail

if TYPE_CHECKING:
    from torque_mesos.config import Settings
    from torque_mesos.verify.checks import Result
    from torque_mesos.verify.run import Verification

_STOPPING = (signal.SIGINT, signal.SIGTERM)


def names(text: str) -> tuple[str, ...]:
    """`a,b` as names."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def verify(
    settings: Settings,
    *,
    users: str,
    clients: str,
    expect_nodes: int | None,
    deadline_s: float,
    queue: str,
    folder: Path | None,
    junit: Path | None,
    as_json: bool,
) -> NoReturn:
    """Run it and print what came out. Ends with 0, 1, 2 or 130."""
    from torque_mesos.batch.base import BatchError
    from torque_mesos.framework.site import batch_reader
    from torque_mesos.verify.account import Unusable, accounts
    from torque_mesos.verify.checks import Result
    from torque_mesos.verify.run import Options, Verification, passed

    if junit is not None:
        _begin(junit)
    server, batch = batch_reader(settings)
    options = Options(
        deadline_s=deadline_s,
        expect_nodes=expect_nodes,
        queue=queue,
        folder=None if folder is None else str(folder),
        bin_dir=str(batch.bin_dir),
        properties=settings.node_properties,
        accounting_dir=batch.accounting_dir,
        why=_why(settings.status_socket),
    )
    try:
        found = accounts(names(users), names(clients), batch.command_environment())
    except Unusable as error:
        fail(Exit.WRONG_SETTINGS, str(error))
    verification = Verification(server, found, options, sleep=_interruptions())
    try:
        results = verification.run()
    except BatchError as error:
        if junit is not None:
            _write(junit, [Result("the batch server is read", failures=(str(error),))])
        fail(Exit.FAILED, str(error))
    except KeyboardInterrupt:
        complain("interrupted; its jobs are being removed")
        raise typer.Exit(Exit.INTERRUPTED) from None
    finally:
        problems = _clean(verification)
    _tell(results, junit, as_json)
    raise typer.Exit(0 if passed(results) and not problems else Exit.FAILED)


def _tell(results: list[Result], file: Path | None, as_json: bool) -> None:
    from torque_mesos.verify import report

    if as_json:
        typer.echo(report.to_json(results))
    else:
        from rich.console import Console

        Console().print(report.picture(results), soft_wrap=True)
    if file is not None:
        _write(file, results)


def _begin(junit: Path) -> None:
    """No report of an earlier run is taken for this one's; one that cannot be written is told."""
    try:
        junit.write_bytes(b"")
        junit.unlink()
    except OSError as error:
        fail(Exit.WRONG_SETTINGS, f"--junit: {error}")


def _write(file: Path, results: list[Result]) -> None:
    from torque_mesos.verify import report

    try:
        file.write_text(report.junit(results), "utf-8")
    except OSError as error:
        fail(Exit.FAILED, f"--junit: {error}")


def _clean(verification: Verification) -> list[str]:
    """Remove what was made; a further Ctrl-C does not cut it short."""
    for number in _STOPPING:
        signal.signal(number, signal.SIG_IGN)
    problems = verification.clean()
    for problem in problems:
        complain(problem)
    return problems


def _interruptions() -> Callable[[float], None]:
    """A sleep that raises KeyboardInterrupt once SIGINT or SIGTERM came, and nothing else does."""
    came: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    def sleep(seconds: float) -> None:
        time.sleep(seconds)
        if came:
            raise KeyboardInterrupt

    for number in _STOPPING:
        signal.signal(number, note)
    return sleep


def _why(socket: Path) -> Callable[[str], str]:
    """What the framework says of a job that waits, if it runs here and may be asked."""
    from torque_mesos.admin.client import BadAnswer, NoAccess, NotRunning, read_status

    def why(job_id: str) -> str:
        try:
            jobs = read_status(socket).find(job_id)
        except NotRunning:
            return f"no framework answers at {socket}"
        except (NoAccess, BadAnswer):
            return ""
        return jobs[0].sentence if jobs else "the framework does not know it"

    return why
