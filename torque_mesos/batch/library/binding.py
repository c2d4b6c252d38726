"""libtorque and libpbs, as far as they are called: one connection, lists, changes.

Both have the same interface (IEEE 1003.2d): linked lists of C structures, of which those of
Python here are copies. Only the helper process loads a library: a call may hang or crash.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Kind = Literal["torque", "openpbs"]
Object = Literal["job", "node", "queue", "server", "resource"]
Values: TypeAlias = dict[str, "str | dict[str, str]"]
"""Attributes by name; those of resources (`Resource_List`) are objects."""

COMMANDS = {"create": 0, "delete": 1, "set": 2}
OBJECTS = {"server": 0, "queue": 1, "node": 3, "resource": 5}
OPERATIONS = {"=": 0, "+=": 2, "-=": 3}
NO_ATTRIBUTE = 15002

# Protocol, no free connection, no server, system: then the connection is of no use any more.
_DROPPED = {
    "torque": frozenset({15012, 15033, 15035, 15036}),
    "openpbs": frozenset({15010, 15031, 15033}),
}
_ERRORS = range(15001, 16000)


class CallFailed(Exception):
    """The server refused a call."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(f"{number}: {text}")
        self.number = number
        self.text = text


class Dropped(Exception):
    """There is no connection, or it is of no use any more; the call may be made anew."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One attribute to be set. `resource`: of `resources_available.ncpus` the second word."""

    name: str
    resource: str
    value: str
    operation: str = "="


class _Attribute(ctypes.Structure):
    """attrl, and attropl, which is the same."""


_Attribute._fields_ = [
    ("next", ctypes.POINTER(_Attribute)),
    ("name", ctypes.c_char_p),
    ("resource", ctypes.c_char_p),
    ("value", ctypes.c_char_p),
    ("op", ctypes.c_int),
]


class _Status(ctypes.Structure):
    """batch_status: one job, node, queue or server."""


_Status._fields_ = [
    ("next", ctypes.POINTER(_Status)),
    ("name", ctypes.c_char_p),
    ("attribs", ctypes.POINTER(_Attribute)),
    ("text", ctypes.c_char_p),
]


class Library:
    """A connection with the server, made when it is first needed.

    Raises OSError or AttributeError if the library cannot be used at all.
    """

    def __init__(self, path: str, kind: Kind) -> None:
        self._library = ctypes.CDLL(path)
        self._dropped = _DROPPED[kind]
        listing = ctypes.POINTER(_Status)
        attributes = ctypes.POINTER(_Attribute)
        words = (ctypes.c_int, ctypes.c_char_p, attributes, ctypes.c_char_p)
        nodes = "pbs_statvnode" if kind == "openpbs" else "pbs_statnode"
        self._lists = {
            "job": self._function("pbs_statjob", listing, *words),
            "node": self._function(nodes, listing, *words),
            "queue": self._function("pbs_statque", listing, *words),
        }
        server = (ctypes.c_int, attributes, ctypes.c_char_p)
        self._server = self._function("pbs_statserver", listing, *server)
        self._manager = self._function(
            "pbs_manager",
            ctypes.c_int,
            *(ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_char_p),
            *(attributes, ctypes.c_char_p),
        )
        self._free = self._function("pbs_statfree", None, listing)
        self._message = self._function("pbs_geterrmsg", ctypes.c_char_p, ctypes.c_int)
        self._connect = self._function("pbs_connect", ctypes.c_int, ctypes.c_char_p)
        self._disconnect = self._function("pbs_disconnect", ctypes.c_int, ctypes.c_int)
        if kind == "openpbs":
            where = self._function("__pbs_errno_location", ctypes.POINTER(ctypes.c_int))
            self._error: Callable[[], Any] = lambda: where().contents
        else:
            number = ctypes.c_int.in_dll(self._library, "pbs_errno")
            self._error = lambda: number
        self._connection = -1

    def _function(self, name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
        found = getattr(self._library, name)
        found.restype, found.argtypes = result, arguments
        return found  # type: ignore[no-any-return]

    def close(self) -> None:
        """Give the connection up; the next call makes one."""
        if self._connection >= 0:
            self._disconnect(self._connection)
        self._connection = -1

    def listed(
        self, what: Object, name: str, only: Sequence[str] | None, extend: str
    ) -> list[tuple[str, Values]]:
        """(name, attributes) of each job, node, queue or server, or of the one of that name.

        `only`: the attributes that are asked for, None: all. Bytes that are no UTF-8 come as
        U+FFFD.

        Raises:
            CallFailed: the server refused it.
            Dropped: there is no connection.
        """
        connection = self._connected()
        asked = _chain([Setting(each, "", "") for each in only or ()])
        self._error().value = 0
        if what == "server":
            first = self._server(connection, asked, extend.encode())
        else:
            first = self._lists[what](connection, name.encode(), asked, extend.encode())
        number = int(self._error().value)
        try:
            if number:
                raise self._failure(number)
            return _read(first)
        finally:
            if first:
                self._free(first)

    def change(self, command: str, what: Object, name: str, settings: Sequence[Setting]) -> None:
        """pbs_manager. Raises as `listed`."""
        connection = self._connected()
        words = (COMMANDS[command], OBJECTS[what], name.encode(), _chain(settings), b"")
        number = int(self._manager(connection, *words))
        if number:
            raise self._failure(int(self._error().value) or number)

    def _connected(self) -> int:
        if self._connection < 0:
            self._connection = int(self._connect(None))
            if self._connection < 0:
                raise Dropped(f"pbs_connect: error {self._error().value}")
        return self._connection

    def _failure(self, number: int) -> Exception:
        text = _text(self._message(self._connection))
        if not text or number in self._dropped or number not in _ERRORS:
            self.close()
            return Dropped(f"error {number}: {text}")
        return CallFailed(number, text)


def _chain(settings: Sequence[Setting]) -> Any:
    """A linked list; None for an empty one. (ctypes keeps alive what is pointed at.)"""
    first = None
    for each in reversed(settings):
        link = _Attribute(
            name=each.name.encode(),
            resource=each.resource.encode() or None,
            value=each.value.encode(),
            op=OPERATIONS[each.operation],
        )
        if first is not None:
            link.next = ctypes.pointer(first)
        first = link
    return None if first is None else ctypes.byref(first)


def _read(status: Any) -> list[tuple[str, Values]]:
    found = []
    while status:
        record = status.contents
        values: Values = {}
        link = record.attribs
        while link:
            attribute = link.contents
            _add(values, attribute.name, attribute.resource, attribute.value)
            link = attribute.next
        found.append((_text(record.name), values))
        status = record.next
    return found


def _add(values: Values, name: bytes, resource: bytes | None, value: bytes | None) -> None:
    key, text = _text(name), _text(value)
    if resource:
        inner = values.setdefault(key, {})
        if isinstance(inner, dict):
            word = _text(resource)
            inner[word] = f"{inner[word]},{text}" if word in inner else text
        return
    before = values.get(key)  # a list of limits has one entry for each
    values[key] = f"{before},{text}" if isinstance(before, str) else text


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="replace")
