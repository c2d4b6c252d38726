"""The server's whole state, and how it reaches the disk."""

from __future__ import annotations

import os
import socket
from operator import attrgetter
from typing import Callable, Dict, List, Optional, Sequence, Set, Tuple, Union

from . import nodes_file
from .accounting import Accounting
from .array_request import parse
from .attributes import SERVER_DEFAULTS
from .auth import open_tcp, user_name
from .home import MOM_MANAGER_PORT, MOM_SERVICE_PORT, SERVER_PORT, Home, LogFile
from .loop import Loop, request
from .mail import Mail
from .names import Resolver
from .nodespec import Choice, Chunk, choose
from .records import SUSPENDED, Array, Job, Node
from .room import Room
from .rotation import ACCOUNTING, limits
from .seal import seal_of
from .store import NotKept, Store
from .tally import Tally
from .traps import Traps
from .wire import Message

Done = Callable[[Optional[Message], Optional[Exception]], None]

# So many changes are written in a turn of their own: all of a large array at once take seconds.
KEEP_AT = 2000


class State:
    """Jobs, nodes, queues and attributes; owned by the server's one thread."""

    def __init__(self, home: Home, loop: Loop, log: LogFile) -> None:
        self.home = home
        self.loop = loop
        self.log = log
        self.server = home.server_name or socket.gethostname()
        self.resolver = Resolver(home.join("hosts"))
        settings = home.settings
        self.scale = float(settings.get("delay_scale", 1.0))
        self.traps = Traps(settings)
        self.nodect = 0
        self.port = int(settings.get("server_port", SERVER_PORT))
        self.mom_service_port = int(settings.get("mom_service_port", MOM_SERVICE_PORT))
        self.mom_manager_port = int(settings.get("mom_manager_port", MOM_MANAGER_PORT))
        self.seal = seal_of(str(settings.get("auth", "")), home.secret("server_priv"))
        kept = limits(settings, "accounting", ACCOUNTING)
        self.accounting = Accounting(home.join("server_priv", "accounting"), kept)
        self.mail = Mail(
            str(settings.get("sendmail", "")),
            loop,
            lambda: self.attributes,
            lambda text, job: log.write(text, "Job", job.job_id),
        )
        self.nodes: Dict[str, Node] = {}
        self.jobs: Dict[str, Job] = {}
        self.arrays: Dict[str, Array] = {}
        self._tallies: Dict[str, Tally] = {}
        self.queues: Dict[str, Dict[str, str]] = {}
        self.attributes: Dict[str, str] = {}
        self.next_job = 0
        self.next_rank = 1
        # Jobs that have changed since the scheduler last looked.
        self.touched: Set[str] = set()
        self.kick: Callable[[str], None] = lambda _why: None
        self.had_nodes = False
        self._nodes_path = home.join("server_priv", "nodes")
        self.store = Store(home.join("server_priv", "serverdb"))
        self.room = Room(home)
        self._trouble = ""
        loop.after_turn.append(self.keep)

    def is_new(self) -> bool:
        """Whether no server has ever been made here."""
        return not list(self.store.load("server"))

    def create(self) -> None:
        """Forget everything, as `pbs_server -t create` does, but for the file `nodes`."""
        for kind in ("server", "queue", "node", "job", "array"):
            for key, _ in self.store.load(kind):
                self.store.put(kind, key, None)
        self.store.flush()
        manager = f"{user_name(os.geteuid())}@{socket.gethostname()}"
        self.attributes = {**SERVER_DEFAULTS, "acl_hosts": self.server}
        self.attributes.update(managers=manager, operators=manager)
        self.save_server()

    def load(self) -> None:
        """Read everything back. All nodes are down until they report. Raises `BadNodesFile`."""
        for _, record in self.store.load("server"):
            self.attributes = record["attributes"]
            self.next_job, self.next_rank = record["next_job"], record["next_rank"]
        for name, record in self.store.load("queue"):
            self.queues[name] = record
        self._load_nodes()
        for array_id, record in self.store.load("array"):
            length = record.pop("length")
            record["job"] = Job(**record["job"])
            request = record["job"].others["job_array_request"]
            self.arrays[array_id] = Array(indexes=parse(request)[0][:length], **record)
        for job_id, record in self.store.load("job"):
            for held in ("hosts", "gpus"):
                record[held] = [(node, indexes) for node, indexes in record.get(held, [])]
            job = self.jobs[job_id] = Job(**record)
            if job.array_id is not None:
                job.script = self.arrays[job.array_name].job.script
                self.tally(job).note(job)
            if job.holds_slots and job.substate != SUSPENDED:
                self._hold_again(job)

    def _hold_again(self, job: Job) -> None:
        for name, slots in job.hosts:
            node = self.nodes.get(name)
            if node is not None:
                node.take_again(job, slots)

    def _load_nodes(self) -> None:
        """The file `nodes` says which there are; our own records add what it cannot hold."""
        records = {name: Node(**record) for name, record in self.store.load("node")}
        ports = (self.mom_service_port, self.mom_manager_port)
        try:
            written = nodes_file.read(self._nodes_path, ports)
        except FileNotFoundError:
            written = list(records.values())
        for node in written:
            kept = records.pop(node.name, None)
            if kept is not None:
                node.note, node.offline, node.status = kept.note, kept.offline, kept.status
                node.list_unsent = kept.list_unsent
            self.nodes[node.name] = node
        for gone in records.values():
            self.save_node(gone)

    def keep(self) -> None:
        """Bring what has changed to the disk; what it does not take is tried again."""
        self.accounting.flush()
        try:
            self.store.flush()
        except NotKept as error:
            if not self._trouble:
                self.log.write(f"LOG_ERROR::cannot save: {error}; it is tried again every second")
                self.loop.call_later(1.0, self._keep_again)
            self._trouble = str(error)
            return
        if self._trouble:
            self._trouble = ""
            self.log.write("all is saved again")

    def _keep_again(self) -> None:
        self.keep()
        if self._trouble:
            self.loop.call_later(1.0, self._keep_again)

    # --- saving ---------------------------------------------------------------

    def save_server(self) -> None:
        """Keep the server's attributes and counters."""
        record = {
            "attributes": self.attributes,
            "next_job": self.next_job,
            "next_rank": self.next_rank,
        }
        self.store.put("server", "server", record)

    def save_queue(self, name: str) -> None:
        """Keep a queue, or forget it where it is gone."""
        self.store.put("queue", name, self.queues.get(name))

    def save_job(self, job: Job) -> None:
        """Keep a job, or forget it where it is gone."""
        kept = self.jobs.get(job.job_id) is job
        record = dict(vars(job))
        if job.array_id is not None:
            # One script for all of an array: 100,000 copies would fill disks.
            record["script"] = ""
            self._count(job, kept)
        self.store.put("job", job.job_id, record if kept else None)
        if self.store.waiting == KEEP_AT:
            self.loop.call_later(0, self.keep)
        if kept:
            self.touched.add(job.job_id)
        else:
            self.touched.discard(job.job_id)

    def _count(self, job: Job, kept: bool) -> None:
        if kept:
            self.tally(job).note(job)
        elif job.array_name in self.arrays:
            self.tally(job).drop(job)

    def tally(self, of: Union[Array, Job]) -> Tally:
        """The members of an array, or of a member's, counted."""
        name = of.job.job_id if isinstance(of, Array) else of.array_name
        return self._tallies.setdefault(name, Tally())

    def save_array(self, array: Array) -> None:
        """Keep an array, or forget it where it is gone."""
        name = array.job.job_id
        if name not in self.arrays:
            self._tallies.pop(name, None)
            self.store.put("array", name, None)
            return
        # The indexes are in the job's request; all of them each time would take too long.
        record = {"job": dict(vars(array.job)), "length": len(array.indexes)}
        record.update(slot_limit=array.slot_limit, made=array.made, pending=array.pending)
        self.store.put("array", name, record)

    def save_node(self, node: Node) -> None:
        """Keep a node, or forget it where it is gone."""
        kept = self.nodes.get(node.name) is node
        self.store.put("node", node.name, node.as_record() if kept else None)

    def write_nodes_file(self) -> None:
        """Write `server_priv/nodes`."""
        nodes_file.write(self._nodes_path, self.nodes.values())

    # --- asking and telling ------------------------------------------------------

    def number(self, name: str, otherwise: int = 0) -> int:
        """A server attribute that is a number."""
        return int(self.attributes.get(name, otherwise))

    def learn_nodect(self) -> None:
        """Look at `resources_available.nodect`: like TORQUE's, the server does at a qsub only.

        Until then `nodect` is 0, also after a restart.
        """
        self.nodect = self.number("resources_available.nodect")

    def total_slots(self) -> int:
        """The slots of all nodes, in any state."""
        return sum(map(attrgetter("np"), self.nodes.values()))

    def choose(
        self, chunks: Sequence[Chunk], enough: Optional[int] = None
    ) -> Tuple[List[Node], Choice]:
        """All nodes, and what a search over them finds now (see `nodespec.choose`)."""
        nodes = list(self.nodes.values())
        choice = choose(
            chunks,
            nodes,
            lambda node: node.names,
            lambda node: node.np,
            lambda node: node.free_slots,
            enough,
            lambda node: node.gpus,
            lambda node: node.free_gpus,
        )
        return nodes, choice

    def find_job(self, text: str) -> Optional[Job]:
        """A job by its id, with or without the server's name."""
        if "." not in text:
            text = f"{text}.{self.server}"
        array = self.arrays.get(text)
        return self.jobs.get(text) if array is None else array.job

    def jobs_on(self, node: Node) -> List[Job]:
        """The jobs that hold slots of a node."""
        return [self.jobs[job_id] for job_id in node.jobs if job_id in self.jobs]

    def ask_mom(self, node: Node, service: bool, message: Message, done: Done) -> None:
        """Send a message to a node's mom (its service or its manager port)."""
        address = self.resolver.address(node.name)
        port = node.service_port if service else node.manager_port
        own = self.resolver.address(self.server)
        loopback = address is not None and address.startswith("127.")

        def connect() -> socket.socket:
            if address is None:
                raise OSError(f"no address for {node.name}")
            return open_tcp((address, port), own if loopback and own else None)

        def answered(reply: Optional[Message], error: Optional[Exception]) -> None:
            if error is not None:
                self.log.write(f"{message['op']} to {node.name}: {error}", "Node", node.name)
            done(reply, error)

        request(self.loop, connect, message, answered, self.seal, 5.0)
