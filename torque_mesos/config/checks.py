"""Checks of single values. Each returns its argument, or raises ValueError saying what is right."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from urllib.parse import urlsplit

_PROPERTY = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?", re.ASCII)
_DAY = "(?:mon|tue|wed|thu|fri|sat|sun)"
_DAYS = re.compile(rf"daily|{_DAY}(?:-{_DAY})?(?:, ?{_DAY}(?:-{_DAY})?)*")
_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_OPENPBS_RESOURCE = re.compile(r"[A-Za-z][A-Za-z0-9_-]*", re.ASCII)
_EVERY_NODES = frozenset(
    {"ncpus", "mem", "vmem", "arch", "host", "vnode", "hbmem", "accelerator_memory", "torque_mesos"}
)
_MEANT_BY_TORQUE = frozenset({"ppn", "gpus", "mics", "reqattr"})


def absolute(path: Path) -> Path:
    """An absolute path."""
    if not path.is_absolute():
        raise ValueError("should be an absolute path, as in /var/lib/torque-mesos")
    return path


def one_line(text: str) -> str:
    """Text without line breaks or control characters."""
    if any(ord(letter) < 32 for letter in text):
        raise ValueError("should be one line, without control characters")
    return text


def host_name(text: str) -> str:
    """A host's name, or its IPv4 address."""
    if not _HOST.fullmatch(text):
        raise ValueError("should be a host's name or IPv4 address, as in n1.cluster.test")
    return text


def node_name(text: str) -> str:
    """A node's name: a host's that begins with a letter, or pbs_server cannot start again."""
    if not _HOST.fullmatch(text) or not text[0].isalpha() or text == "localhost":
        raise ValueError(
            "should be a host's name that begins with a letter, as in n1.cluster.test, and not"
            " localhost, which is the capacity record"
        )
    return text


def ip_address(text: str) -> str:
    """An IPv4 address (what TORQUE knows)."""
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        raise ValueError("should be an IPv4 address, as in 10.0.0.1") from None
    return text


def property_name(text: str) -> str:
    """A node property that TORQUE can be given."""
    if not _PROPERTY.fullmatch(text):
        raise ValueError(
            "should be a letter, then letters, digits, '_', '-' and '.' (64 at most), as in mesos"
        )
    if text in _MEANT_BY_TORQUE:
        raise ValueError("has a meaning of its own in a node specification; another name is right")
    return text


def openpbs_resource(text: str) -> bool:
    """Whether a node property can be a resource of OpenPBS."""
    return bool(_OPENPBS_RESOURCE.fullmatch(text)) and text not in _EVERY_NODES


def role_name(text: str) -> str:
    """A role of Mesos: `*`, or names between slashes."""
    parts = text.split("/")
    if text != "*" and not all(_is_role_part(part) for part in parts):
        raise ValueError(
            "should be a role, as in batch or physics/batch: without white space, control"
            " characters and backslashes, and with no part that is empty, '.', '..' or '*', or"
            " starts with '-'"
        )
    return text


def _is_role_part(part: str) -> bool:
    if part in {"", ".", "..", "*"} or part.startswith("-"):
        return False
    return part.isprintable() and not any(letter.isspace() or letter == "\\" for letter in part)


def attribute_name(text: str) -> str:
    """The name of an agent's attribute."""
    if not text or not text.isprintable() or " " in text or ":" in text:
        raise ValueError(
            "should be the name of an attribute, as in rack (from --attributes=rack:1)"
        )
    return text


def master_address(text: str) -> str:
    """Where a Mesos master is: HOST, HOST:PORT, http://HOST:PORT or zk://HOST:PORT,.../PATH."""
    right = "should be HOST:PORT or zk://HOST:PORT,.../PATH"
    scheme, separator, rest = text.partition("://")
    if separator and scheme == "zk":
        hosts, slash, path = rest.partition("/")
        if not hosts or not slash or not path or "@" in hosts:
            raise ValueError(right)
        return text
    parts = urlsplit(text if separator else f"//{text}")
    try:
        sound = parts.port is None or parts.port > 0
    except ValueError:
        sound = False
    host = parts.hostname or ""
    if (scheme != "http" and separator) or not sound or not _HOST.fullmatch(host):
        raise ValueError(right)
    if parts.path not in {"", "/"} or parts.username is not None or parts.query:
        raise ValueError(right)
    return text


def pool_name(text: str) -> str:
    """The name of a pool."""
    if not _PROPERTY.fullmatch(text):
        raise ValueError(
            "should be named with a letter, then letters, digits, '_', '-' and '.', as in gpu"
        )
    return text


def days_of_week(text: str) -> str:
    """Days of the week."""
    if not _DAYS.fullmatch(text):
        raise ValueError("should be days, as in mon-fri or sat,sun, or daily")
    return text


def time_of_day(text: str) -> str:
    """A time of the day, to the minute."""
    if not _TIME.fullmatch(text):
        raise ValueError("should be a time from 00:00 to 23:59, as in 07:30")
    return text


def is_pattern(name: str) -> bool:
    """Whether a name may mean several, as `gpu*` does."""
    return bool(set("*?[") & set(name))
