"""The limits on running jobs that administrators set on servers and queues, as values.

TORQUE's `max_running`, `max_user_run` and `max_group_run` (which OpenPBS knows too), and
OpenPBS' `max_run = [u:PBS_GENERIC=2],[u:alice=5],[g:staff=9],[o:PBS_ALL=40]` and the like of a
resource, `max_run_res.ncpus`. Soft ones are not read.

TORQUE's pbs_sched looks at three resources more (`check_avail_resources`): of `mem`, `ncpus` and
`nodect`, the running jobs may ask for as much as `resources_available` together, or each for
`resources_max` where that is not set. (Of other resources `resources_max` is for qsub: a job
that waits already starts, whatever it becomes. So do `max_queuable` and `max_user_queuable`.)

OpenPBS' scheduler compares what a job asks for with `resources_available` of its queue and of
the server, less what running jobs asked for (`check_avail_resources` in its `check.cpp`): of the
resources in its line `resources:`, among which `ncpus` and `mem` are counted. (`resources_max`,
`resources_min` and `max_queued` are for qsub.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torque_mesos.batch.base import UnreadableAnswer
from torque_mesos.model import RunLimit, Whose

_OLD = {"max_running": Whose.ALL, "max_user_run": Whose.USER, "max_group_run": Whose.GROUP}
_WHOSE = {kind.value: kind for kind in Whose}
_ONE = re.compile(r'\s*\[([ougp]):\s*("[^"]*"|[^=\]]+?)\s*=\s*([0-9a-zA-Z:]{1,18})\]\s*', re.ASCII)
_RESOURCE = "max_run_res."
_SIZE = re.compile(r"([0-9]{1,18})(?:([kmgtp]?)([bw]))?", re.ASCII | re.IGNORECASE)
_TIME = re.compile(r"[0-9]{1,6}(?::[0-9]{1,2}){1,2}", re.ASCII)
PBS_SCHED_RESOURCES = ("mem", "ncpus", "nodect")
_OPENPBS_RESOURCES = ("mem", "ncpus")
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
    for setting, text in attributes.items():
        if setting == "max_run" or setting.startswith(_RESOURCE):
            found += _parse(setting, str(text))
    return tuple(found)


def limits_of(attributes: Mapping[str, object], *, pbs_sched: bool) -> tuple[RunLimit, ...]:
    """All limits of a TORQUE server or queue. `pbs_sched`: whether that is what schedules.

    Raises:
        UnreadableAnswer: quoting a value that cannot be read.
    """
    return run_limits(attributes) + (pbs_sched_limits(attributes) if pbs_sched else ())


def pbs_sched_limits(attributes: Mapping[str, object]) -> tuple[RunLimit, ...]:
    """The limits on resources that TORQUE's pbs_sched keeps to.

    Raises:
        UnreadableAnswer: quoting a value that cannot be read.
    """
    found = []
    for resource in PBS_SCHED_RESOURCES:
        for kind in ("resources_available", "resources_max"):
            setting = f"{kind}.{resource}"
            if (text := attributes.get(setting)) is not None:
                most, one_job = _amount(setting, str(text)), kind == "resources_max"
                found.append(RunLimit(Whose.ALL, most, None, setting, resource, one_job))
                break
    return tuple(found)


def openpbs_limits(attributes: Mapping[str, object]) -> tuple[RunLimit, ...]:
    """All limits of an OpenPBS server or queue.

    Raises:
        UnreadableAnswer: quoting a value that cannot be read.
    """
    found = list(run_limits(attributes))
    for resource in _OPENPBS_RESOURCES:
        setting = f"resources_available.{resource}"
        if (text := attributes.get(setting)) is not None:
            found.append(RunLimit(Whose.ALL, _amount(setting, str(text)), None, setting, resource))
    return tuple(found)


def _amount(setting: str, text: str) -> float:
    """A number, a size in kB, or a time in seconds."""
    if _TIME.fullmatch(text):
        seconds = 0
        for part in text.split(":"):
            seconds = 60 * seconds + int(part)
        return float(seconds)
    size = _SIZE.fullmatch(text.strip())
    if size is None:
        raise UnreadableAnswer(f"{setting} = {text!r:.80} is no amount")
    if not size[3]:
        return float(size[1])
    power = "kmgtp".index(size[2].lower()) if size[2] else -1
    return float(int(size[1]) * (8 if size[3].lower() == "w" else 1)) * 1024.0**power


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


def _parse(setting: str, text: str) -> list[RunLimit]:
    limits = []
    resource = setting.removeprefix(_RESOURCE) if setting.startswith(_RESOURCE) else ""
    end = 0
    while end < len(text):
        match = _ONE.match(text, end)
        if match is None or not (resource or match[3].isdigit()):
            raise UnreadableAnswer(f"{setting} = {text!r:.120}: cannot read {text[end:][:40]!r}")
        name = match[2].strip('"')
        each = None if name in _EACH else name
        most = _amount(setting, match[3])
        limits.append(RunLimit(_WHOSE[match[1]], most, each, setting, resource))
        end = match.end()
        if text[end : end + 1] == ",":
            end += 1
    return limits
