"""What a mom answers to momctl."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Dict, List

from .home import VERSION
from .wire import Message

if TYPE_CHECKING:
    from .mom import Mom

OPERATIONS = ("diagnose", "query", "cycle", "clear")
_UNKNOWN = "? 15201"


def answer(mom: Mom, operation: str, message: Message) -> Message:
    """One of `OPERATIONS`. Raises KeyError where the message lacks something."""
    if operation == "diagnose":
        return _diagnosis(mom)
    if operation == "query":
        return {"value": _value(mom, str(message["name"]))}
    if operation == "cycle":
        mom.reports.report()
    else:
        _clear(mom, str(message["jobs"]))
    return {}


def _diagnosis(mom: Mom) -> Dict[str, Any]:
    config = mom.config
    jobs: List[List[object]] = [
        [job.job_id, [session for session in (job.session, *job.tasks) if session]]
        for job in sorted(mom.jobs.values(), key=lambda job: job.job_id)
    ]
    return {
        "name": mom.name,
        "version": VERSION,
        "server": f"{config.server} ({mom.server_address}:{config.server_port})",
        "pid": os.getpid(),
        "home": mom.home.join("mom_priv"),
        "spool": mom.home.join("spool"),
        "active": int(time.monotonic() - mom.began),
        "clients": mom.reports.clients,
        "poll": config.check_poll_s,
        "interval": config.status_update_s,
        "jobs": jobs,
    }


def _value(mom: Mom, name: str) -> str:
    words = (str(word).partition("=") for word in mom.reports.status()["status"])
    found = {key: value for key, _, value in words}
    found["status_update_time"] = f"{mom.config.status_update_s:.0f}"
    return (found[name] or " ") if name in found else _UNKNOWN


def _clear(mom: Mom, text: str) -> None:
    """Forget jobs, `all` or those whose whole id is in the text; the server is not told."""
    for job in list(mom.jobs.values()):
        if text == "all" or job.job_id in text:
            job.purge()
