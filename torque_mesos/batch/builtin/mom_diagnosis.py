"""What a mom tells of itself: `momctl -d LEVEL`, in TORQUE's words."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Iterator, List

from .home import VERSION
from .mom_limits import NOTHING, Use

if TYPE_CHECKING:
    from .mom import Mom

_SERVERS_WORDS = {
    "hierarchy": "CLUSTER_ADDRS",
    "start": "Commit",
    "kill": "SignalJob",
    "rerun": "Rerun",
    "signal": "SignalJob",
    "purge": "DeleteJob",
    "alter": "ModifyJob",
}
ANSWER_S = 10
"""How long an answer of another daemon is waited for."""


class Contacts:
    """When the server was last heard, with what, and when it was last told something."""

    def __init__(self) -> None:
        self._heard = self._told = 0.0
        self._what = ""

    def heard(self, operation: str) -> None:
        """A message has come; those of sisters and of momctl do not count."""
        if operation in _SERVERS_WORDS:
            self._heard, self._what = time.monotonic(), _SERVERS_WORDS[operation]

    def told(self) -> None:
        """The server has taken a message."""
        self._told = time.monotonic()

    def lines(self) -> List[str]:
        """What is said of both."""
        now = time.monotonic()
        heard = f"  Last Msg From Server:   {int(now - self._heard)} seconds ({self._what})"
        told = f"  Last Msg To Server:     {int(now - self._told)} seconds"
        return [
            heard if self._heard else "  WARNING:  no messages received from server",
            told if self._told else "  WARNING:  no messages sent to server",
        ]


def diagnosis(mom: Mom, level: int) -> str:
    """The answer to `momctl -d LEVEL`."""
    return "\n".join(["", *_host(mom, level), *_settings(mom, level), *_jobs(mom, level), ""])


def _host(mom: Mom, level: int) -> Iterator[str]:
    config = mom.config
    yield (
        f"Host: {mom.name}/{mom.name}   Version: {VERSION}   "
        f"IP address: {mom.address}   PID: {os.getpid()}"
    )
    yield f"Server[0]: {config.server} ({mom.server_address}:{config.server_port})"
    yield from mom.contacts.lines()
    yield f"HomeDirectory:          {mom.home.join('mom_priv')}"
    spool = mom.home.join("spool")
    blocks = os.statvfs(spool).f_bavail
    if not blocks:
        yield f"ALERT:  stdout/stderr spool directory '{spool}/' is full."
        yield "Free space then restart the pbs_mom."
    elif level >= 1:
        yield f"stdout/stderr spool directory: '{spool}/' ({blocks} blocks available)"
    yield f"MOM active:             {int(time.monotonic() - mom.began)} seconds"


def _settings(mom: Mom, level: int) -> Iterator[str]:
    config, problem = mom.config, mom.reports.problem
    if level >= 1:
        yield f"Check Poll Time:        {config.check_poll_s:.0f} seconds"
        yield f"Server Update Interval: {config.status_update_s:.0f} seconds"
    if problem:
        yield f"MOM Message:            {problem} (use 'momctl -q clearmsg' to clear)"
    yield f"LogLevel:               {config.log_level} (use SIGUSR1/SIGUSR2 to adjust)"
    if level >= 1:
        yield "Communication Model:    TCP"
        yield f"TCP Timeout:            {ANSWER_S} seconds"
        yield from _scripts(mom, level)
        yield f"Trusted Client List:  {','.join(mom.reports.clients)}"
        yield "Copy Command:           /usr/bin/scp -rpB"


def _scripts(mom: Mom, level: int) -> Iterator[str]:
    enabled = False
    for word, name in (("Prolog", "prologue"), ("Epilog", "epilogue")):
        path = mom.home.join("mom_priv", name)
        there, parallel = os.path.exists(path), os.path.exists(f"{path}.parallel")
        enabled = enabled or there or parallel
        if there or level >= 2:
            yield f"{word}:                 {path} ({'enabled' if there else 'disabled'})"
        if parallel:
            yield f"Parallel {word}:        {path}.parallel (enabled)"
    if enabled:
        yield f"Prolog/Epilog Alarm Time:      {mom.config.prologue_alarm_s:.0f} seconds"


def _jobs(mom: Mom, level: int) -> Iterator[str]:
    slots = 0
    for job in sorted(mom.jobs.values(), key=lambda job: job.job_id):
        slots += int(job.order["hosts"][0][1])
        state = "RUNNING" if job.running else "EXITING" if job.session else "PRERUN"
        yield _job(job.job_id, state, job.use.total(), job.sessions(), level)
    for job_id in sorted(mom.sisters.job_ids()):
        order = mom.sisters.order_of(job_id) or {"hosts": []}
        slots += sum(int(count) for name, count, _, _ in order["hosts"] if name == mom.name)
        # What it uses here is known to its first host.
        yield _job(job_id, "RUNNING", NOTHING, mom.sisters.sessions(job_id), level)
    yield f"Assigned CPU Count:     {slots}" if slots else "NOTE:  no local jobs detected"
    yield ""
    yield "diagnostics complete"


def _job(job_id: str, state: str, use: Use, sessions: List[int], level: int) -> str:
    used = ""
    if level >= 2:
        used = f" cput={int(use.cpu_s)} vmem={use.virtual_kb} mem={use.memory_kb} energy_used=0"
    return f"job[{job_id}]  state={state}{used} sidlist={','.join(map(str, sessions))}"
