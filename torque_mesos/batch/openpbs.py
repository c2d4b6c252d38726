"""OpenPBS (23) as a `BatchServer`.

Everything goes through the server's own commands. What was learned of them:

- Making a record makes the server call all nodes down for up to two seconds (see
  `openpbs_flap`). So records are made in few commands, many names each, and what is said of
  nodes right after that is not believed.
- The server forgets a node's comment when it restarts, and the release 23.06.06 its offline
  mark too; it keeps resources. So our note is in a resource of its own, and in the comment
  for people to see.
- `pbsnodes NAME` and `-a` merge the vnodes of a host: `-v` does not.
- Deleting a record that has a job is refused by the server itself, at once.
- Jobs of a lost mom are left to the server, which queues them again after
  `node_fail_requeue` seconds. `qrerun` asks the mom first; `qrerun -W force` queues a job
  whose mom is known to be down, but the server then refuses to run it until it is
  restarted ("Request invalid for state of job", while the scheduler logs "Job run").
- It does not queue jobs of a mom that it has not heard since its own start, for it misses
  only what it has heard. A signal for such a job makes it call the mom, and miss her.
- A node that becomes free starts no scheduling cycle, a new job does.
- The times of jobs are local times without a zone: the commands run in UTC.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from torque_mesos.batch import names
from torque_mesos.batch.base import InvalidName, NewNode, Refused, Traits
from torque_mesos.batch.commands import Runner
from torque_mesos.batch.kept import Kept
from torque_mesos.batch.openpbs_commands import (
    NAMES_A_CALL,
    UNKNOWN_NODE,
    OpenPbsCalls,
    accepted,
    complaints,
)
from torque_mesos.batch.openpbs_flap import Flap
from torque_mesos.batch.openpbs_hands import Hands
from torque_mesos.batch.openpbs_jobs import Jobs, parse_jobs
from torque_mesos.batch.openpbs_nodes import NOTE_RESOURCE, Nodes, parse_nodes, with_slots
from torque_mesos.batch.openpbs_queues import parse_queues, parse_server
from torque_mesos.batch.openpbs_records import RecordMaker, note_attributes, size_attributes
from torque_mesos.batch.openpbs_sched import sched_problems
from torque_mesos.batch.openpbs_settings import OpenPbsSettings
from torque_mesos.batch.run_limits import openpbs_limits
from torque_mesos.batch.sched_config import parse_sched_config
from torque_mesos.batch.scheduler_file import SchedulerFile
from torque_mesos.batch.setup.deed import prepare
from torque_mesos.batch.setup.openpbs import requeues_after_s
from torque_mesos.batch.setup.openpbs_desk import OpenPbsDesk
from torque_mesos.batch.setup.record import SetupRecord
from torque_mesos.batch.setup.wish import Needs
from torque_mesos.model import Queue, Reading, RunLimit

QUEUES_FOR_S = 30.0

_NO_NODES = "Server has no node list"


class OpenPbsServer:
    """An OpenPBS server, driven by its commands. Implements `BatchServer`.

    `read` also asks for a scheduling cycle when a node became usable since the last
    reading, or a flap is over: OpenPBS starts none by itself.
    """

    def __init__(
        self,
        settings: OpenPbsSettings,
        runner: Runner,
        *,
        record: SetupRecord | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._record = record or SetupRecord(None)
        self._runner = runner
        self._calls = OpenPbsCalls(settings, self._runner)
        self._maker = RecordMaker(self._calls, settings, self._created)
        self._hands = Hands(self._calls)
        self._clock = clock
        self._lock = threading.Lock()  # of what follows
        self._flap = Flap()
        self._kept: Kept[Jobs] = Kept(clock)
        self._queues: tuple[Queue, ...] = ()
        self._queues_s: float | None = None
        self._run_limits: tuple[RunLimit, ...] = ()
        self._formula = ""
        path = settings.home / "sched_priv" / "sched_config"
        self._sched_config = SchedulerFile(path, parse_sched_config)
        self._problems: tuple[str, ...] = ()

    @property
    def traits(self) -> Traits:
        """OpenPBS keeps jobs of any size. Parked records spare the others a flap."""
        return Traits(capacity_record=None, parking=True)

    # --- reading ---------------------------------------------------------------

    def read(self) -> Reading:
        """Read all jobs (sub-jobs of arrays apart), nodes and, now and then, queues.

        A long list of jobs is not read each time (see `kept`).
        """
        with ThreadPoolExecutor(3) as pool:
            nodes_read = pool.submit(self._read_nodes)
            jobs_read = pool.submit(self._jobs)
            queues_read = pool.submit(self._queues_of_late)
            jobs, nodes, queues = jobs_read.result(), nodes_read.result(), queues_read.result()
        self._hands.saw(nodes.nodes)
        seen = [with_slots(record, jobs.cpus) for record in nodes.nodes]
        with self._lock:
            settled = self._flap.settle(seen, self._clock())
            wake, self._flap.wake_due = self._flap.wake_due, False
            problems = self._problems
        if wake:
            self.wake_scheduler()
        return Reading(
            jobs=jobs.jobs,
            nodes=settled,
            queues=queues,
            problems=jobs.problems + nodes.problems + problems,
            unreadable_nodes=nodes.unreadable,
            run_limits=self._run_limits,
            scheduling=replace(self._sched_config.scheduling(), formula=self._formula),
        )

    def changed(self) -> None:
        """Something may have changed on the server: a long list of jobs is read anew."""
        self._kept.changed()

    def renew(self) -> None:
        """The next reading has all jobs as they are then."""
        self._kept.renew()

    def _jobs(self) -> Jobs:
        told = "" if self._kept.short else self._told_of_queues()
        return self._kept.get(self._read_jobs, told)

    def _read_jobs(self) -> Jobs:
        return parse_jobs(accepted(self._calls.run("qstat", "-t", "-f", "-F", "json")).stdout)

    def _read_nodes(self) -> Nodes:
        answer = self._calls.run("pbsnodes", "-av", "-F", "json")
        if answer.exit_code == 1 and _NO_NODES in answer.stderr and not answer.stdout.strip():
            return Nodes((), (), frozenset())
        return parse_nodes(accepted(answer).stdout)

    def _told_of_queues(self) -> str:
        return accepted(self._calls.run("qstat", "-Q", "-f", "-F", "json")).stdout

    def _queues_of_late(self) -> tuple[Queue, ...]:
        """The queues as they were `QUEUES_FOR_S` seconds ago at most: they seldom change.

        With them the server's limits, and its formula of the order of jobs.
        """
        now_s = self._clock()
        if self._queues_s is None or now_s - self._queues_s >= QUEUES_FOR_S:
            server = self._server()
            self._run_limits = openpbs_limits(server)
            self._formula = server.get("job_sort_formula", "")
            self._queues, self._queues_s = parse_queues(self._told_of_queues()), now_s
        return self._queues

    # --- nodes -----------------------------------------------------------------

    def create_nodes(self, nodes: Sequence[NewNode]) -> None:
        """Create node records, mark included. A name that exists already is left as it is.

        Properties become boolean resources of the server (made if need be), set on the node.
        """
        self._maker.make(nodes)

    def _created(self) -> None:
        with self._lock:
            self._flap.created(self._clock())

    def delete_node(self, name: str) -> None:
        """Delete a record; the server refuses it while it has jobs. Takes effect at once."""
        accepted(self._calls.qmgr(f"delete node {names.host_name(name)}"), UNKNOWN_NODE)

    def set_np(self, name: str, np: int, gpus: int = 0) -> None:
        """Set the number of cpus (at least 1) of a node, and of its gpus unless that is 0.

        What its mom counts changes nothing. The resource `ngpus` is the site's to define.
        """
        accepted(self._calls.qmgr(f"set node {names.host_name(name)} {size_attributes(np, gpus)}"))

    def set_offline(self, names: Iterable[str], note: str | None) -> None:
        """Take nodes out of scheduling and set their note; their jobs go on."""
        self._mark("state+=offline", names, note)

    def set_online(self, names: Iterable[str], note: str) -> None:
        """Give nodes to the scheduler, by one command, and set their note."""
        self._mark("state-=offline", names, note)

    def _mark(self, state: str, nodes: Iterable[str], note: str | None) -> None:
        attributes = state if note is None else f"{state},{note_attributes(note)}"
        wanted: list[str] = []
        failed: list[str] = []
        for name in nodes:
            try:
                wanted.append(names.host_name(name))
            except InvalidName as error:
                failed.append(str(error))
        for start in range(0, len(wanted), NAMES_A_CALL):
            some = wanted[start : start + NAMES_A_CALL]
            answer = self._calls.set_nodes(some, attributes, (NOTE_RESOURCE,), "string")
            if answer.exit_code != 0:
                complained = [f"{item.name}: {item.text}" for item in complaints(answer)]
                failed += complained or [str(answer)]
        if failed:
            raise Refused("; ".join(failed))

    # --- scheduler, jobs, server -------------------------------------------------

    def wake_scheduler(self) -> None:
        """Ask for a scheduling cycle now."""
        accepted(self._calls.qmgr("set server scheduling=True"))

    def rerun(self, job_id: str) -> None:
        """See to it that a job whose node is lost is queued again: the server does that itself,

        `node_fail_requeue` seconds after it misses the mom. Raises Refused when it is set not to.
        """
        names.job_id(job_id)
        after_s = requeues_after_s(self._server())
        if after_s <= 0:
            raise Refused(
                f"job {job_id} stays on its lost node, for node_fail_requeue is {after_s};"
                " `qmgr -c 'set server node_fail_requeue=60'` would let the server run it again"
            )
        self._hands.miss(job_id)

    def hold(self, job_id: str, comment: str) -> None:
        """Put a system hold on a job, and say why in its comment. Raises `BatchError`.

        Of an array all that has not begun is held, for there is no hold of a sub-job.
        """
        self._hands.hold(names.job_id(job_id), comment)

    def prepare(self, queues: Sequence[str], max_slots: int) -> None:  # noqa: ARG002
        """Set what an elastic cluster cannot do without; what is right is left alone.

        `queues` are those that are watched; none means every execution queue. A queue
        that does not exist is made if `create_queue` allows it, otherwise `Refused`.
        `max_slots` changes nothing: OpenPBS keeps jobs of any size.
        """
        needs = Needs(
            queues=tuple(names.queue_name(queue) for queue in queues),
            create_queues=self._settings.create_queue,
        )
        prepare(OpenPbsDesk(self._settings, self._runner), needs, self._record)
        resources = accepted(self._calls.qmgr("list resource")).stdout
        with self._lock:
            self._problems = sched_problems(self._settings.home, resources)

    def _server(self) -> Mapping[str, str]:
        answer = accepted(self._calls.run("qstat", "-B", "-f", "-F", "json"))
        return parse_server(answer.stdout)
