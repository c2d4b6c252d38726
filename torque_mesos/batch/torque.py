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

import os
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from torque_mesos.batch import names
from torque_mesos.batch.base import InvalidName, NewNode, Refused, Traits
from torque_mesos.batch.commands import Answer, Runner, check_reached
from torque_mesos.batch.run_limits import run_limits
from torque_mesos.batch.sched_config import SchedConfig
from torque_mesos.batch.torque_xml import (
    Jobs,
    Nodes,
    parse_attributes,
    parse_jobs,
    parse_nodes,
    parse_queues,
)
from torque_mesos.model import Queue, Reading, RunLimit, Scheduling, frozen_map

# A name that resolves on every host, without a name server. An address will not do: with
# one in its nodes file pbs_server does not start again. Nothing listens at its port.
CAPACITY_RECORD = "localhost"
_NO_MOM_PORT = 1
NP_MAX = 2**31 - 1

SERVER_FOR_S = 10.0  # the server's own limits seldom change
_PARALLEL = 8  # commands at once; the server fails some of very many
_NAMES_A_CALL = 200
_NODE_COMPLAINT = re.compile(r"\b(?:for|node) (\S+) - ")
_NODECT = "resources_available.nodect"
_UNKNOWN_NODE = "Unknown node"
# A server that has no node says the one, a server whose last node was deleted the other.
# (Not "Server has no node list" alone: it also begins what is said when no name resolves.)
_NO_NODES = ("node list is empty", "No nodes found")


@dataclass(frozen=True, slots=True)
class TorqueSettings:
    """Where a TORQUE is, and what may be done to it.

    `server_host` is given to the commands as PBS_DEFAULT; None leaves it to
    `home/server_name`. The mom ports are for records that name none. Of the server's
    own settings None means: leave it as it is. `node_check_rate_s` should be at least
    three times the longest `$status_update_time` of all moms, or they flap. With
    `down_on_error` (TORQUE's default) a node whose prologue or health check failed gets
    no more jobs until its mom starts anew, without it the next job fails there too.
    `capacity_record` must resolve where the server runs, and no mom may have that name.
    `scheduler`: what orders the jobs; of `pbs_sched` the order is read from its settings in
    `home`, of any other one nothing is known.
    """

    bin_dir: Path = Path("/usr/local/bin")
    sbin_dir: Path = Path("/usr/local/sbin")
    home: Path = Path("/var/spool/torque")
    server_host: str | None = None
    command_timeout_s: float = 30.0
    delete_timeout_s: float = 180.0
    environment: Mapping[str, str] = field(default_factory=frozen_map)
    mom_service_port: int = 15002
    mom_manager_port: int = 15003
    capacity_record: str = CAPACITY_RECORD
    create_queue: bool = False
    node_check_rate_s: int | None = None
    down_on_error: bool | None = None
    note_append_on_error: bool | None = False
    scheduler: Literal["pbs_sched", "none"] = "pbs_sched"

    @property
    def accounting_dir(self) -> Path:
        """Where the server tells of every job at once."""
        return self.home / "server_priv" / "accounting"

    def command_environment(self) -> dict[str, str]:
        """The environment for the server's commands and daemons, and no other."""
        path = [str(self.bin_dir), str(self.sbin_dir), "/usr/local/sbin", "/usr/local/bin"]
        environment = {
            "PATH": os.pathsep.join([*path, "/usr/sbin", "/usr/bin", "/sbin", "/bin"]),
            "LANG": "C",
            "LC_ALL": "C",
        }
        if "TZ" in os.environ:
            environment["TZ"] = os.environ["TZ"]  # accounting files are named by local date
        if self.server_host:
            environment["PBS_DEFAULT"] = self.server_host
        return environment | dict(self.environment)


class TorqueServer:
    """A TORQUE server, driven by its commands. Implements `BatchServer`."""

    def __init__(
        self,
        settings: TorqueSettings,
        runner: Runner,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._runner = runner
        self._clock = clock
        self._run_limits: tuple[RunLimit, ...] = ()
        self._run_limits_s: float | None = None
        self._sched_config = SchedConfig(settings.home / "sched_priv" / "sched_config")

    @property
    def traits(self) -> Traits:
        """TORQUE refuses and deletes jobs larger than its records, and parks well."""
        return Traits(capacity_record=self._settings.capacity_record, parking=True)

    # --- reading ---------------------------------------------------------------

    def read(self) -> Reading:
        """Read all jobs (sub-jobs of arrays apart), nodes and queues: three commands at once.

        Now and then a fourth one, for the server's limits.
        """
        with ThreadPoolExecutor(4) as pool:
            jobs_read = pool.submit(self._read_jobs)
            nodes_read = pool.submit(self._read_nodes)
            queues_read = pool.submit(self._read_queues)
            limits_read = pool.submit(self._run_limits_of_late)
            jobs, nodes, queues = jobs_read.result(), nodes_read.result(), queues_read.result()
            limits = limits_read.result()
        return Reading(
            jobs=jobs.jobs,
            nodes=nodes.nodes,
            queues=queues,
            problems=jobs.problems + nodes.problems + _fatal_names(nodes),
            unreadable_nodes=nodes.unreadable,
            run_limits=limits,
            scheduling=(
                self._sched_config.scheduling()
                if self._settings.scheduler == "pbs_sched"
                else Scheduling()
            ),
        )

    def _run_limits_of_late(self) -> tuple[RunLimit, ...]:
        """The server's limits as they were `SERVER_FOR_S` seconds ago at most."""
        now_s = self._clock()
        if self._run_limits_s is None or now_s - self._run_limits_s >= SERVER_FOR_S:
            self._run_limits, self._run_limits_s = run_limits(self._server_attributes()), now_s
        return self._run_limits

    def _read_jobs(self) -> Jobs:
        return parse_jobs(_accepted(self._run("qstat", "-x", "-t")).stdout)

    def _read_nodes(self, *only: str) -> Nodes:
        answer = self._run("pbsnodes", "-x", *only)
        if _says_no_nodes(answer):
            return Nodes((), (), frozenset())
        return parse_nodes(_accepted(answer).stdout)

    def _read_queues(self) -> tuple[Queue, ...]:
        return parse_queues(_accepted(self._run("qstat", "-Q", "-f")).stdout)

    # --- nodes -----------------------------------------------------------------

    def create_nodes(self, nodes: Sequence[NewNode]) -> None:
        """Create node records, mark included. A name that exists already is left as it is."""
        if not nodes:
            return
        with ThreadPoolExecutor(min(_PARALLEL, len(nodes))) as pool:
            futures = [pool.submit(self._create_node, node) for node in nodes]
        refused: list[str] = []
        for future in futures:
            try:
                future.result()
            except (Refused, InvalidName) as error:
                refused.append(str(error))
        if refused:
            raise Refused("; ".join(refused))

    def _create_node(self, node: NewNode) -> None:
        _unless(self._qmgr(self._create_command(node)), "already exists")

    def _create_command(self, node: NewNode) -> str:
        service = node.mom_service_port or self._settings.mom_service_port
        manager = node.mom_manager_port or self._settings.mom_manager_port
        if node.name == self._settings.capacity_record:
            service = manager = _NO_MOM_PORT
        attributes = [f"np={_slots(node.np)}"]
        if node.gpus:
            attributes.append(f"gpus={_slots(node.gpus)}")
        if node.properties:
            properties = sorted(names.property_name(name) for name in node.properties)
            attributes.append(f'properties="{",".join(properties)}"')
        if node.note:
            attributes.append(f'note="{names.note_text(node.note)}"')
        if (service, manager) != (15002, 15003):
            attributes.append(f"mom_service_port={_port(service)}")
            attributes.append(f"mom_manager_port={_port(manager)}")
        return f"create node {names.node_name(node.name)} {','.join(attributes)}"

    def delete_node(self, name: str) -> None:
        """Delete a record; one that still has jobs is refused here. Takes 2 s."""
        names.host_name(name)
        answer = self._run("pbsnodes", "-x", name)
        gone = answer.exit_code == 1 and _UNKNOWN_NODE in answer.stderr
        if gone or _says_no_nodes(answer):
            return
        nodes = parse_nodes(_accepted(answer).stdout)
        if [node.name for node in nodes.nodes] != [name]:
            raise Refused(f"node {name} is not deleted: its record cannot be read")
        if jobs := nodes.nodes[0].jobs:
            raise Refused(f"node {name} is not deleted: it has jobs: {', '.join(sorted(jobs))}")
        timeout_s = self._settings.delete_timeout_s
        _unless(self._qmgr(f"delete node {name}", timeout_s=timeout_s), _UNKNOWN_NODE)

    def set_np(self, name: str, np: int, gpus: int = 0) -> None:
        """Set the number of slots (at least 1) of a node, and of its gpus unless that is 0.

        Takes effect at once. (A node that has gpus cannot be set to have none.)
        """
        more = f",gpus={_slots(gpus)}" if gpus else ""
        _accepted(self._qmgr(f"set node {names.host_name(name)} np={_slots(np)}{more}"))

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
            answer = self._run("pbsnodes", option, *noted, *some)
            if answer.exit_code != 0 or answer.stderr.strip():
                failed.append(_marking_failure(answer, some))
        if failed:
            raise Refused("; ".join(failed))

    # --- scheduler, jobs, server -------------------------------------------------

    def wake_scheduler(self) -> None:
        """Ask for a scheduling cycle now. (A node that becomes free starts none.)"""
        _accepted(self._qmgr("set server scheduling=true"))

    def rerun(self, job_id: str) -> None:
        """Put a job whose node is lost back into its queue, without asking its mom."""
        _accepted(self._run("qrerun", "-f", names.job_id(job_id)))

    def prepare(self, queues: Sequence[str], max_slots: int) -> None:
        """Set what an elastic cluster needs of the server; what is right is left alone.

        `queues` are those that are watched; none means every execution queue. A queue
        that does not exist is made if `create_queue` allows it, otherwise `Refused`.
        nodect is only ever raised, to `max_slots`.
        """
        wanted = [names.queue_name(queue) for queue in queues]
        existing = {queue.name: queue for queue in self._read_queues()}
        execution = [queue.name for queue in existing.values() if queue.execution]
        watched = wanted or execution or ["batch"]
        missing = [queue for queue in watched if queue not in existing]
        if missing and not self._settings.create_queue:
            raise Refused(
                f"the server has no queue {', '.join(missing)}; "
                "create it with qmgr, or change `queues` in the settings"
            )
        for queue in missing:
            self._make_queue(queue)
        server = self._server_attributes()
        if missing and "default_queue" not in server:
            self._set(f"server default_queue={missing[0]}")
        for change in self._server_changes(server, max_slots):
            self._set(f"server {change}")
        for name, attributes in self._queue_attributes():
            if name in watched and _number(attributes, _NODECT) < max_slots:
                self._set(f"queue {names.queue_name(name)} {_NODECT}={_slots(max_slots)}")

    def _make_queue(self, queue: str) -> None:
        attributes = "queue_type=execution,resources_default.nodes=1,enabled=true,started=true"
        _unless(self._qmgr(f"create queue {queue} {attributes}"), "already exists")

    def _server_changes(self, now: Mapping[str, str], max_slots: int) -> list[str]:
        wished: dict[str, bool | int | None] = {
            "scheduling": True,
            # Off: else the mom's own count overwrites the np that was granted.
            "auto_node_np": False,
            "down_on_error": self._settings.down_on_error,
            # Off: else a mom's error is added to the note, which carries our mark.
            "note_append_on_error": self._settings.note_append_on_error,
            "node_check_rate": self._settings.node_check_rate_s,
        }
        defaults = {"auto_node_np": "False", "note_append_on_error": "False"}
        changes = [
            f"{name}={value}"
            for name, value in wished.items()
            if value is not None and now.get(name, defaults.get(name)) != str(value)
        ]
        if _number(now, _NODECT) < max_slots:
            changes.append(f"{_NODECT}={_slots(max_slots)}")
        return changes

    def _server_attributes(self) -> Mapping[str, str]:
        records = parse_attributes(_accepted(self._run("qstat", "-B", "-f")).stdout, "Server")
        if len(records) != 1:
            raise Refused(f"qstat -B -f tells of {len(records)} servers, not of one")
        return records[0][1]

    def _queue_attributes(self) -> tuple[tuple[str, dict[str, str]], ...]:
        return parse_attributes(_accepted(self._run("qstat", "-Q", "-f")).stdout, "Queue")

    # --- commands ----------------------------------------------------------------

    def _set(self, what: str) -> None:
        _accepted(self._qmgr(f"set {what}"))

    def _qmgr(self, command: str, *, timeout_s: float | None = None) -> Answer:
        return self._run("qmgr", "-c", command, timeout_s=timeout_s)

    def _run(self, command: str, *arguments: str, timeout_s: float | None = None) -> Answer:
        return check_reached(
            self._runner.run(
                (str(self._settings.bin_dir / command), *arguments),
                timeout_s=timeout_s or self._settings.command_timeout_s,
            )
        )


def _accepted(answer: Answer) -> Answer:
    """Give `answer` back if the command succeeded, raise `Refused` if not."""
    if answer.exit_code != 0:
        raise Refused(str(answer))
    return answer


def _unless(answer: Answer, harmless: str) -> None:
    """As `_accepted`, but an error whose text has `harmless` in it is none."""
    if harmless not in answer.stderr:
        _accepted(answer)


def _says_no_nodes(answer: Answer) -> bool:
    """Whether `pbsnodes -x`, which then fails, says that there are no nodes."""
    said = any(text in answer.stderr for text in _NO_NODES)
    return answer.exit_code in (1, 2) and said and not answer.stdout.strip()


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


def _number(attributes: Mapping[str, str], name: str) -> int:
    try:
        return int(attributes.get(name, "0"))
    except ValueError:
        return 0


def _slots(np: int) -> int:
    if isinstance(np, bool) or not isinstance(np, int) or not 1 <= np <= NP_MAX:
        raise Refused(f"a number of slots is at least 1 and at most {NP_MAX}, not {np!r}")
    return np


def _port(port: int) -> int:
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
        raise Refused(f"a port is between 1 and 65535, not {port!r}")
    return port
