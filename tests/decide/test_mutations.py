"""A test of the tests: faults that are put into the code are noticed by the fault world.

The table is mutations.toml. Each fault is put into a copy of the package in a temporary
folder, and the world of test_world.py is played there, seed by seed, until a rule is broken
or nothing ends well. As a command it shows with which seed each was found:

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
SEEDS = 400  # without any fault, many more of them pass
TIMEOUT_S = 600.0
# Played in the copy: exit code 0 when nothing was noticed, 3 with the seed when something was.
_PLAY = f"""
import sys
from pathlib import Path
import torque_mesos
from tests.decide.test_world import make_world, settle, trouble
assert Path(torque_mesos.__file__).is_relative_to(Path.cwd()), torque_mesos.__file__
for seed in range({SEEDS}):
    world = make_world(seed)
    try:
        trouble(world, 60)
        settle(world)
    except Exception as error:
        print(f"seed {{seed}}: {{type(error).__name__}}: {{str(error)[:150]}}")
        sys.exit(3)
"""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One fault. `module` is a path in the package."""

    rule: int
    what: str
    module: str
    text: str
    replacement: str

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


def noticed(mutation: Mutation | None, folder: Path) -> str | None:
    """What the world said of a fault (None: of the code as it is); None if nothing."""
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
    done = subprocess.run(
        [sys.executable, "-c", _PLAY],
        cwd=folder,
        env={**os.environ, "PYTHONHASHSEED": "0"},  # the same run each time
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode == 0:
        return None
    assert done.returncode == 3, done.stderr
    return done.stdout.strip()


@pytest.mark.system
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: f"{m.rule}: {m.what}")
def test_the_world_notices(mutation: Mutation, tmp_path: Path) -> None:
    assert noticed(mutation, tmp_path), f"nothing in {SEEDS} seeds"


def main() -> None:
    """Tell of each what noticed it."""
    unseen = 0
    for mutation in MUTATIONS:
        with tempfile.TemporaryDirectory() as folder:
            said = noticed(mutation, Path(folder))
        unseen += said is None
        print(f"rule {mutation.rule}, {mutation.what}:\n    {said or 'NOT NOTICED'}", flush=True)
    sys.exit(1 if unseen else 0)


if __name__ == "__main__":
    main()
