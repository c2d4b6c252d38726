"""`torque-mesos simulate` and `replay`: traces and journals through the live decisions."""

from __future__ import annotations

import enum
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from torque_mesos.cli.asking import settings_of
from torque_mesos.cli.ending import Exit, complain, fail

if TYPE_CHECKING:
    from torque_mesos.decide import Policy
    from torque_mesos.simulate.clock import Delays
    from torque_mesos.simulate.report import Report
    from torque_mesos.simulate.run import Run
    from torque_mesos.simulate.trace import Trace


class Mode(enum.StrEnum):
    """What holds the nodes."""

    static = "static"
    elastic = "elastic"
    original = "original"


class SchedulerKind(enum.StrEnum):
    """The batch scheduler."""

    fifo = "fifo"
    easy = "easy"


class Memory(enum.StrEnum):
    """What a trace's column of memory says."""

    none = "none"
    slot = "slot"
    job = "job"


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(simulate)
    app.command()(replay)


def simulate(
    trace: Annotated[Path, typer.Argument(metavar="TRACE", help="A trace in SWF.")],
    machines: Annotated[
        Path,
        typer.Option("--machines", metavar="FILE", help="The hosts; see docs/simulate.md."),
    ],
    settings: Annotated[
        Path | None, typer.Option("--settings", metavar="FILE", help="As for `run`.")
    ] = None,
    mode: Annotated[
        list[Mode] | None,
        typer.Option("--mode", help="What to simulate; may be given again. Default: elastic."),
    ] = None,
    scheduler: Annotated[
        SchedulerKind, typer.Option("--scheduler", help="fifo: starts what fits; easy: backfill.")
    ] = SchedulerKind.fifo,
    grace: Annotated[
        float | None, typer.Option("--grace", metavar="S", min=0.0, help="In place of grace_s.")
    ] = None,
    other_load: Annotated[
        float,
        typer.Option(
            "--other-load",
            metavar="X",
            min=0.0,
            max=0.99,
            help="The share of Mesos that a second framework takes if it can.",
        ),
    ] = 0.0,
    faults: Annotated[
        int | None,
        typer.Option("--faults", metavar="SEED", help="Let hosts and starts fail (elastic only)."),
    ] = None,
    maintenance: Annotated[
        Path | None,
        typer.Option(
            "--maintenance",
            metavar="FILE",
            help="Hosts that are away at times that Mesos is told (elastic only).",
        ),
    ] = None,
    memory: Annotated[
        Memory,
        typer.Option(
            "--memory",
            help="What the trace's tenth column is: kB for a processor (slot), bytes for the"
            " whole job (job), or nothing that counts.",
        ),
    ] = Memory.none,
    seed: Annotated[int, typer.Option("--seed", help="Of the jitter of delays.")] = 0,
    delay: Annotated[
        list[str] | None,
        typer.Option("--delay", metavar="NAME=S", help="Another delay; see docs/simulate.md."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", metavar="N", min=1, help="The first N jobs only.")
    ] = None,
    price: Annotated[
        float, typer.Option("--price", metavar="P", min=0.0, help="Of a cpu held for an hour.")
    ] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE.svg", help="Of the last mode.")
    ] = None,
) -> None:
    """Run a trace of jobs through the decisions of the live service, in simulated time."""
    from torque_mesos.simulate.machines import FormatError, read_machines
    from torque_mesos.simulate.maintenance import read_windows
    from torque_mesos.simulate.report import Prices, report
    from torque_mesos.simulate.run import Options
    from torque_mesos.simulate.run import simulate as play
    from torque_mesos.simulate.trace import read_trace

    policy = _policy(settings, grace)
    delays = _delays(delay or [])
    try:
        hosts = read_machines(machines)
        read = read_trace(trace, hosts, jobs, memory.value)
        names = {machine.name for machine in hosts}
        windows = read_windows(maintenance, names) if maintenance else ()
    except (FormatError, OSError) as error:
        fail(Exit.FAILED, str(error))
    runs: list[Run] = []
    for each in mode or [Mode.elastic]:
        options = Options(
            mode=each.value,
            scheduler=scheduler.value,
            delays=delays,
            other_share=other_load,
            faults=faults if each is Mode.elastic else None,
            maintenance=windows if each is Mode.elastic else (),
            seed=seed,
        )
        runs.append(play(read, policy, options))
    reports = [report(run, Prices(cpu_hour=price)) for run in runs]
    if plot is not None:
        _plot(plot, trace.name, runs[-1])
    _print(read, reports, as_json)


def replay(
    journal: Annotated[
        Path, typer.Argument(metavar="JOURNAL", help="A snapshots.jsonl (journal_snapshots).")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Show which turns of a live run would be decided otherwise today."""
    from dataclasses import asdict

    from torque_mesos.cli.show import printable
    from torque_mesos.simulate.replay import Difference, Unreadable, sentence
    from torque_mesos.simulate.replay import replay as again

    turns, other, unread = 0, 0, 0
    try:
        for found in again(journal):
            turns += 1
            if isinstance(found, Unreadable):
                unread += 1
                complain(f"{journal}:{found.line}: {found.why}")
            elif isinstance(found, Difference):
                other += 1
                if as_json:
                    typer.echo(json.dumps(asdict(found)))
                    continue
                typer.echo(f"turn {found.turn}:")
                for sign, actions in (("-", found.gone), ("+", found.new)):
                    for action in actions:
                        typer.echo(printable(f"  {sign} {sentence(action)}"))
    except OSError as error:
        fail(Exit.FAILED, str(error))
    if not as_json:
        typer.echo(f"{turns - unread} turns, {other} of them decided otherwise")
    if other or unread:
        raise typer.Exit(Exit.FAILED)


def _policy(settings: Path | None, grace_s: float | None) -> Policy:
    """The policy of a settings file; without one, of no file at all, not even the usual ones."""
    from torque_mesos.config import Settings

    values = settings_of(settings) if settings is not None else Settings()
    policy = values.policy("simulated", None)
    return policy if grace_s is None else replace(policy, grace_s=grace_s)


def _delays(texts: Sequence[str]) -> Delays:
    from torque_mesos.simulate.clock import Delays

    values = {}
    try:
        for text in texts:
            name, equals, value = text.partition("=")
            if not equals:
                raise ValueError(f"{text!r} is not NAME=SECONDS")
            values[name] = float(value)
        return Delays().with_values(values)
    except ValueError as error:
        fail(Exit.WRONG_SETTINGS, f"--delay: {error}")


def _plot(file: Path, name: str, run: Run) -> None:
    from torque_mesos.simulate.plot import svg

    title = f"{name}: {run.options.mode}, scheduler {run.options.scheduler}"
    try:
        file.write_text(svg(run.account.points, run.span_s, title, run.slots), "utf-8")
    except OSError as error:
        fail(Exit.FAILED, str(error))


def _print(trace: Trace, reports: Sequence[Report], as_json: bool) -> None:
    if as_json:
        values = {
            "jobs": len(trace.jobs),
            "left_out": list(trace.problems),
            "notes": list(trace.notes),
            "runs": [report.to_json() for report in reports],
        }
        typer.echo(json.dumps(values))
        return
    from rich.console import Console

    from torque_mesos.cli.show import printable
    from torque_mesos.simulate.show import picture

    for line in (*(f"left out: {text}" for text in trace.problems), *trace.notes):
        typer.echo(printable(line), err=True)
    Console().print(picture(reports))
