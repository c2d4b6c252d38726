"""Jobs from a trace in the Standard Workload Format (SWF).

18 columns as the Parallel Workloads Archive defines them, times in seconds; three more
where a site gives them: the nodes used, the queue, and the real `-l nodes=` request.
Without that request, a job asks for its processors on as few hosts as can hold them.

The tenth column is memory: in kB for each processor, as the format has it, or (some sites) in
bytes for the whole job. It counts only where it is said which.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from torque_mesos.decide.request import Request, RequestError, parse_request
from torque_mesos.simulate.dialect import Dialect
from torque_mesos.simulate.machines import FormatError, Machine

_COLUMNS = 18
_MEMORY, _REQUEST = 9, 20

Memory = Literal["none", "slot", "job"]
"""What the column of memory says: nothing that counts, kB for a processor, bytes for a job."""


@dataclass(frozen=True, slots=True)
class TraceJob:
    """One job of a trace. `submit_s` counts from the first job's.

    `memory`: what its request says of memory, as name and value of `-l`; None: nothing.
    """

    job_id: str
    submit_s: float
    run_s: float
    walltime_s: float
    nodes: str
    request: Request
    queue: str
    owner: str
    memory: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """The jobs in the order of their submission, and the machines with the words they use.

    `problems` names the records that were left out, `notes` what was read otherwise than
    it was written. `start_s`: when the first job was submitted, in seconds since 1970.
    """

    jobs: tuple[TraceJob, ...]
    machines: tuple[Machine, ...]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    start_s: float = 0.0


def read_trace(
    path: Path,
    machines: Sequence[Machine],
    limit: int | None = None,
    memory: Memory = "none",
) -> Trace:
    """Read a trace for a cluster of `machines`; at most `limit` jobs.

    A record that cannot be read, or has no run time, is left out and named in `problems`.

    Raises:
        FormatError: no record can be read.
        OSError: the file cannot be read.
    """
    dialect = Dialect(machines)
    jobs: list[TraceJob] = []
    problems: list[str] = []
    unix_s = 0.0
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            text = line.strip()
            if not text or text.startswith(";"):
                unix_s = _unix_start_s(text, unix_s)
                continue
            if limit is not None and len(jobs) >= limit:
                break
            try:
                jobs.append(_job(text.split(), dialect, memory))
            except (ValueError, IndexError, OverflowError) as error:
                shown = text if len(text) <= 60 else f"{text[:60]}..."
                problems.append(f"{path.name}:{number}: {error} ({shown!r})")
    if not jobs:
        first = f": {problems[0]}" if problems else ""
        raise FormatError(f"{path.name}: no job in it can be read{first}")
    jobs.sort(key=lambda job: job.submit_s)
    start_s = jobs[0].submit_s
    return Trace(
        jobs=tuple(replace(job, submit_s=job.submit_s - start_s) for job in jobs),
        machines=dialect.machines(),
        problems=tuple(problems),
        notes=dialect.notes(),
        start_s=unix_s + start_s,
    )


def _unix_start_s(comment: str, before: float) -> float:
    """What times of the trace count from, where a header says so; else as before."""
    key, colon, value = comment.strip("; ").partition(":")
    if colon and key.strip() == "UnixStartTime" and value.strip().isdigit():
        return float(value)
    return before


def _job(fields: list[str], dialect: Dialect, memory: Memory) -> TraceJob:
    if len(fields) < _COLUMNS:
        raise FormatError(f"{len(fields)} columns, {_COLUMNS} would be right")
    submit_s, run_s, walltime_s = (_seconds(fields[column]) for column in (1, 3, 8))
    if run_s < 0:
        raise FormatError(f"a run time of {run_s:g} s")
    if len(fields) > _REQUEST:
        nodes = dialect.translate(fields[_REQUEST])
        queue = fields[_REQUEST - 1]
    else:
        processors = int(float(fields[7]))
        if processors <= 0:
            processors = int(float(fields[4]))
        nodes, queue = dialect.spread(processors), "batch"
    try:
        asked = _memory(float(fields[_MEMORY]), memory)
        request = parse_request({"nodes": nodes, **dict([asked] if asked else [])})
    except RequestError as error:
        raise FormatError(str(error)) from None
    return TraceJob(
        job_id=f"{fields[0]}.sim",
        submit_s=submit_s,
        run_s=run_s,
        walltime_s=walltime_s if walltime_s > 0 else max(run_s, 1.0),
        nodes=nodes,
        request=request,
        queue=queue,
        owner=f"user{fields[11]}@sim",
        memory=asked,
    )


def _seconds(text: str) -> float:
    found = float(text)
    if not math.isfinite(found):
        raise FormatError(f"a time of {text} s")
    return found


def _memory(value: float, meaning: Memory) -> tuple[str, str] | None:
    if meaning == "none" or value <= 0:
        return None
    return ("pmem", f"{value:.0f}kb") if meaning == "slot" else ("mem", f"{value:.0f}b")
