"""What the package of decisions is made of: pure modules of one idea each."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent.parent / "torque_mesos" / "decide"
MODULES = sorted(PACKAGE.glob("**/*.py"))
_IMPURE = {"time", "threading", "logging", "random", "socket", "subprocess", "os", "asyncio"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_decisions_import_only_the_model_and_the_standard_library(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, path.name
            names = [node.module or ""]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            own = name == "torque_mesos.model" or name.startswith("torque_mesos.decide")
            assert own or name.partition(".")[0] in sys.stdlib_module_names, f"{path.name}: {name}"
            assert name.partition(".")[0] not in _IMPURE, f"{path.name}: {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_modules_stay_small(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 310
