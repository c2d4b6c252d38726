"""The documents name what there is: no more, no less."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from torque_mesos.cli.app import Exit as CliExit
from torque_mesos.cli.app import app
from torque_mesos.config.models import keys
from torque_mesos.config.table import rewritten
from torque_mesos.decide.reason import Code
from torque_mesos.decide.worker import Phase
from torque_mesos.framework.loop import Exit

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
REFERENCE = (ROOT / "docs" / "reference.md").read_text()


def test_every_setting_is_in_the_reference() -> None:
    for key, _, meaning in keys():
        assert f"| `{key.rpartition('.')[2]}` |" in REFERENCE, key
        assert meaning in REFERENCE, key
    assert rewritten(REFERENCE) == REFERENCE, (
        "run: python -m torque_mesos.config.table docs/reference.md"
    )


def test_every_reason_is_in_the_reference() -> None:
    reasons = REFERENCE.partition("## Reasons")[2].partition("\n## ")[0]
    told = re.findall(r"^\| `([a-z-]+)` \|", reasons, re.MULTILINE)
    assert sorted(told) == sorted(code.value for code in Code)


def test_every_command_and_exit_code_is_in_the_reference() -> None:
    for command in app.registered_commands:
        assert command.callback is not None
        name = command.name or command.callback.__name__
        assert f"| `torque-mesos {name}" in REFERENCE, name
    codes = REFERENCE.partition("## Exit codes")[2].partition("\n## ")[0]
    for code in {*CliExit, *Exit}:
        assert f"\n| {int(code)} |" in codes, code


def test_every_phase_is_in_the_table() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    table = text.partition("## The phases of a worker")[2].partition("\n## ")[0]
    told = set(re.findall(r"\| `([a-z]+)` \|$", table, re.MULTILINE))
    assert told == {phase.name.lower() for phase in Phase}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", there.read_text(), re.MULTILINE)
            slugs = {re.sub(r"[^a-z0-9 -]", "", h.lower()).replace(" ", "-") for h in headings}
            assert anchor in slugs, target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_files_of_the_project_that_are_named_exist(path: Path) -> None:
    folders = "torque_mesos|scheduler|executor|prologue|epilogue|docs|dev|packages"
    for name in re.findall(rf"(?<![\w/.-])((?:{folders})/[\w./-]*\w)", path.read_text()):
        assert (ROOT / name).exists(), name
