"""Where held cpus go: what each host's grants are for, moment by moment.

Every cpu that a grant holds counts for one `Use` at a time, so the uses sum up to what is
held. Slots that jobs leave free on a host count as free at the top when no slot in use is
above them: those are what a worker could give back while its jobs go on.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from torque_mesos.decide.worker import DRAINING_NOTE
from torque_mesos.model import Grant, TaskState
from torque_mesos.simulate.clock import Clock
from torque_mesos.simulate.server import Record


class Use(enum.Enum):
    """What a held cpu is for. Values are what a report prints."""

    __hash__ = object.__hash__  # members are single; the default asks for the name's hash

    JOBS = "jobs run on it"
    STARTING = "its mom or its grant starts"
    READY = "its mom is ready, its node offline"
    FIRST = "online, before the first job"
    BELOW = "free beside jobs, below a slot in use"
    TOP_YOUNG = "free beside jobs, at the top, not longer than the grace"
    TOP_OLD = "free beside jobs, at the top, longer than the grace"
    ENDING = "its job runs no more, and the server does not say so yet"
    IDLE = "online without jobs, after one"
    DRAINING = "offline by us, without jobs"
    STOPPING = "its grant is being ended"
    LOST = "its host is lost"


@dataclass(slots=True, eq=False)
class _Host:
    """One host: since when it is as it is, and how many cpus of it have which use."""

    since_s: float
    cpus: dict[Use, float] = field(default_factory=dict)
    served: bool = False  # a job has run since its mom started
    top: list[tuple[float, int]] = field(default_factory=list)  # free at the top: since, slots


class Ledger:
    """Cpu-seconds by use.

    `slot_cpus`: the cpus of a slot; `young_s`: how long a free slot at the top is young;
    `grants_at(name)`: the grants of a host, each with whether its end was asked for;
    `gets_on(job_id)`: whether a job that holds slots really runs.
    """

    def __init__(
        self,
        clock: Clock,
        slot_cpus: float,
        young_s: float,
        records: dict[str, Record],
        grants_at: Callable[[str], Sequence[tuple[Grant, bool]]],
        gets_on: Callable[[str], bool],
    ) -> None:
        self._clock, self._slot_cpus, self._young_s = clock, slot_cpus, young_s
        self._records, self._grants_at, self._gets_on = records, grants_at, gets_on
        self._hosts: dict[str, _Host] = {}
        self.cpu_s: dict[Use, float] = dict.fromkeys(Use, 0.0)

    def changed(self, name: str) -> None:
        """Something of a host is not as it was before this instant."""
        now_s = self._clock.now_s
        host = self._hosts.get(name)
        if host is not None:
            self._book(host, now_s)
        grants = self._grants_at(name)
        if not grants:
            self._hosts.pop(name, None)
            return
        if host is None:
            host = self._hosts[name] = _Host(now_s)
        host.since_s = now_s
        self._classify(host, name, grants, now_s)

    def close(self) -> dict[Use, float]:
        """The simulation is over: all cpu-seconds by use."""
        for host in self._hosts.values():
            self._book(host, self._clock.now_s)
            host.since_s = self._clock.now_s
        return self.cpu_s

    def _book(self, host: _Host, now_s: float) -> None:
        span_s = now_s - host.since_s
        if span_s <= 0:
            return
        for use, cpus in host.cpus.items():
            self.cpu_s[use] += cpus * span_s
        for since_s, slots in host.top:
            old_s = min(span_s, max(0.0, now_s - since_s - self._young_s))
            self.cpu_s[Use.TOP_OLD] += slots * self._slot_cpus * old_s
            self.cpu_s[Use.TOP_YOUNG] += slots * self._slot_cpus * (span_s - old_s)

    def _classify(
        self, host: _Host, name: str, grants: Sequence[tuple[Grant, bool]], now_s: float
    ) -> None:
        cpus: dict[Use, float] = {}
        host.cpus = cpus
        running = 0
        for grant, killed in grants:
            if grant.state is TaskState.UNREACHABLE:
                use = Use.LOST
            elif killed:
                use = Use.STOPPING
            elif grant.state is TaskState.RUNNING:
                running += grant.slots
                continue
            else:
                use = Use.STARTING
            cpus[use] = cpus.get(use, 0.0) + grant.resources.cpus
        record = self._records.get(name)
        taken = record.slots if record is not None else {}
        gets_on = {job_id: self._gets_on(job_id) for job_id in set(taken.values())}
        ending = 0 if all(gets_on.values()) else sum(not gets_on[job] for job in taken.values())
        host.served = host.served or bool(taken)
        if not running:
            host.top.clear()
            return
        busy = min(running, len(taken))
        ending = min(ending, busy)
        cpus[Use.JOBS] = (busy - ending) * self._slot_cpus
        cpus[Use.ENDING] = ending * self._slot_cpus
        free = running - busy
        top = min(free, running - 1 - max(taken)) if taken else 0
        self._stack(host, max(0, top), now_s)
        if taken:
            use, free = Use.BELOW, free - max(0, top)
        elif record is None or record.registering:
            use = Use.READY
        elif record.offline:
            use = Use.DRAINING if record.note == DRAINING_NOTE else Use.READY
        else:
            use = Use.IDLE if host.served else Use.FIRST
        cpus[use] = cpus.get(use, 0.0) + free * self._slot_cpus

    @staticmethod
    def _stack(host: _Host, top: int, now_s: float) -> None:
        """Bring `host.top` to so many slots: the last that became free are taken first."""
        have = sum(slots for _, slots in host.top)
        if top > have:
            host.top.append((now_s, top - have))
        while have > top:
            since_s, slots = host.top.pop()
            have -= slots
            if have < top:
                host.top.append((since_s, top - have))
                have = top
