"""The live log: one line whenever queue, nodes, or what Mesos has lent changes."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import httpx

from dev.demo.site import HOSTNAMES, DemoError, Site
from torque_mesos.batch.base import BatchError
from torque_mesos.batch.torque_xml import parse_jobs, parse_nodes
from torque_mesos.decide.worker import DRAINING_NOTE
from torque_mesos.model import Job, JobState, Node, NodeState

INTERVAL_S = 0.25
WIDTH = 16


@dataclass(frozen=True, slots=True)
class Sample:
    """What batch server and Mesos said at one moment. `lent`: cpus by host."""

    jobs: tuple[Job, ...]
    nodes: tuple[Node, ...]
    lent: dict[str, float]
    lent_mem_mb: float

    @property
    def lent_cpus(self) -> float:
        """All cpus that tasks and executors hold."""
        return sum(self.lent.values())

    def queue(self) -> str:
        """The queue in a few words, such as "2 wait, 1 runs"."""
        states = Counter(job.state for job in self.jobs)
        waiting = states[JobState.QUEUED] + states[JobState.HELD] + states[JobState.WAITING]
        running = states[JobState.RUNNING] + states[JobState.EXITING]
        words = []
        if waiting:
            words.append(f"{waiting} wait" + "s" * (waiting == 1))
        if running:
            words.append(f"{running} run" + "s" * (running == 1))
        return ", ".join(words) or "empty"

    def node(self, name: str) -> str:
        """A node in two or three words, as a newcomer would call it."""
        record = next((node for node in self.nodes if node.name == name), None)
        if record is None:
            return "no record"
        lent = self.lent.get(name, 0.0)
        if NodeState.MOM_LIST_NOT_SENT in record.states and not lent:
            return "registering"
        if NodeState.OFFLINE in record.states:
            if record.jobs:
                return "draining"
            if lent:
                # Less than a slot is what an executor holds that is about to end.
                ending = record.note == DRAINING_NOTE or lent < 1
                return "stopping" if ending else "starting"
            return "parked"
        if NodeState.DOWN in record.states:
            return "down" if lent else "registering"  # a new record that is not parked yet
        if record.slots:
            return f"{len(record.slots)} of {record.np} busy"
        return f"{record.np} free"

    def line(self) -> str:
        """All of it in one line, without the time."""
        nodes = "".join(
            f"{name.partition('.')[0]} {self.node(name)}".ljust(WIDTH) for name in HOSTNAMES
        )
        lent = f"{self.lent_cpus:g} cpus, {self.lent_mem_mb:g} MB" if self.lent_cpus else "nothing"
        return f"queue: {self.queue()}".ljust(23) + f"| {nodes}| lent: {lent}"


class Watch:
    """Samples in a thread of its own and prints; `latest` is what it saw last."""

    def __init__(self, site: Site, started: float, show: Callable[[str], None]) -> None:
        self._site = site
        self._started = started
        self._show = show
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._last_line = ""
        self.latest: Sample | None = None
        self.trouble: str = "nothing was read yet"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(INTERVAL_S):
            try:
                sample = self._sample()
            except (DemoError, BatchError, httpx.HTTPError) as error:
                self.trouble = str(error)
                continue
            line = sample.line()
            if line != self._last_line:
                self._last_line = line
                self._show(f"{time.monotonic() - self._started:6.1f} s  {line}")
            self.latest = sample

    def _sample(self) -> Sample:
        agents = self._site.cluster.agents()
        used = {agent["hostname"]: agent["used_resources"] for agent in agents}
        return Sample(
            jobs=parse_jobs(self._site.batch("qstat", "-x", "-t")).jobs,
            nodes=parse_nodes(self._site.batch("pbsnodes", "-x")).nodes,
            lent={name: float(resources.get("cpus", 0)) for name, resources in used.items()},
            lent_mem_mb=sum(float(resources.get("mem", 0)) for resources in used.values()),
        )
