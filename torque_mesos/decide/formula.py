"""OpenPBS' `job_sort_formula`: arithmetic over a job's resources and priorities.

The scheduler evaluates it as Python; here it is numbers, names, `+ - * / ** ( )` and a few
functions. Of a resource that a job does not ask for the value is 0; so is that of a formula
that cannot be evaluated for a job (it divides by 0).
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: math.pow,
}
_FUNCTIONS: dict[str, Callable[..., float]] = {
    "abs": abs,
    "max": max,
    "min": min,
    "sqrt": math.sqrt,
    "pow": math.pow,
}
_UNKNOWN = re.compile(r"fairshare|accrue_type")  # only the scheduler knows them
_SIZE = re.compile(r"([0-9]{1,18})([kmgtp]?)([bw]?)", re.ASCII | re.IGNORECASE)
_LETTERS = "kmgtp"
_KEPT = 16


class FormulaError(ValueError):
    """A formula that cannot be read, or asks for what only the scheduler knows."""


@dataclass(frozen=True)
class Formula:
    """A formula that can be evaluated. `tree` has nothing in it but what `parse` allows."""

    text: str
    tree: ast.expr

    @staticmethod
    @lru_cache(_KEPT)
    def parse(text: str) -> Formula:
        """Read a formula.

        Raises:
            FormulaError: quoting it, or the part that is not understood.
        """
        try:
            tree = ast.parse(text.strip(), mode="eval").body
            _check(tree, text)
        except (SyntaxError, ValueError, RecursionError) as error:
            raise FormulaError(f"{text[:80]!r} cannot be read: {error}") from None
        return Formula(text, tree)

    def value(self, known: Mapping[str, float], resources: Mapping[str, str]) -> float:
        """What it gives for a job. Sizes count in kB and times in seconds, as in OpenPBS."""
        try:
            value = _value(self.tree, known, resources)
        except (ArithmeticError, ValueError, TypeError):
            return 0.0
        return value if math.isfinite(value) else 0.0


def _check(tree: ast.expr, text: str) -> None:
    if isinstance(tree, ast.Constant):
        sound = isinstance(tree.value, (int, float)) and not isinstance(tree.value, bool)
    elif isinstance(tree, ast.Name):
        sound = not _UNKNOWN.match(tree.id)
    elif isinstance(tree, ast.UnaryOp):
        sound = isinstance(tree.op, (ast.USub, ast.UAdd))
        _check(tree.operand, text)
    elif isinstance(tree, ast.BinOp):
        sound = type(tree.op) in _BINARY
        _check(tree.left, text)
        _check(tree.right, text)
    else:
        sound = (
            isinstance(tree, ast.Call)
            and isinstance(tree.func, ast.Name)
            and tree.func.id in _FUNCTIONS
            and bool(tree.args)
            and not tree.keywords
        )
        if isinstance(tree, ast.Call):
            for argument in tree.args:
                _check(argument, text)
    if not sound:
        raise FormulaError(f"{ast.unparse(tree)[:40]!r} is not known")


def _value(tree: ast.expr, known: Mapping[str, float], resources: Mapping[str, str]) -> float:
    if isinstance(tree, ast.Constant):
        return float(tree.value)  # type: ignore[arg-type]  # `_check` has seen to it
    if isinstance(tree, ast.Name):
        return known[tree.id] if tree.id in known else amount(resources.get(tree.id, ""))
    if isinstance(tree, ast.UnaryOp):
        value = _value(tree.operand, known, resources)
        return -value if isinstance(tree.op, ast.USub) else value
    if isinstance(tree, ast.BinOp):
        left = _value(tree.left, known, resources)
        return _BINARY[type(tree.op)](left, _value(tree.right, known, resources))
    assert isinstance(tree, ast.Call)
    assert isinstance(tree.func, ast.Name)
    return _FUNCTIONS[tree.func.id](*(_value(each, known, resources) for each in tree.args))


def amount(text: str) -> float:
    """The number that a resource's value is: `4`, `2gb` (in kB), `01:00:00` (in seconds)."""
    parts = text.split(":")
    if 1 < len(parts) <= 3 and all(part.isascii() and part.isdigit() for part in parts):
        seconds = 0.0
        for part in parts:
            seconds = 60.0 * seconds + int(part)
        return seconds
    match = _SIZE.fullmatch(text)
    if match is None:
        return 0.0
    if not match[2] and not match[3]:
        return float(match[1])
    factor = 8 if match[3].lower() == "w" else 1
    power = _LETTERS.index(match[2].lower()) if match[2] else -1
    return float(int(match[1]) * factor) * 1024.0**power
