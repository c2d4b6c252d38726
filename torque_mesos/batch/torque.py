"""TORQUE (6.1, and the built-in server that behaves like it) as a `BatchServer`.

Everything goes through the server's own commands. What was learned of them:

- `pbsnodes -o` and `-c` exit with 0 whatever happens; only stderr tells. With `-N` they
  set the note first, then the state, each node in turn, and go on after a failure.
- A record that was just created cannot be taken offline for some ten seconds
  (`MOM-list-not-sent`); the refusal says so on stderr only.
- qmgr takes names and properties with which pbs_server cannot read its own nodes file at
  its next start, and so does not start: names that begin with a digit (addresses!),
  properties with `+`, `:` or `/`.
- Several properties need quotes in qmgr: `properties="a,b"`.
- Deleting a record takes 2 s, and up to 122 s and the jobs if it has any.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Literal

from torque_mesos.batch import names
from torque_mesos.batch.base import InvalidName, NewNode, Refused, Traits
from torque_mesos.batch.commands import Answer, Runner
from torque_mesos.batch.counts import slots
from torque_mesos.batch.kept import Kept
from torque_mesos.batch.maui_config import maui_scheduling
from torque_mesos.batch.run_limits import limits_of
from torque_mesos.batch.sched_config import parse_sched_config
from torque_mesos.batch.scheduler_file import SchedulerFile
from torque_mesos.batch.setup.deed import prepare
from torque_mesos.batch.setup.record import SetupRecord
from torque_mesos.batch.setup.torque_desk import TorqueDesk
from torque_mesos.batch.setup.wish import Needs
from torque_mesos.batch.torque_attributes import parse_queues
from torque_mesos.batch.torque_commands import (
    TorqueCalls,
    accepted,
    node_attributes,
    nodes_in,
    says_no_nodes,
    server_attributes,
    unless,
)
from torque_mesos.batch.torque_settings import TorqueSettings
from torque_mesos.batch.torque_xml import Jobs, Nodes, parse_jobs, parse_nodes
from torque_mesos.model import Reading, RunLimit, Scheduling

SERVER_FOR_S = 10.0  # the server's own limits seldom change
_PARALLEL = 8  # commands at once; the server fails some of very many
_NAMES_A_CALL = 200
_NODE_COMPLAINT = re.compile(r"\b(?:for|node) (\S+) - ")
_UNKNOWN_NODE = "Unknown node"
_UNKNOWN_ATTRIBUTE = "Undefined attribute"


def _order_of(settings: TorqueSettings) -> SchedulerFile | None:
    """Where it stands how the batch scheduler orders jobs; None where nothing is known of that."""
    if settings.maui_config is not None:
        return SchedulerFile(settings.maui_config, maui_scheduling)
    if settings.scheduler != "pbs_sched":
        return None
    return SchedulerFile(settings.home / "sched_priv" / "sched_config", parse_sched_config)


class TorqueServer:
    """A TORQUE server, driven by its commands. Implements `BatchServer`."""

    def __init__(
        self,
        settings: TorqueSettings,
        runner: Runner,
        *,
        record: SetupRecord | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._runner = runner
        self._calls = TorqueCalls(settings, runner)
        self._record = record or SetupRecord(None)
        self._clock = clock
        self._kept: Kept[Jobs] = Kept(clock)
        self._run_limits: tuple[RunLimit, ...] = ()
        self._run_limits_s: float | None = None
        self._has_requestid = True  # TORQUE 6 has it; found out when np is set
        self._order = _order_of(settings)
        self._pbs_sched = settings.scheduler == "pbs_sched" and settings.maui_config is None

    @property
    def traits(self) -> Traits:
        """TORQUE refuses and deletes jobs larger than its records, and parks well."""
        return Traits(capacity_record=self._settings.capacity_record, parking=True)

    # --- reading ---------------------------------------------------------------

    def read(self) -> Reading:
        """Read all jobs (sub-jobs of arrays apart), nodes and queues: three commands at once.

        Now and then a fourth one, for the server's limits. A long list of jobs is not read each
        time (see `kept`).
        """
        with ThreadPoolExecutor(4) as pool:
            queues_read = pool.submit(self._told_of_queues)
            nodes_read = pool.submit(self._read_nodes)
            jobs_read = pool.submit(self._jobs, queues_read)
            limits_read = pool.submit(self._run_limits_of_late)
            jobs, nodes, told = jobs_read.result(), nodes_read.result(), queues_read.result()
            limits = limits_read.result()
        queues = parse_queues(told, pbs_sched=self._pbs_sched)
        return Reading(
            jobs=jobs.jobs,
            nodes=nodes.nodes,
            queues=queues,
            problems=jobs.problems + nodes.problems + _fatal_names(nodes),
            unreadable_nodes=nodes.unreadable,
            run_limits=limits,
            scheduling=self._order.scheduling() if self._order is not None else Scheduling(),
        )

    def _run_limits_of_late(self) -> tuple[RunLimit, ...]:
        """The server's limits as they were `SERVER_FOR_S` seconds ago at most."""
        now_s = self._clock()
        if self._run_limits_s is None or now_s - self._run_limits_s >= SERVER_FOR_S:
            limits = limits_of(self._server_attributes(), pbs_sched=self._pbs_sched)
            self._run_limits, self._run_limits_s = limits, now_s
        return self._run_limits

    def changed(self) -> None:
        """Something may have changed on the server: a long list of jobs is read anew."""
        self._kept.changed()

    def renew(self) -> None:
        """The next reading has all jobs as they are then."""
        self._kept.renew()

    def _jobs(self, queues: Future[str]) -> Jobs:
        told = "" if self._kept.short else queues.result()
        return self._kept.get(self._read_jobs, told)

    def _read_jobs(self) -> Jobs:
        return parse_jobs(accepted(self._calls.run("qstat", "-x", "-t")).stdout)

    def _read_nodes(self) -> Nodes:
        return nodes_in(self._calls.run("pbsnodes", "-x"))

    def _told_of_queues(self) -> str:
        return accepted(self._calls.run("qstat", "-Q", "-f")).stdout

    # --- nodes -----------------------------------------------------------------

    def create_nodes(self, nodes: Sequence[NewNode]) -> None:
        """Create node records, mark included. A name that exists already is left as it is."""
        if not nodes:
            return
        with ThreadPoolExecutor(min(_PARALLEL, len(nodes))) as pool:
            futures = [pool.submit(self._create_node, node) for node in nodes]
        refused: list[str] = []
        made: list[NewNode] = []
        for node, future in zip(nodes, futures, strict=True):
            try:
                if future.result() and node.note:
                    made.append(node)
            except (Refused, InvalidName) as error:
                refused.append(str(error))
        if made:
            self._keep_notes(made[0])
        if refused:
            raise Refused("; ".join(refused))

    def _keep_notes(self, node: NewNode) -> None:
        """Have the server write the notes of all its nodes: one that is made it does not.

        It does so only when the note of some node is set to another than it has.
        """
        for note in (f"{node.note} (new)", node.note):
            text = names.note_text(note)
            accepted(self._calls.qmgr(f'set node {names.host_name(node.name)} note="{text}"'))

    def _create_node(self, node: NewNode) -> bool:
        """Make a record. False: there was one of that name."""
        command = (
            f"create node {names.node_name(node.name)} {node_attributes(node, self._settings)}"
        )
        answer = self._calls.qmgr(command)
        unless(answer, "already exists")
        return answer.exit_code == 0

    def delete_node(self, name: str) -> None:
        """Delete a record; one that still has jobs is refused here. Takes 2 s."""
        names.host_name(name)
        answer = self._calls.run("pbsnodes", "-x", name)
        gone = answer.exit_code == 1 and _UNKNOWN_NODE in answer.stderr
        if gone or says_no_nodes(answer):
            return
        nodes = parse_nodes(accepted(answer).stdout)
        if [node.name for node in nodes.nodes] != [name]:
            raise Refused(f"node {name} is not deleted: its record cannot be read")
        if jobs := nodes.nodes[0].jobs:
            raise Refused(f"node {name} is not deleted: it has jobs: {', '.join(sorted(jobs))}")
        unless(self._calls.qmgr(f"delete node {name}"), _UNKNOWN_NODE)

    def set_np(self, name: str, np: int, gpus: int = 0) -> None:
        """Set the number of slots (at least 1) of a node, and of its gpus unless that is 0.

        Takes effect at once. (A node that has gpus cannot be set to have none.) The server writes
        its nodes file only when a record, its properties or its `requestid` change, and starts
        again with what is written there: so `requestid` tells of np and gpus, too.
        """
        more = f",gpus={slots(gpus)}" if gpus else ""
        command = f"set node {names.host_name(name)} np={slots(np)}{more}"
        if self._has_requestid:
            answer = self._calls.qmgr(f"{command},requestid=np{np}gpus{gpus}")
            if _UNKNOWN_ATTRIBUTE not in answer.stderr:
                accepted(answer)
                return
            self._has_requestid = False
        accepted(self._calls.qmgr(command))

    def set_offline(self, names: Iterable[str], note: str | None) -> None:
        """Take nodes out of scheduling and set their note; their jobs go on."""
        self._mark("-o", names, note)

    def set_online(self, names: Iterable[str], note: str) -> None:
        """Give nodes to the scheduler, by one command, and set their note."""
        self._mark("-c", names, note)

    def _mark(self, option: Literal["-o", "-c"], nodes: Iterable[str], note: str | None) -> None:
        noted = [] if note is None else ["-N", names.note_text(note)]
        wanted: list[str] = []
        failed: list[str] = []
        for name in nodes:
            try:
                wanted.append(names.host_name(name))
            except InvalidName as error:
                failed.append(str(error))
        for start in range(0, len(wanted), _NAMES_A_CALL):
            some = wanted[start : start + _NAMES_A_CALL]
            answer = self._calls.run("pbsnodes", option, *noted, *some)
            if answer.exit_code != 0 or answer.stderr.strip():
                failed.append(_marking_failure(answer, some))
        if failed:
            raise Refused("; ".join(failed))

    # --- scheduler, jobs, server -------------------------------------------------

    def wake_scheduler(self) -> None:
        """Ask for a scheduling cycle now. (A node that becomes free starts none.)"""
        accepted(self._calls.qmgr("set server scheduling=true"))

    def rerun(self, job_id: str) -> None:
        """Put a job whose node is lost back into its queue, without asking its mom."""
        accepted(self._calls.run("qrerun", "-f", names.job_id(job_id)))

    def hold(self, job_id: str, comment: str) -> None:
        """Put a system hold on a job, and say why in its comment. Raises `BatchError`.

        The comment comes last: a scheduler writes its own when it starts the job.
        """
        accepted(self._calls.run("qhold", "-h", "s", names.job_id(job_id)))
        accepted(self._calls.run("qalter", "-W", f"comment={comment}", names.job_id(job_id)))

    def prepare(self, queues: Sequence[str], max_slots: int) -> None:
        """Set what an elastic cluster cannot do without; what is right is left alone.

        `queues` are those that are watched; none means every execution queue. A queue
        that does not exist is made if `create_queue` allows it, otherwise `Refused`.
        nodect is only ever raised, to `max_slots`.
        """
        needs = Needs(
            queues=tuple(names.queue_name(queue) for queue in queues),
            slots=max_slots,
            create_queues=self._settings.create_queue,
        )
        prepare(TorqueDesk(self._settings, self._runner), needs, self._record)

    def _server_attributes(self) -> Mapping[str, str]:
        return server_attributes(self._calls.run("qstat", "-B", "-f"))


def _fatal_names(nodes: Nodes) -> tuple[str, ...]:
    return tuple(
        f"node {node.name}: pbs_server does not start again with a record of this name; delete it"
        for node in nodes.nodes
        if not node.name[0].isalpha()
    )


def _marking_failure(answer: Answer, nodes: Sequence[str]) -> str:
    """What `pbsnodes -o` or `-c` said went wrong, with the nodes concerned."""
    lines = [line.strip() for line in answer.stderr.splitlines() if line.strip()]
    named = [match[1] for line in lines if (match := _NODE_COMPLAINT.search(line))]
    about = named if lines and len(named) == len(lines) else list(nodes)
    return f"{', '.join(about)}: {' '.join(lines)[:400] or f'exit {answer.exit_code}'}"
