"""Reading the settings: a TOML file, then TORQUE_MESOS_* variables, then `Settings`.

A variable is TORQUE_MESOS_<KEY>, or TORQUE_MESOS_<SECTION>__<KEY>. Numbers, booleans and
tables are written in it as in TOML; text is taken as it is; a list is either TOML's, or
its items with commas between them.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from torque_mesos.config.crosscheck import CrossError
from torque_mesos.config.models import Settings

PREFIX = "TORQUE_MESOS_"
FILE_VARIABLE = "TORQUE_MESOS_CONFIG"
FILE_NAME = "torque-mesos.toml"
SYSTEM_FILE = Path("/etc/torque-mesos") / FILE_NAME
# For the project's development tools, not settings.
_NOT_SETTINGS = ("TORQUE_MESOS_CONFIG", "TORQUE_MESOS_DEV_")

_Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one key, where it was written, and what would be right."""

    where: str
    key: str
    value: str
    right: str

    def __str__(self) -> str:
        key = f"{self.key} = {self.value}" if self.value else self.key
        return ": ".join(part for part in (self.where, key, self.right) if part)


class ConfigError(Exception):
    """The settings cannot be used. `problems` are all that were found, one to a line."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def find_file(given: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The file to read: `given`, or the variable's, or the first that exists; None if none does."""
    if given is not None:
        return given
    if environ.get(FILE_VARIABLE):
        return Path(environ[FILE_VARIABLE])
    return next((path for path in (Path(FILE_NAME), SYSTEM_FILE) if path.is_file()), None)


def load(
    path: Path | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Settings:
    """Read the settings. Raises ConfigError with every problem found.

    `path`: as in `find_file`. `environ`: os.environ if None. `overrides`: values by dotted
    key, from the command line, which win.
    """
    environ = os.environ if environ is None else environ
    file = find_file(path, environ)
    values: dict[str, Any] = {}
    origins: dict[_Path, str] = {}
    problems: list[Problem] = []
    if file is not None:
        values = _read_file(file)
        origins[()] = str(file)
    for name, key, value in _variables(environ, problems):
        _put(values, key, value)
        origins[key] = name
    for dotted, value in (overrides or {}).items():
        key = tuple(dotted.split("."))
        _put(values, key, value)
        origins[key] = "command line"
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        problems += _problems(error, origins)
        raise ConfigError(tuple(problems)) from None
    if problems:
        raise ConfigError(tuple(problems))
    return settings


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problem = Problem(str(path), "", "", f"cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        problem = Problem(str(path), "", "", f"is not UTF-8: {error}")
    except tomllib.TOMLDecodeError as error:
        problem = Problem(str(path), "", "", f"is not TOML: {error}")
    raise ConfigError((problem,))


def _variables(
    environ: Mapping[str, str], problems: list[Problem]
) -> Iterator[tuple[str, _Path, Any]]:
    """Our variables: their names, keys and values; whole sections before their keys."""
    names = [name for name in environ if name.startswith(PREFIX)]
    for name in sorted(names, key=lambda name: (name.count("__"), name)):
        if name.startswith(_NOT_SETTINGS):
            continue
        key, model = _key_of(name)
        if model is None:
            problems.append(
                Problem(name, ".".join(key), repr(environ[name]), _unknown(".".join(key)))
            )
            continue
        yield name, key, _value_of(environ[name], model)


def _key_of(name: str) -> tuple[_Path, Any]:
    """The key that a variable names, and its annotation (None: there is no such key)."""
    parts = name[len(PREFIX) :].split("__")
    model: Any = Settings
    key: _Path = ()
    for number, part in enumerate(parts):
        if isinstance(model, type) and issubclass(model, BaseModel):
            field = model.model_fields.get(part.lower())
            key += (part.lower(),)
            if field is None:
                return (*key, *(rest.lower() for rest in parts[number + 1 :])), None
            model = field.annotation
        elif _is_mapping(model) and number == len(parts) - 1:
            return (*key, part), str
        else:
            return (*key, *(rest.lower() for rest in parts[number:])), None
    return key, model


def _is_mapping(annotation: Any) -> bool:
    return getattr(annotation, "__origin__", None) is Mapping


def _is_tuple(annotation: Any) -> bool:
    return getattr(annotation, "__origin__", None) is tuple


def _is_number(annotation: Any) -> bool:
    """Whether the annotation (or a part of it) is of a number or a boolean."""
    if annotation in (int, float, bool):
        return True
    parts = getattr(annotation, "__args__", ())
    return any(_is_number(part) for part in parts if not isinstance(part, str))


def _value_of(text: str, annotation: Any) -> Any:
    """The value that a variable's text stands for, for a key of this annotation."""
    if _is_tuple(annotation):
        if not text.lstrip().startswith("["):
            return [item.strip() for item in text.split(",") if item.strip()]
    elif not (
        _is_number(annotation)
        or _is_mapping(annotation)
        or (isinstance(annotation, type) and issubclass(annotation, BaseModel))
    ):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text  # `Settings` says what it should have been.


def _put(values: dict[str, Any], key: _Path, value: Any) -> None:
    for part in key[:-1]:
        inner = values.get(part)
        if not isinstance(inner, dict):
            inner = values[part] = {}
        values = inner
    values[key[-1]] = value


def _problems(error: ValidationError, origins: Mapping[_Path, str]) -> Iterator[Problem]:
    for item in error.errors(include_url=False):
        cause = item.get("ctx", {}).get("error")
        if isinstance(cause, CrossError):
            for problem in cause.problems:
                where = _origin(tuple(problem.key.split(".")), origins)
                value = "" if problem.value is None else repr(problem.value)
                yield Problem(where, problem.key, value, problem.right)
            continue
        key = tuple(str(part) for part in item["loc"] if part != "[key]")
        dotted = ".".join(key)
        if item["type"] == "extra_forbidden":
            right = _unknown(dotted)
        else:
            right = item["msg"].removeprefix("Value error, ").replace("Input should", "should")
        yield Problem(_origin(key, origins), dotted, repr(item["input"]), right)


def _origin(key: _Path, origins: Mapping[_Path, str]) -> str:
    """Where a key was written: by the longest part of it that a source names."""
    ends = range(len(key), -1, -1)
    return next((origins[key[:end]] for end in ends if key[:end] in origins), "")


def _unknown(dotted: str) -> str:
    from torque_mesos.config.models import keys

    known = [name for name, _, _ in keys()]
    close = difflib.get_close_matches(dotted, known, n=1, cutoff=0.6)
    last = [name for name in known if name.rpartition(".")[2] == dotted.rpartition(".")[2]]
    guess = [*close, *last][:1]
    return f"there is no such key; {guess[0]} may be meant" if guess else "there is no such key"
