"""What a mom answers to momctl."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Dict

from .home import VERSION
from .mom_diagnosis import diagnosis
from .wire import Message

if TYPE_CHECKING:
    from .mom import Mom

OPERATIONS = ("diagnose", "query", "cycle", "clear")
_UNKNOWN = "? 15201"
# What TORQUE's mom answers to where ours has nothing to set.
_FIXED = {
    "jobstartblocktime": "5",
    "down_on_error": "0",
    "enablemomrestart": "0",
    "rcpcmd": "/usr/bin/scp -rpB",
    "version": VERSION,
    "cuda_visible_devices": "1",
    "node_check_on_job_start": "0",
    "node_check_on_job_end": "0",
    "walltime": "? 15203",
}
_SETTINGS = ("status_update_time", "check_poll_time", "loglevel")


def answer(mom: Mom, operation: str, message: Message) -> Message:
    """One of `OPERATIONS`. Raises KeyError where the message lacks something."""
    if operation == "diagnose":
        return {"text": diagnosis(mom, int(message["level"]))}
    if operation == "query":
        return {"value": _value(mom, str(message["name"]))}
    if operation == "cycle":
        mom.reports.report()
    else:
        _clear(mom, str(message["jobs"]))
    return {}


def _value(mom: Mom, text: str) -> str:
    """`NAME=VALUE`, after `text` (`NAME` or `NAME=VALUE`) has set it.

    As with TORQUE what begins with the name of a setting is that setting.
    """
    lower = text.lower()
    if lower.startswith("clearmsg"):
        mom.reports.clear()
        return "messages cleared"
    for name in _SETTINGS:
        if lower.startswith(name):
            return f"{name}={_set(mom, name, text[len(name) :])}"
    for name, value in _FIXED.items():
        if lower.startswith(name):
            return f"{name}={value}"
    if text == "message":
        return f"message={mom.reports.problem}"
    words = (str(word).partition("=") for word in mom.reports.status()["status"])
    found: Dict[str, str] = {key: value for key, _, value in words}
    return f"{text}={found.get(text, _UNKNOWN)}"


def _set(mom: Mom, name: str, text: str) -> str:
    """Change a setting, if `text` is `=VALUE`, and tell it; a time that is none changes nothing."""
    config = mom.config
    number = int(re.sub(r"\D.*", "", text[1:], flags=re.S) or 0)
    given = text.startswith("=")
    if name == "loglevel":
        config.log_level = number if given else config.log_level
        return str(config.log_level)
    if name == "check_poll_time":
        config.check_poll_s = float(number if given and number else config.check_poll_s)
        return f"{config.check_poll_s:.0f}"
    config.status_update_s = float(number if given and number else config.status_update_s)
    return f"{config.status_update_s:.0f}"


def _clear(mom: Mom, text: str) -> None:
    """Forget jobs, `all` or those whose whole id is in the text; the server is not told."""
    for job in list(mom.jobs.values()):
        if text == "all" or job.job_id in text:
            job.purge()
    for job_id in mom.sisters.job_ids():
        if text == "all" or job_id in text:
            mom.sisters.end({"job": job_id, "status": 0})
