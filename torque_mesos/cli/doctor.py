"""`torque-mesos doctor`: what is wrong on this host."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn

import typer

from torque_mesos.cli.ending import Exit, fail

if TYPE_CHECKING:
    from torque_mesos.config import Settings
    from torque_mesos.doctor.facts import Facts
    from torque_mesos.doctor.finding import Finding

WARNINGS = 4


def doctor(
    settings: Settings,
    *,
    side: Literal["server", "agent"],
    users: Sequence[str],
    compare: Sequence[Path],
    as_json: bool,
) -> NoReturn:
    """Look, and tell. Ends with 0 (all is well), 1 (a fault), 2 or 4 (warnings only)."""
    from torque_mesos.doctor.elsewhere import Unreadable, read_elsewhere
    from torque_mesos.doctor.finding import Level, worst
    from torque_mesos.doctor.gather import gather
    from torque_mesos.doctor.judge import judge

    try:
        compared = [read_elsewhere(path.read_text(), str(path)) for path in compare]
    except (OSError, Unreadable) as error:
        fail(Exit.WRONG_SETTINGS, str(error))
    facts = gather(settings, side, users, compared)
    findings = judge(facts)
    typer.echo(_document(facts, findings) if as_json else _text(findings))
    codes = {Level.OK: Exit.OK, Level.WARNING: WARNINGS, Level.FAULT: Exit.FAILED}
    raise typer.Exit(codes[worst(findings)])


def _document(facts: Facts, findings: Sequence[Finding]) -> str:
    from torque_mesos.doctor.finding import worst

    return json.dumps(
        {
            "host": facts.host,
            "side": facts.side,
            "server_version": facts.versions.server if facts.versions else None,
            "users": [asdict(user) for user in facts.users],
            "worst": worst(findings).value,
            "findings": [
                {
                    "check": item.check,
                    "level": item.level.value,
                    "says": item.says,
                    "remedy": item.remedy,
                }
                for item in findings
            ],
        }
    )


def _text(findings: Sequence[Finding]) -> str:
    from torque_mesos.cli.show import printable

    lines = []
    for item in findings:
        lines.append(f"{item.level.value:8}{item.check}: {printable(item.says)}")
        if item.remedy:
            lines.append(f"{'':8}  -> {printable(item.remedy)}")
    return "\n".join(lines)
