"""The commands. Each imports what it needs itself, so that `--help` is quick."""

from __future__ import annotations

import enum
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from torque_mesos import __version__
from torque_mesos.cli import simulate

if TYPE_CHECKING:
    from torque_mesos.admin.status import Status
    from torque_mesos.config import Settings
    from torque_mesos.framework.journal import Written

_SETTLES_S = 2.0


class Exit(enum.IntEnum):
    """Exit codes. `run` may give further ones: see `framework.exit.Exit`."""

    OK = 0
    FAILED = 1
    WRONG_SETTINGS = 2  # and wrong usage
    NOT_RUNNING = 3
    UNKNOWN_JOB = 4
    INTERRUPTED = 130  # only `verify`, which then has removed its jobs


app = typer.Typer(
    name="torque-mesos",
    help="Makes a TORQUE batch cluster elastic on Apache Mesos.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="The settings. Else $TORQUE_MESOS_CONFIG, ./torque-mesos.toml, "
        "/etc/torque-mesos/torque-mesos.toml.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


simulate.add_to(app)


def main() -> None:
    """Run the command line; ends the process."""
    app()


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"torque-mesos {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    pass


@app.command()
def run(
    master: Annotated[
        str | None, typer.Argument(help="HOST:PORT or zk://HOST:PORT,.../PATH; else mesos.master.")
    ] = None,
    config: Config = None,
) -> None:
    """Serve a batch queue with nodes from Mesos, until stopped. Jobs go on after that."""
    settings = _with_master(config, master)
    from torque_mesos.framework import service

    raise typer.Exit(service.run(settings))


@app.command("check-config")
def check_config(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="The settings.")] = None,
) -> None:
    """Print the settings as they would be used, or everything that is wrong with them."""
    import os

    from torque_mesos.cli.toml import text_of
    from torque_mesos.config import find_file
    from torque_mesos.mesos.credentials import CredentialsError

    settings = _settings(file)
    try:
        settings.credentials()
    except CredentialsError as error:
        _fail(Exit.WRONG_SETTINGS, f"mesos.secret_file: {error}")
    found = find_file(file, os.environ)
    typer.echo(f"# from {found}" if found else "# no file: defaults and variables")
    typer.echo(text_of(settings.effective()), nl=False)


@app.command()
def status(
    config: Config = None,
    as_json: Json = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Again and again.")] = False,
    interval: Annotated[
        float, typer.Option("--interval", "-n", metavar="S", min=0.1, help="Seconds, for --watch.")
    ] = 2.0,
) -> None:
    """Show what the running framework holds, and which jobs wait."""
    with suppress(KeyboardInterrupt):
        _show(_settings(config).status_socket, as_json, watch, interval)


def _show(socket: Path, as_json: bool, watch: bool, interval: float) -> None:
    if as_json:
        for current in _readings(socket, watch, interval):
            typer.echo(current.to_text())
        return
    from rich.console import Console
    from rich.live import Live

    from torque_mesos.cli.show import picture

    console = Console()
    if not (watch and console.is_terminal):
        for current in _readings(socket, watch, interval):
            console.print(picture(current, time.time()))
        return
    with Live(console=console, screen=True, auto_refresh=False) as live:
        for current in _readings(socket, watch, interval):
            live.update(picture(current, time.time()), refresh=True)


@app.command()
def explain(
    job: Annotated[
        str | None,
        typer.Argument(metavar="[JOB]", help="12, 12.head, 9[3] or 9[]; else all that wait."),
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Tell for every waiting job, in one sentence, why it waits."""
    from torque_mesos.cli.show import printable

    current = next(_readings(_settings(config).status_socket, False, 0.0))
    jobs = current.waiting if job is None else current.find(job)
    if job is not None and not jobs:
        known = "" if current.server_reachable else " (the batch server cannot be read now)"
        _fail(Exit.UNKNOWN_JOB, f"no job {printable(job)} waits or runs here{known}")
    if as_json:
        wanted = {item.job_id for item in jobs}
        values = [item for item in current.to_json()["jobs"] if item["job_id"] in wanted]
        typer.echo(json.dumps({"jobs": values}))
        return
    for item in jobs:
        typer.echo(printable(f"{item.job_id}: {item.sentence}"))
    if not jobs:
        _say_none_wait(current)


@app.command()
def plan(
    config: Config = None,
    settings: Annotated[
        Path | None,
        typer.Option("--settings", metavar="FILE", help="What would be done with these."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Tell what would be done now, and next, and why. Nothing is changed."""
    from torque_mesos.cli import plan as dry

    own = _settings(config)
    other = None if settings is None else _settings(settings)
    turn = _settled_turn(own.status_socket)
    policy = None if other is None else dry.with_settings(turn, other.policy)
    values = dry.dry_run(turn, time.time(), policy)
    for line in [json.dumps(values)] if as_json else dry.lines(values):
        typer.echo(line)


@app.command()
def verify(
    config: Config = None,
    users: Annotated[
        str, typer.Option("--users", metavar="A,B", help="Whose jobs (as root); else your own.")
    ] = "",
    clients: Annotated[
        str,
        typer.Option(
            "--clients", metavar="H1,H2", help="Submit there (by ssh); else on this host."
        ),
    ] = "",
    expect_nodes: Annotated[
        int | None,
        typer.Option("--expect-nodes", metavar="N", min=1, help="So many hosts must be there."),
    ] = None,
    deadline: Annotated[
        float, typer.Option("--deadline", metavar="S", min=0.1, help="For the jobs; for the nodes.")
    ] = 300.0,
    queue: Annotated[str, typer.Option("--queue", "-q", help="Submit to this queue.")] = "",
    folder: Annotated[
        Path | None,
        typer.Option("--folder", metavar="DIR", help="Submit from there; else from the home."),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write a JUnit report, too.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Test the living cluster with jobs of real users, and tell what does not work."""
    from torque_mesos.cli import verify as acceptance

    acceptance.verify(
        _settings(config),
        users=users,
        clients=clients,
        expect_nodes=expect_nodes,
        deadline_s=deadline,
        queue=queue,
        folder=folder,
        junit=junit,
        as_json=as_json,
    )


class Side(enum.StrEnum):
    """Which host is looked at."""

    SERVER = "server"
    AGENT = "agent"


@app.command()
def doctor(
    config: Config = None,
    host: Annotated[
        Side, typer.Option("--host", help="What this host is: the batch server's, or an agent.")
    ] = Side.SERVER,
    users: Annotated[
        str, typer.Option("--users", metavar="A,B", help="Accounts that must be there.")
    ] = "",
    compare: Annotated[
        list[Path] | None,
        typer.Option("--compare", metavar="FILE", help="What --json printed on another host."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Find what is wrong on this host, with the line that mends it."""
    from torque_mesos.cli import doctor as examination
    from torque_mesos.cli.verify import names

    examination.doctor(
        _settings(config),
        side="server" if host is Side.SERVER else "agent",
        users=names(users),
        compare=compare or (),
        as_json=as_json,
    )


@app.command("setup-server")
def setup_server(
    config: Config = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be done.")] = (
        False
    ),
    undo: Annotated[
        bool, typer.Option("--undo", help="Take back what was changed; stop `run` first.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Set on the batch server what an elastic cluster needs, each with its reason."""
    from torque_mesos.cli import setup

    setup.setup_server(_settings(config), dry_run=dry_run, undo=undo, as_json=as_json)


@app.command()
def teardown(
    master: Annotated[
        str | None, typer.Argument(help="HOST:PORT or zk://HOST:PORT,.../PATH; else mesos.master.")
    ] = None,
    config: Config = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """End the framework: every node of ours stops, and the jobs on it. Mesos forgets us."""
    settings = _with_master(config, master)
    if not yes:
        question = f"Stop all nodes of {settings.mesos.name} on {settings.mesos.master}, and jobs?"
        typer.confirm(question, abort=True)
    from torque_mesos.framework import service

    raise typer.Exit(service.teardown(settings))


# --- what commands share --------------------------------------------------------


def _fail(code: Exit, message: str) -> NoReturn:
    typer.echo(f"torque-mesos: {message}", err=True)
    raise typer.Exit(code)


def _settings(config: Path | None, overrides: dict[str, Any] | None = None) -> Settings:
    from torque_mesos.config import ConfigError, load

    try:
        return load(config, overrides=overrides)
    except ConfigError as error:
        for problem in error.problems:
            typer.echo(f"torque-mesos: {problem}", err=True)
        raise typer.Exit(Exit.WRONG_SETTINGS) from None


def _with_master(config: Path | None, master: str | None) -> Settings:
    settings = _settings(config, {"mesos.master": master} if master else None)
    if settings.mesos.master is None:
        _fail(Exit.WRONG_SETTINGS, "no Mesos master: give it as MASTER, or set mesos.master")
    return settings


def _readings(socket: Path, again: bool, interval_s: float) -> Iterator[Status]:
    """The status, once or again and again until interrupted."""
    from torque_mesos.admin.client import read_status

    with _told():
        while True:
            yield read_status(socket)
            if not again:
                return
            sys.stdout.flush()
            time.sleep(interval_s)


def _settled_turn(socket: Path) -> Written:
    """The last turn; of a busy framework, one whose deeds are done, if one comes soon."""
    from torque_mesos.admin.client import read_turn
    from torque_mesos.cli.plan import settled
    from torque_mesos.framework.codec import CodecError
    from torque_mesos.framework.journal import read_line

    until_s = time.monotonic() + _SETTLES_S
    with _told():
        while True:
            try:
                turn = read_line(read_turn(socket))
            except CodecError as error:
                _fail(Exit.FAILED, f"{socket}: a turn that this version cannot read: {error}")
            if settled(turn) or time.monotonic() >= until_s:
                return turn
            time.sleep(0.1)


@contextmanager
def _told() -> Iterator[None]:
    """Turn what may go wrong with asking into a sentence and an exit code."""
    from torque_mesos.admin.client import BadAnswer, NoAccess, NotRunning

    try:
        yield
    except NotRunning as error:
        _fail(Exit.NOT_RUNNING, f"not running here: {error}")
    except (NoAccess, BadAnswer) as error:
        _fail(Exit.FAILED, str(error))


def _say_none_wait(current: Status) -> None:
    if current.server_reachable:
        typer.echo("no job waits")
    else:
        typer.echo("the batch server cannot be read now: its jobs are not known")
