"""The fields that a request to submit or to alter a job may have, and what they may hold.

The commands check what users write; this is for clients that are not those commands.
"""

from __future__ import annotations

from typing import Callable, Dict

from .errors import BADATVAL, IVALREQ, PbsError
from .home import as_bytes
from .option_values import is_checkpoint, is_mail, is_priority
from .wire import Message

Check = Callable[[object], bool]

# Years 1653 to 9999: what can be shown as a date.
_EARLIEST, _LATEST = -10_000_000_000, 253_402_300_799


def _text(value: object) -> bool:
    """Whether it can be a word of a command, or a line of a file: bytes, and none of them NUL."""
    if not isinstance(value, str) or "\0" in value:
        return False
    return as_bytes(value).decode("utf-8", "surrogateescape") == value


def _line(value: object) -> bool:
    return _text(value) and "\n" not in str(value)


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _moment(value: object) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and _EARLIEST <= float(str(value)) <= _LATEST


def _priority(value: object) -> bool:
    return isinstance(value, (int, str)) and not _flag(value) and is_priority(str(value))


def _count(value: object) -> bool:
    return _text(value) and str(value).strip().lstrip("+").isdecimal() and int(str(value)) > 0


def _one_of(*allowed: str) -> Check:
    return lambda value: isinstance(value, str) and value in allowed


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_text, value))


def _pairs(value: object) -> bool:
    return isinstance(value, list) and all(_texts(pair) and len(pair) == 2 for pair in value)


def _dependencies(value: object) -> bool:
    return isinstance(value, list) and all(_texts(words) and words for words in value)


def _variables(value: object) -> bool:
    return isinstance(value, dict) and all(_text(k) and _text(v) for k, v in value.items())


def _others(value: object) -> bool:
    return isinstance(value, dict) and all(
        name in _OTHERS and _OTHERS[name](each) for name, each in value.items()
    )


_OTHERS: Dict[str, Check] = {
    "checkpoint_dir": _text,
    "fault_tolerant": _text,
    "idle_slot_limit": _count,
    "job_arguments": _text,
    "job_radix": _count,
    "jobtype": _text,
    "node_exclusive": _text,
    "user_kill_delay": lambda value: _count(value) and str(value).strip() == value,
    "x": _text,
}
_BOTH: Dict[str, Check] = {
    "account": _text,
    "after": _moment,
    "array": _text,
    "checkpoint": lambda value: _text(value) and is_checkpoint(str(value)),
    "comment": _text,
    "depend": _dependencies,
    "error": _text,
    "groups": _text,
    "hold": lambda value: isinstance(value, str) and set(value) <= set("uosn"),
    "init_dir": _text,
    "interactive": _flag,
    "join": _one_of("oe", "eo", "n"),
    "keep": _one_of("o", "e", "oe", "eo", "n"),
    "mail": lambda value: _text(value) and is_mail(str(value)),
    "mail_users": _text,
    "name": _line,
    "others": _others,
    "output": _text,
    "priority": _priority,
    "queue": _text,
    "rerunable": _flag,
    "resources": _pairs,
    "root_dir": _text,
    "shell": _text,
    "stagein": _text,
    "stageout": _text,
    "umask": lambda value: _text(value) and len(str(value)) <= 4,
    "unknown": _text,
    "users": _text,
    "variables": _variables,
    "workdir": _text,
}
_SUBMIT: Dict[str, Check] = {
    **_BOTH,
    "host": _text,  # told, but of no weight
    "number": _text,
    "op": _text,
    "proxy": _text,
    "script": _text,
    "submit_args": _text,
    "tasks": _text,
}
_ALTER: Dict[str, Check] = {**_BOTH, "attributes": _texts, "exec_host": _text}


def check_submit(request: Message) -> None:
    """Raises `PbsError` for the first field that is unknown, or holds what it may not."""
    _check(request, _SUBMIT)


def check_alter(changes: Message) -> None:
    """The same of the changes that are asked for."""
    _check(changes, _ALTER)


def _check(fields: Message, known: Dict[str, Check]) -> None:
    for name, value in fields.items():
        if name not in known:
            raise PbsError(IVALREQ)
        if not known[name](value):
            wrong = [each for each in _OTHERS if name == "others" and _is_wrong(value, each)]
            raise PbsError(BADATVAL, detail=f" {(wrong or [name])[0]}")


def _is_wrong(others: object, name: str) -> bool:
    return isinstance(others, dict) and name in others and not _OTHERS[name](others[name])
