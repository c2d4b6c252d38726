"""The documents name what there is: no more, no less."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.node_ids import is_a_test
from torque_mesos.cli.app import app
from torque_mesos.cli.ending import Exit as CliExit
from torque_mesos.config import load
from torque_mesos.config.models import keys
from torque_mesos.config.table import rewritten
from torque_mesos.decide.pools import Pools
from torque_mesos.decide.reason import Code
from torque_mesos.decide.worker import Phase
from torque_mesos.framework.exit import Exit
from torque_mesos.model import Agent, Job, JobState, Resources

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


def test_every_module_of_decisions_is_named_and_every_package() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    table = text.partition("The modules of `torque_mesos/decide/`")[2].partition("\n### ")[0]
    package = ROOT / "torque_mesos"
    modules = {path.name for path in (package / "decide").glob("[a-z]*.py")}
    assert set(re.findall(r"`([a-z_]+\.py)`", table)) == modules
    for folder in package.glob("[a-z]*/__init__.py"):
        assert f"| `torque_mesos/{folder.parent.name}/` |" in text


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


@pytest.mark.parametrize(
    ("page", "headings", "least"),
    [
        ("builtin.md", ["Traps of TORQUE's that it keeps"], 40),
        ("traps.md", ["TORQUE 6.1.3", "OpenPBS 23.06.06", "Maui 3.3.2"], 130),
    ],
)
def test_every_trap_has_a_test_or_is_said_to_have_none(
    page: str, headings: list[str], least: int
) -> None:
    text = (ROOT / "docs" / page).read_text()
    tables = [text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0] for heading in headings]
    assert all(tables)
    rows = re.findall(r"^\| (?!trap \|)(.*) \|$", "\n".join(tables), re.MULTILINE)
    assert len(rows) >= least
    for row in rows:
        shown = row.rpartition(" | ")[2]
        named = re.findall(r"`(tests/[^`]*)`", shown)
        assert named or shown == "not handled", f"no test shows: {row}"
        assert all(map(is_a_test, named)), row


def toml_blocks() -> list[str]:
    text = (ROOT / "docs" / "howto.md").read_text()
    return re.findall(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", toml_blocks(), ids=range(len(toml_blocks())))
def test_settings_of_the_howto_are_good_ones(block: str, tmp_path: Path) -> None:
    path = tmp_path / "torque-mesos.toml"
    path.write_text(block)
    load(path, {})


def test_the_pools_of_the_howto_do_what_it_says(tmp_path: Path) -> None:
    (block,) = (block for block in toml_blocks() if "[pools.gpu]" in block)
    path = tmp_path / "torque-mesos.toml"
    path.write_text(block)
    policy = load(path, {}).policy("g1", None)
    pools = Pools(policy, {}, {}, ())
    job = Job("1", "j", "a@h", "gpuq", JobState.QUEUED, account="ml-vision")
    assert pools.of_job(job).name == "gpu"
    assert pools.of_job(replace(job, account="other")).name == "default"
    student = pools.of_job(replace(job, queue="batch", group="students"))
    assert (student.name, pools.served_by(student).name) == ("students", "default")
    agent = Agent("a", "n1", Resources(1, 1), {"kind": "gpu"})
    assert policy.pool_of_agent(agent) == policy.pools[0]
    assert policy.node_properties(agent) == {"mesos", "gpunode"}
    assert policy.pool_of_agent(replace(agent, attributes={})) == policy.fallback
