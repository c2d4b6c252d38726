"""A site of real parts, and the questions and hands that a test has for it."""

from __future__ import annotations

import json
import os
import pwd
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from dev.demo.account import submitter
from dev.demo.site import SLOTS_PER_HOST, DemoError, Site
from tests.pelog.batches import Batch, Builtin
from tests.system.inside_site import InsideSite
from tests.system.kinds import BUILTIN, Kind
from tests.system.processes import SiteProcesses
from tests.waiting import wait_for
from torque_mesos.admin.client import BadAnswer, NotRunning, read_status
from torque_mesos.admin.status import JobStatus, Status
from torque_mesos.decide.worker import PARKED_NOTE
from torque_mesos.model import Job, JobState, Node, NodeState

T = TypeVar("T")

GRACE_S = 1.0
# An agent is lost after 3 s of silence. TORQUE's own delays are a tenth.
MASTER_FLAGS = {"agent_ping_timeout": "1secs", "allocation_interval": "500ms"}
VARIABLES = {"TORQUE_MESOS_GRACE_S": str(GRACE_S), "TORQUE_MESOS_POLL_INTERVAL_S": "1.0"}
BUILTIN_VARIABLES = {"TORQUE_MESOS_BATCH__DELAY_SCALE": "0.1"}
KEEP_VARIABLE = "TORQUE_MESOS_DEV_KEEP"  # set: the folders stay, with all logs
START_S, RUN_S, REST_S = 120.0, 60.0, 60.0


@dataclass(frozen=True, slots=True)
class Submitted:
    """A job: its id and its name."""

    job_id: str
    name: str

    @property
    def number(self) -> str:
        """The id without the server's name."""
        return self.job_id.partition(".")[0]


class Stage(SiteProcesses):
    """A Mesos cluster with `torque-mesos run` beside it, and what a test does with them.

    `settings`: variables by the part after `TORQUE_MESOS_`. `agents`: how many there are.
    `attributes`: of each agent. `agent_flags`: of all.
    """

    def __init__(
        self,
        kind: Kind,
        settings: Mapping[str, str],
        agents: int = 3,
        attributes: Sequence[str] | str = "",
        agent_flags: Mapping[str, str] | None = None,
    ) -> None:
        more = {f"TORQUE_MESOS_{key}": value for key, value in settings.items()}
        account = submitter(os.geteuid(), os.environ, pwd.getpwall())
        self.kind = kind
        given: dict[str, Any] = {
            "keep": bool(os.environ.get(KEEP_VARIABLE)),
            "master_flags": MASTER_FLAGS,
            "attributes": attributes,
            "agent_flags": agent_flags,
        }
        if kind == BUILTIN:
            hostnames = tuple(f"n{number}.cluster.test" for number in range(1, agents + 1))
            given["variables"] = {**VARIABLES, **BUILTIN_VARIABLES, **more}
            super().__init__(Site(account, hostnames=hostnames, **given))
            self.server: Batch = Builtin(self.site.state)
        else:
            given["variables"] = {**VARIABLES, **more}
            site = InsideSite(kind, agents, account, **given)
            super().__init__(site)
            self.server = site.server
        self.cluster = self.site.cluster
        self.hostnames = self.cluster.hostnames

    def start(self) -> None:
        """Start all of it, and wait for parked records."""
        self.site.start_mesos()
        self.site.start_framework()
        self.until(self.all_parked, START_S, "parked records of all agents")

    def close(self) -> None:
        """End all of it; the folder goes."""
        self.site.close()

    # -- waiting ---------------------------------------------------------------------------

    def until(self, condition: Callable[[], T], deadline_s: float, what: str) -> T:
        """`wait_for`, while the framework must not end; a failure shows the log's end."""

        def holds() -> T | None:
            self.site.check_running()
            with suppress(DemoError, NotRunning, BadAnswer, httpx.HTTPError):
                return condition()
            return None

        try:
            return wait_for(holds, deadline_s, what, interval_s=0.1)  # type: ignore[return-value]
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.picture()}\n{self.site.log_end(60)}") from None

    def picture(self) -> str:
        """Jobs, nodes and Mesos, for a message."""
        lines = []
        for ask in (self.jobs, self.nodes, self.cluster.used_resources, self.workers):
            try:
                lines.append(f"{ask.__name__}: {ask()}")
            except (DemoError, httpx.HTTPError) as error:
                lines.append(f"{ask.__name__}: {error}")
        return "\n".join(lines)

    # -- jobs ------------------------------------------------------------------------------

    def submit(
        self,
        name: str,
        request: str = "",
        *,
        queue: str = "",
        body: str = "",
        held: bool = False,
        options: Sequence[str] = (),
    ) -> Submitted:
        """Submit a job that notes each of its starts.

        It runs `body`; if `held` it then waits for `let_go`.
        """
        wait = f"while [ ! -e {self.site.jobs}/{name}.go ]; do sleep 0.1; done" if held else ""
        script = (
            f"#!/bin/sh\n#PBS -N {name}\n"
            f"echo $(head -n 1 $PBS_NODEFILE) >> {self.site.jobs}/{name}.starts\n"
            f"{body}\n{wait}\necho done\n"
        )
        (self.site.jobs / f"{name}.sh").write_text(script)
        chosen = [*(["-l", request] if request else []), *(["-q", queue] if queue else [])]
        job_id = self.site.batch("qsub", *chosen, *options, f"{name}.sh").strip()
        return Submitted(job_id, name)

    def kill_daemon(self, name: str) -> None:
        """SIGKILL a daemon of the batch server, and wait until the framework has another one."""
        before = dict(self.daemons())[name]
        began = time.time()
        os.kill(before, signal.SIGKILL)
        self.until(
            lambda: dict(self.daemons()).get(name, before) != before, RUN_S, f"{name} runs again"
        )

        def read() -> bool:
            status = self.status()
            return status.time > began and status.server_reachable and bool(self.nodes())

        self.until(read, RUN_S, "the framework reads the server again")

    def manage(self, command: str) -> None:
        """`qmgr -c`, as who runs the server."""
        self.site.as_manager("qmgr", "-c", command)

    def let_go(self, *jobs: Submitted) -> None:
        """Tell held jobs to end."""
        for job in jobs:
            (self.site.jobs / f"{job.name}.go").touch()

    def starts(self, job: Submitted) -> list[str]:
        """The first host of each start of a job."""
        path = self.site.jobs / f"{job.name}.starts"
        return path.read_text().split() if path.exists() else []

    def started(self, job: Submitted) -> str:
        """Wait until a job has begun; the host it began on first."""
        return self.until(lambda: self.starts(job), RUN_S, f"{job.job_id} runs")[0]

    def output(self, job: Submitted, deadline_s: float = RUN_S) -> list[str]:
        """Wait for a job's end; the lines it printed, without the last, which must be "done"."""
        out, err = (self.site.jobs / f"{job.name}.{kind}{job.number}" for kind in "oe")
        self.until(
            lambda: out.exists() and err.exists() and not self.in_queue(job),
            deadline_s,
            f"the output of {job.job_id}",
        )
        errors, (*lines, last) = err.read_text(), out.read_text().splitlines() or [""]
        if errors or last != "done":
            raise AssertionError(
                f"{job.job_id} printed {[*lines, last]}, errors {errors!r}\n{self.picture()}\n"
                f"{self.site.log_end(80)}"
            )
        return lines

    def jobs(self) -> dict[str, Job]:
        """What the batch server says of each job."""
        told = self.server.jobs_told(self.site.batch(*self.server.jobs_asked))
        return {job.job_id: job for job in told}

    def in_queue(self, job: Submitted) -> bool:
        """Whether a job is there and is not complete."""
        found = self.jobs().get(job.job_id)
        return found is not None and found.state is not JobState.COMPLETE

    def delete(self, *job_ids: str) -> None:
        """`qdel`, and wait until they are gone."""
        self.site.batch("qdel", *job_ids)
        self.until(
            lambda: not set(job_ids) & set(self.waiting_or_running()), RUN_S, "the jobs are gone"
        )

    # -- nodes -----------------------------------------------------------------------------

    def nodes(self) -> dict[str, Node]:
        """What the batch server says of each node."""
        told = self.server.nodes_told(self.site.batch(*self.server.nodes_asked))
        return {node.name: node for node in told}

    def all_parked(self) -> bool:
        """Whether every agent has a parked record, with all its slots."""
        nodes = self.nodes()
        return all(name in nodes and _parked(nodes[name]) for name in self.hostnames)

    def lent_cpus(self) -> float:
        """Cpus that Mesos has lent."""
        return self.cluster.used_resources()["cpus"]

    def at_rest(self, *waiting: Submitted) -> None:
        """Wait until nothing is left: of other jobs, at Mesos, of processes, of nodes in use."""
        left = {job.job_id for job in waiting}
        self.until(lambda: set(self.waiting_or_running()) == left, REST_S, "no job is left")
        self.until(lambda: not any(self.cluster.used_resources().values()), REST_S, "nothing lent")
        self.until(self.all_parked, REST_S, "every node is parked")
        self.until(lambda: not self.workers(), REST_S, "no mom and no executor is left")

    def waiting_or_running(self) -> list[str]:
        """The ids of jobs that are not complete."""
        return [id_ for id_, job in self.jobs().items() if job.state is not JobState.COMPLETE]

    # -- the framework ---------------------------------------------------------------------

    def status(self) -> Status:
        """What the framework says of itself."""
        return read_status(self.site.state / "status.sock")

    def job_status(self, job: Submitted) -> JobStatus | None:
        """What the framework says of a job; None for one that it does not know."""
        found = self.status().find(job.job_id)
        return found[0] if found else None

    def why(self, job: Submitted, code: str) -> str:
        """Wait until the framework explains a job by a reason of that code; its sentence."""

        def text() -> str:
            known = self.job_status(job)
            return known.why.text if known and known.why and known.why.code == code else ""

        return self.until(text, RUN_S, f"{job.job_id} is explained as {code}")

    def kill_framework(self) -> None:
        """SIGKILL `torque-mesos run`."""
        self.site.signal_framework(signal.SIGKILL)

    def stop_framework(self) -> None:
        """SIGTERM `torque-mesos run`, which must end well."""
        self.site.signal_framework(signal.SIGTERM)
        wait_for(lambda: self.site.framework_exit() is not None, 60, "torque-mesos has ended")
        assert self.site.framework_exit() == 0, self.site.log_end()

    def start_framework(self) -> None:
        """Start it again, and wait until it knows its tasks."""
        self.site.start_framework()
        began = time.time()

        def ready() -> bool:
            status = self.status()
            return status.time >= began and status.tasks_known and status.server_reachable

        self.until(ready, START_S, "the framework knows what there is")

    def plans(self) -> list[dict[str, object]]:
        """All actions so far, in order, as the framework's journal has them."""
        text = (self.site.state / "plans.jsonl").read_text()
        return [action for line in text.splitlines() for action in json.loads(line)["actions"]]


def _parked(node: Node) -> bool:
    return (
        NodeState.OFFLINE in node.states
        and node.note == PARKED_NOTE
        and not node.slots
        and node.np == SLOTS_PER_HOST
    )
