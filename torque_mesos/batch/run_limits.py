"""The limits on running jobs that administrators set on servers and queues, as values.

TORQUE's `max_running`, `max_user_run` and `max_group_run` (which OpenPBS knows too), and
OpenPBS' `max_run = [u:PBS_GENERIC=2],[u:alice=5],[g:staff=9],[o:PBS_ALL=40]`. The limits of
the one kind on resources (`max_run_res`), and soft ones, are not read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torque_mesos.batch.base import UnreadableAnswer
from torque_mesos.model import RunLimit, Whose

_OLD = {"max_running": Whose.ALL, "max_user_run": Whose.USER, "max_group_run": Whose.GROUP}
_WHOSE = {kind.value: kind for kind in Whose}
_ONE = re.compile(r'\s*\[([ougp]):\s*("[^"]*"|[^=\]]+?)\s*=\s*([0-9]{1,9})\]\s*', re.ASCII)
_EACH = ("PBS_GENERIC", "PBS_ALL")


def run_limits(attributes: Mapping[str, object]) -> tuple[RunLimit, ...]:
    """The limits among the attributes of a server or queue. 0 is a limit: nothing runs.

    Raises:
        UnreadableAnswer: quoting a value that cannot be read. (A limit that is taken for
            none makes nodes start for jobs that may not run.)
    """
    found = []
    for setting, whose in _OLD.items():
        most = whole_number(attributes, setting)
        if most is not None:
            found.append(RunLimit(whose, most, None, setting))
    text = attributes.get("max_run")
    if text is not None:
        found += _parse(str(text))
    return tuple(found)


def whole_number(attributes: Mapping[str, object], name: str) -> int | None:
    """The whole number that an attribute is, None where it is not set.

    Raises:
        UnreadableAnswer: quoting what is no number.
    """
    value = attributes.get(name)
    if value is None:
        return None
    text = str(value).strip()
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 12):
        raise UnreadableAnswer(f"{name} = {value!r:.80} is no whole number")
    return int(text)


def _parse(text: str) -> list[RunLimit]:
    limits = []
    end = 0
    while end < len(text):
        match = _ONE.match(text, end)
        if match is None:
            raise UnreadableAnswer(f"max_run = {text!r:.120}: cannot read {text[end:][:40]!r}")
        name = match[2].strip('"')
        each = None if name in _EACH else name
        limits.append(RunLimit(_WHOSE[match[1]], int(match[3]), each, "max_run"))
        end = match.end()
        if text[end : end + 1] == ",":
            end += 1
    return limits
