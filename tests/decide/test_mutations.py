"""A test of the tests: faults that are put into the code are noticed by the fault world.

The table is mutations.toml. Each fault is put into a copy of the package in a temporary
folder, and a world of test_world.py is played there, seed by seed, until several of them broke
a rule or did not end well: one seed alone may stop to notice when something else is changed. As
a command it shows with which seeds each was found:

    python -m tests.decide.test_mutations
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SEEDS = 200  # without any fault, many more of them pass
NEEDED = 2  # so many of them must notice
TIMEOUT_S = 600.0
# Played in the copy, with the world and the names above: a line for each seed that noticed.
_PLAY = f"""
import importlib, sys
from pathlib import Path
import torque_mesos
world = importlib.import_module("tests.decide.world." + sys.argv[1])
assert Path(torque_mesos.__file__).is_relative_to(Path.cwd()), torque_mesos.__file__
left = {NEEDED}
for seed in range({SEEDS}):
    try:
        world.play(seed)
    except Exception as error:
        print(f"seed {{seed}}: {{type(error).__name__}}: {{str(error)[:150]}}".splitlines()[0])
        left -= 1
        if not left:
            break
"""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One fault. `module` is a path in the package, `world` the kind of world that notices.

    `rule` 0: not of a rule, but of what is promised beside them.
    """

    rule: int
    what: str
    module: str
    text: str
    replacement: str
    world: str = "plain"

    def mutated(self, source: str) -> str:
        """The module with the fault. Raises ValueError where the text is not there just once."""
        if (found := source.count(self.text)) != 1:
            raise ValueError(f"{self.module}: {self.text!r} is there {found} times, not once")
        return source.replace(self.text, self.replacement)


def _table() -> list[Mutation]:
    text = (Path(__file__).parent / "mutations.toml").read_text("utf-8")
    return [Mutation(**values) for values in tomllib.loads(text)["mutation"]]


MUTATIONS = _table()


def test_every_mutation_applies_and_is_still_python() -> None:
    for mutation in MUTATIONS:
        source = (ROOT / "torque_mesos" / mutation.module).read_text("utf-8")
        compile(mutation.mutated(source), mutation.module, "exec")


def test_every_rule_has_two() -> None:
    counts = Counter(mutation.rule for mutation in MUTATIONS)
    assert {rule: counts[rule] >= 2 for rule in range(1, 11)} == dict.fromkeys(range(1, 11), True)
    assert len({mutation.what for mutation in MUTATIONS}) == len(MUTATIONS)


def noticed(mutation: Mutation | None, folder: Path, world: str = "plain") -> list[str]:
    """What seeds of a world said of a fault (None: of the code as it is)."""
    for name in ("torque_mesos", "tests/decide"):
        shutil.copytree(
            ROOT / name,
            folder / name,
            ignore=shutil.ignore_patterns("__pycache__", "builtin"),
            dirs_exist_ok=True,
        )
    (folder / "tests" / "__init__.py").touch()
    if mutation is not None:
        module = folder / "torque_mesos" / mutation.module
        module.write_text(mutation.mutated(module.read_text("utf-8")), "utf-8")
        world = mutation.world
    done = subprocess.run(
        [sys.executable, "-c", _PLAY, world],
        cwd=folder,
        env={**os.environ, "PYTHONHASHSEED": "0"},  # the same run each time
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.system
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: f"{m.rule}: {m.what}")
def test_the_world_notices(mutation: Mutation, tmp_path: Path) -> None:
    assert len(noticed(mutation, tmp_path)) == NEEDED, f"of {SEEDS} seeds"


def main() -> None:
    """Tell of each what noticed it."""
    unseen = 0
    for mutation in MUTATIONS:
        with tempfile.TemporaryDirectory() as folder:
            said = noticed(mutation, Path(folder))
        unseen += len(said) < NEEDED
        print(f"rule {mutation.rule}, {mutation.what}:", flush=True)
        for line in said or ["NOT NOTICED"]:
            print(f"    {line}", flush=True)
    sys.exit(1 if unseen else 0)


if __name__ == "__main__":
    main()
