"""Snapshots and policies as plain values and back, by the fields of their dataclasses.

A field that an older file does not have gets its default; one that this version does not
have is left out. So journals of other versions can be read, as far as they mean the same.
"""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar

from torque_mesos.model import frozen_map

T = TypeVar("T")


class CodecError(ValueError):
    """A value that cannot be read. The text names the field and quotes the value."""


def plain(value: object) -> Any:
    """Dataclasses, mappings and sequences as JSON has them. Defaults are left out."""
    if is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: plain(getattr(value, field.name))
            for field in fields(value)
            if field.default is MISSING or getattr(value, field.name) != field.default
        }
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        return [[plain(key), plain(each)] for key, each in value.items()]
    if isinstance(value, frozenset):
        return sorted((plain(each) for each in value), key=str)
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    return value


def read(kind: type[T], value: Any) -> T:
    """The value of a dataclass that `plain` made plain.

    Raises:
        CodecError: it is not of that kind.
    """
    return typing.cast("T", _read(kind, value, kind.__name__))


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _read(kind: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    try:
        if origin in (types.UnionType, typing.Union):
            if value is None:
                return None
            (kind,) = (each for each in arguments if each is not type(None))
            return _read(kind, value, where)
        if is_dataclass(kind) and isinstance(kind, type):
            hints = _hints(kind)
            known = {field.name for field in fields(kind)}
            given = {k: _read(hints[k], v, f"{where}.{k}") for k, v in value.items() if k in known}
            return kind(**given)
        if origin is tuple and arguments[1:] == (Ellipsis,):
            return tuple(_read(arguments[0], each, where) for each in value)
        if origin is tuple:
            pairs = zip(arguments, value, strict=True)
            return tuple(_read(kind, each, where) for kind, each in pairs)
        if origin is frozenset:
            return frozenset(_read(arguments[0], each, where) for each in value)
        if origin is not None and issubclass(origin, Mapping):
            key, item = arguments
            return frozen_map({_read(key, k, where): _read(item, v, where) for k, v in value})
        if kind is float:
            return float(value)
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            return kind(value)
    except CodecError:
        raise
    except (TypeError, ValueError, AttributeError) as error:
        raise CodecError(f"{where}: {str(value)[:60]!r} cannot be read: {error}") from error
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        raise CodecError(f"{where}: {str(value)[:60]!r} is no {kind.__name__}")
    return value
