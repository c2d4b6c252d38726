"""The commands. Each imports what it needs itself, so that `--help` is quick."""

from __future__ import annotations

import enum
import json
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from torque_mesos import __version__
from torque_mesos.cli import simulate
from torque_mesos.cli.asking import readings, settings_of, settled_turn, with_master
from torque_mesos.cli.ending import Exit, fail

if TYPE_CHECKING:
    from torque_mesos.admin.status import Status

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
    settings = with_master(config, master)
    from torque_mesos.framework.service import run as serve

    raise typer.Exit(serve(settings))


@app.command("check-config")
def check_config(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="The settings.")] = None,
) -> None:
    """Print the settings as they would be used, or everything that is wrong with them."""
    import os

    from torque_mesos.cli.toml import text_of
    from torque_mesos.config import find_file
    from torque_mesos.mesos.credentials import CredentialsError

    settings = settings_of(file)
    try:
        settings.credentials()
    except CredentialsError as error:
        fail(Exit.WRONG_SETTINGS, f"mesos.secret_file: {error}")
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
        _show(settings_of(config).status_socket, as_json, watch, interval)


def _show(socket: Path, as_json: bool, watch: bool, interval: float) -> None:
    if as_json:
        for current in readings(socket, watch, interval):
            typer.echo(current.to_text())
        return
    from rich.console import Console
    from rich.live import Live

    from torque_mesos.cli.show import picture

    console = Console()
    if not (watch and console.is_terminal):
        for current in readings(socket, watch, interval):
            console.print(picture(current, time.time()))
        return
    with Live(console=console, screen=True, auto_refresh=False) as live:
        for current in readings(socket, watch, interval):
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

    current = next(readings(settings_of(config).status_socket, False, 0.0))
    jobs = current.waiting if job is None else current.find(job)
    if job is not None and not jobs:
        known = "" if current.server_reachable else " (the batch server cannot be read now)"
        fail(Exit.UNKNOWN_JOB, f"no job {printable(job)} waits or runs here{known}")
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

    own = settings_of(config)
    other = None if settings is None else settings_of(settings)
    turn = settled_turn(own.status_socket)
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
        settings_of(config),
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
        settings_of(config),
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

    setup.setup_server(settings_of(config), dry_run=dry_run, undo=undo, as_json=as_json)


@app.command()
def teardown(
    master: Annotated[
        str | None, typer.Argument(help="HOST:PORT or zk://HOST:PORT,.../PATH; else mesos.master.")
    ] = None,
    config: Config = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """End the framework: every node of ours stops, and the jobs on it. Mesos forgets us."""
    settings = with_master(config, master)
    if not yes:
        question = f"Stop all nodes of {settings.mesos.name} on {settings.mesos.master}, and jobs?"
        typer.confirm(question, abort=True)
    from torque_mesos.framework.teardown import teardown as end

    raise typer.Exit(end(settings))


def _say_none_wait(current: Status) -> None:
    if current.server_reachable:
        typer.echo("no job waits")
    else:
        typer.echo("the batch server cannot be read now: its jobs are not known")
