"""`torque-mesos setup-server`: what an elastic cluster needs of its batch server."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from torque_mesos.cli.ending import Exit, complain, fail

if TYPE_CHECKING:
    from torque_mesos.batch.setup.deed import Undone
    from torque_mesos.batch.setup.rights import Gap
    from torque_mesos.batch.setup.wish import Change
    from torque_mesos.config import Settings
    from torque_mesos.framework.setup import Setup

UNREACHABLE, TO_DO, NO_RIGHT, RUNNING = 3, 4, 5, 8


def setup_server(settings: Settings, *, dry_run: bool, undo: bool, as_json: bool) -> NoReturn:
    """Do it, or tell what would be done. Ends with 0, 1, 3, 4, 5 or 8: see the reference."""
    from torque_mesos.framework.setup import setup_of
    from torque_mesos.framework.site import prepare_state_dir

    with _told():
        prepare_state_dir(settings.state_dir)
        setup = setup_of(settings)
        with setup.record.locked():
            missing = setup.gaps()
            for gap in missing:
                complain(_gap(gap))
            if undo:
                code = _undo(settings, setup, missing, dry_run, as_json)
            else:
                code = _apply(setup, missing, dry_run, as_json)
    raise typer.Exit(code)


def _apply(setup: Setup, missing: Sequence[Gap], dry_run: bool, as_json: bool) -> int:
    from torque_mesos.batch.setup import deed

    wanted, remarks = deed.plan(setup.desk, setup.needs)
    barred = any(gap.needed for gap in missing)
    if dry_run or barred:
        _show("would be done", [(change, "") for change in wanted], remarks, missing, as_json)
        if barred:
            return NO_RIGHT
        return TO_DO if wanted else 0
    outcome = deed.apply(setup.desk, wanted, setup.record)
    told = [*((change, "") for change in outcome.done), *outcome.refused]
    _show("done", told, remarks, missing, as_json)
    return Exit.FAILED if outcome.refused else 0


def _undo(
    settings: Settings, setup: Setup, missing: Sequence[Gap], dry_run: bool, as_json: bool
) -> int:
    from torque_mesos.batch.setup import deed
    from torque_mesos.framework.identity import Lock

    if dry_run:
        told = [(entry.change, "") for entry in reversed(setup.record.entries())]
        _show("would be taken back", told, [], missing, as_json)
        return TO_DO if told else 0
    if any(gap.needed for gap in missing):
        return NO_RIGHT
    with contextlib.closing(Lock(settings.state_dir)) as lock:
        lock.take()
        undone = deed.undo(setup.desk, setup.record)
    if as_json:
        typer.echo(json.dumps({"undone": [_undone_json(item) for item in undone]}))
    else:
        for item in undone:
            typer.echo(_undone_line(item))
        if not undone:
            typer.echo("nothing was changed here")
    left = (deed.Fate.KEPT, deed.Fate.FAILED)
    return Exit.FAILED if any(item.fate in left for item in undone) else 0


# --- what is printed ------------------------------------------------------------


def _show(
    heading: str,
    told: Sequence[tuple[Change, str]],
    remarks: Sequence[str],
    missing: Sequence[Gap],
    as_json: bool,
) -> None:
    if as_json:
        values = {
            heading.replace(" ", "_"): [
                {**_json(change), **({"refused": why} if why else {})} for change, why in told
            ],
            "remarks": list(remarks),
            "missing_rights": [_gap(gap) for gap in missing],
        }
        typer.echo(json.dumps(values))
        return
    typer.echo(f"{heading}:" if told else "nothing is to be done")
    for change, why in told:
        typer.echo(f"  {_line(change)}")
        typer.echo(f"      {'REFUSED: ' + why if why else change.reason}")
    for remark in remarks:
        typer.echo(f"  {remark}")


def _line(change: Change) -> str:
    if change.kind == "make":
        return f"create {change.target} {change.new}"
    if change.kind == "line":
        return f"{change.target}: {change.new}   (was: {change.old or 'not there'})"
    old = "not set" if change.old is None else change.old
    return f"set {change.target} {change.attribute} = {change.new}   (was: {old})"


def _undone_line(item: Undone) -> str:
    change = item.change
    what = f"{change.target} {change.attribute}".strip()
    from torque_mesos.batch.setup.deed import Fate

    if item.fate is Fate.RESTORED:
        absent = "deleted again" if change.kind == "make" else "not set, as it was"
        text = f"{what}: {absent if change.old is None else f'{change.old}, as it was'}"
        return f"{text} ({item.detail})" if item.detail else text
    if item.fate is Fate.CHANGED_SINCE:
        now = "gone" if item.now is None else item.now
        return f"{what}: left alone, for somebody has changed it since: {now}"
    return f"{what}: {item.fate.value}: {item.detail}"


def _json(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "target": change.target,
        "attribute": change.attribute,
        "old": change.old,
        "new": change.new,
        "reason": change.reason,
    }


def _undone_json(item: Undone) -> dict[str, Any]:
    more = {"fate": item.fate.name.lower(), "now": item.now, "detail": item.detail}
    return _json(item.change) | more


def _gap(gap: Gap) -> str:
    return f"{gap.right}: {gap.without}. {gap.remedy}"


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Turn what may go wrong into a sentence and an exit code."""
    from torque_mesos.batch.base import BatchError, ServerUnreachable
    from torque_mesos.framework.identity import AlreadyRunning

    try:
        yield
    except ServerUnreachable as error:
        fail(UNREACHABLE, str(error))
    except AlreadyRunning as error:
        fail(RUNNING, f"{error}; stop it first")
    except (BatchError, OSError) as error:
        fail(Exit.FAILED, str(error))
