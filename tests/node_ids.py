"""Which tests there are, by their node ids."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def is_a_test(node_id: str) -> bool:
    """Whether `tests/x/test_y.py::test_z`, or `...::TestClass::test_z`, is one."""
    path, _, name = node_id.partition("::")
    return name in _tests_of(path)


@cache
def _tests_of(path: str) -> frozenset[str]:
    file = ROOT / path
    if not file.is_file():
        return frozenset()
    body = ast.parse(file.read_text()).body
    classes = [item for item in body if isinstance(item, ast.ClassDef)]
    return frozenset(_named(body)) | {
        f"{item.name}::{name}"
        for item in classes
        if item.name.startswith("Test")
        for name in _named(item.body)
    }


def _named(body: list[ast.stmt]) -> list[str]:
    return [
        item.name
        for item in body
        if isinstance(item, ast.FunctionDef) and item.name.startswith("test_")
    ]
