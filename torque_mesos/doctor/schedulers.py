"""Checks of the batch scheduler: Maui's settings, key and tables; pbs_sched's settings."""

from __future__ import annotations

from collections.abc import Iterator

from torque_mesos.doctor.facts import Facts, Maui
from torque_mesos.doctor.finding import Finding, fault, ok, warning

MAUI, PBS_SCHED = "maui", "pbs_sched"

# Maui 3.3.2, include/*.h, as it is compiled if nobody changes them.
USUAL_TABLES = {"nodes": 5120, "jobs": 4096, "queues": 16, "properties": 128}
_MACROS = {
    "nodes": "MAX_MNODE",
    "jobs": "MMAX_JOB",
    "queues": "MAX_MCLASS",
    "properties": "MAX_MATTR",
}
_NEAR = 0.9
_SLOW_POLL_S = 30.0
_SHOWN = 5


def maui(facts: Facts) -> Iterator[Finding]:
    """Maui runs, talks with its commands, is set for an elastic cluster, and has room."""
    state = facts.maui
    if state is None:
        return
    yield from _runs(state)
    if state.values is None:
        yield warning(
            MAUI,
            f"{state.config} cannot be read from here: its order of jobs is not known",
            f"`chmod 644 {state.config}`; Maui's commands read it, too; or set batch.maui_config",
        )
    else:
        yield from _settings(state)
    if state.deferred:
        some = " ".join(state.deferred[:_SHOWN])
        yield warning(
            MAUI,
            f"{len(state.deferred)} jobs are deferred, and no node helps them ({some} ...)",
            f"`releasehold -a {state.deferred[0]}`, for each; `diagnose -q` names them",
        )
    yield from _room(facts, state)


def _runs(state: Maui) -> Iterator[Finding]:
    if not state.running:
        says = "does not run: no job is started"
        yield fault(MAUI, says, "`maui`; its exit code is 0 even if it fails: ask `showq` then")
    elif state.other_key:
        yield fault(
            MAUI,
            f"runs, and has another key than its commands: {state.error}",
            "install Maui and its commands from one build, on all hosts",
        )
    elif state.error:
        yield fault(
            MAUI, f"runs, and does not answer: {state.error}", "`showq`; then start it anew"
        )
    else:
        yield ok(MAUI, "runs, and answers")


def _settings(state: Maui) -> Iterator[Finding]:
    values = state.values or {}
    where = f"in {state.config}, and start Maui anew"
    good = True
    if _seconds(values.get("DEFERTIME", "1:00:00")) != 0:
        good = False
        yield fault(
            MAUI,
            "DEFERTIME is not 0: a job that needs more than what is up waits an hour, whatever"
            " nodes come",
            f"`DEFERTIME 0` {where}; then `releasehold` for the jobs that `diagnose -q` names",
        )
    if "EXACTNODE" not in values.get("JOBNODEMATCHPOLICY", ""):
        good = False
        yield warning(
            MAUI,
            "JOBNODEMATCHPOLICY is not EXACTNODE: nodes=2 may be two slots of one host, while two"
            " hosts are brought for it",
            f"`JOBNODEMATCHPOLICY EXACTNODE` {where}",
        )
    if "NODEPURGETIME" not in values:
        good = False
        yield warning(
            MAUI,
            "NODEPURGETIME is not set: a node whose record is deleted is chosen for jobs for ever",
            f"`NODEPURGETIME 00:00:20` {where}",
        )
    if _seconds(values.get("RMPOLLINTERVAL", "60")) > _SLOW_POLL_S:
        good = False
        yield warning(
            MAUI,
            "RMPOLLINTERVAL is over 30 s: so long a change may go unnoticed of which nobody tells",
            f"`RMPOLLINTERVAL 00:00:05` {where}",
        )
    if good:
        yield ok(MAUI, f"{state.config} suits an elastic cluster")


def _room(facts: Facts, state: Maui) -> Iterator[Finding]:
    if facts.counts is None:
        return
    tables = state.tables
    known = {} if tables is None else {name: getattr(tables, name) for name in tables.__slots__}
    full = False
    for what, usual in USUAL_TABLES.items():
        now, most = getattr(facts.counts, what), known.get(what, usual)
        if now < most * _NEAR:
            continue
        full = True
        as_what = "it was compiled" if what in known else "it is usually compiled"
        says = f"{now} {what}; as {as_what}, Maui has room for {most}"
        remedy = f"compile Maui with a larger {_MACROS[what]}, or have fewer {what}"
        yield (fault if now >= most else warning)(MAUI, says, remedy)
    if not full:
        source = "its limits" if tables is not None else "its usual limits"
        yield ok(MAUI, f"nodes, jobs, queues and properties are within {source}")


def pbs_sched(facts: Facts) -> Iterator[Finding]:
    """pbs_sched's settings are known, and order jobs in a way that is followed."""
    state = facts.pbs_sched
    if state is None:
        return
    if state.values is None:
        yield warning(
            PBS_SCHED,
            f"{state.config} cannot be read from here: its order of jobs is not known",
            "give the account that runs torque-mesos the right to read it",
        )
        return
    followed = True
    for name in ("fair_share", "round_robin"):
        if state.values.get(name, "").lower() == "true":
            followed = False
            yield warning(
                PBS_SCHED,
                f"{name} is on: which job is next is not foreseen, so nodes may come for another",
                f"`{name}: false ALL` in {state.config}, and `kill -HUP` of pbs_sched",
            )
    if followed:
        yield ok(PBS_SCHED, f"{state.config} orders jobs in a way that is followed")


def _seconds(text: str) -> float:
    """Seconds of `[[[DD:]HH:]MM:]SS`; endless where that cannot be read."""
    parts = text.split()[0].split(":") if text.split() else [""]
    if not all(part.isascii() and part.isdigit() for part in parts) or len(parts) > 4:
        return float("inf")
    seconds = 0.0
    for part, times in zip(parts, (1, 24, 60, 60)[-len(parts) :], strict=True):
        seconds = seconds * times + int(part)
    return seconds
