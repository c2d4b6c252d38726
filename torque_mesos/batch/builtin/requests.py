"""What the commands and the scheduler may ask of the server."""

from __future__ import annotations

import os
import socket
from functools import partial
from typing import Callable, Dict, List, Optional

from .answers import queue_attributes, scheduler_view, server_attributes
from .auth import user_name
from .errors import BADSTATE, IVALREQ, NONODES, PERM, UNKJOBID, UNKNODE, UNKQUE, PbsError
from .loop import Connection
from .manage import MANAGER, OPERATOR, USER, Manager, need
from .records import Job
from .running import Runner
from .sched_link import SchedulerLink
from .state import State
from .submit import submit
from .wire import Message


class Requests:
    """Answers requests that came through the unix socket, each with its asker's uid."""

    def __init__(
        self, state: State, runner: Runner, manager: Manager, scheduler: SchedulerLink
    ) -> None:
        self.state = state
        self.runner = runner
        self.manager = manager
        self.scheduler = scheduler

    def handle(self, uid: int, connection: Connection, message: Message) -> None:
        """Answer one request; a bad one is answered with an error."""
        try:
            handler = _HANDLERS.get(str(message.get("op")))
            if handler is None:
                raise PbsError(IVALREQ)
            handler(self, uid, message, connection)
        except PbsError as error:
            connection.send(error.as_reply())
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            self.state.log.write(f"bad message ignored: {error!r}: {str(message)[:200]}")
            connection.send(PbsError(IVALREQ).as_reply())

    def _finish(self, connection: Connection, error: Optional[PbsError]) -> None:
        self.state.store.flush()
        connection.send({} if error is None else error.as_reply())

    # --- rights -------------------------------------------------------------------------

    def rank(self, uid: int) -> int:
        """MANAGER, OPERATOR or USER."""
        if uid in (0, os.geteuid()):
            return MANAGER
        name, host = user_name(uid), socket.gethostname()
        for rank, acl in ((MANAGER, "managers"), (OPERATOR, "operators")):
            for entry in self.state.attributes.get(acl, "").split(","):
                user, _, where = entry.partition("@")
                if user == name and where in ("*", "", host, self.state.server):
                    return rank
        return USER

    def _own_job(self, uid: int, message: Message) -> Job:
        job = self._job(message)
        if uid != job.uid and self.rank(uid) == USER:
            raise PbsError(PERM, "operation not permitted")
        return job

    def _may_see(self, uid: int, job: Job) -> bool:
        others = self.state.attributes.get("query_other_jobs") == "True"
        return others or uid == job.uid or self.rank(uid) > USER

    def _job(self, message: Message) -> Job:
        job = self.state.find_job(str(message["id"]))
        if job is None:
            raise PbsError(UNKJOBID)
        return job

    # --- requests -------------------------------------------------------------------------

    def jobs(self, uid: int, message: Message, connection: Connection) -> None:
        """Jobs with their attributes: all, one, or those of a queue."""
        privileged = self.rank(uid) > USER
        queue = message.get("queue")
        if queue is not None and queue not in self.state.queues:
            raise PbsError(UNKQUE)
        if message.get("id") is not None:
            wanted = [self._job(message)]
            if not self._may_see(uid, wanted[0]):
                raise PbsError(PERM)
        else:
            jobs = sorted(self.state.jobs.values(), key=lambda job: int(job.number))
            wanted = [job for job in jobs if queue in (None, job.queue) and self._may_see(uid, job)]
        name = self.state.server
        told = [[job.job_id, job.attributes(name, privileged)] for job in wanted]
        connection.send({"jobs": told})

    def nodes(self, _: int, message: Message, connection: Connection) -> None:
        """Nodes with their attributes."""
        names: List[str] = message.get("names") or list(self.state.nodes)
        if not names and not self.state.had_nodes:
            raise PbsError(NONODES, "node list is empty - check 'server_priv/nodes' file")
        told = []
        for name in names:
            if name not in self.state.nodes:
                raise PbsError(UNKNODE, "cannot locate specified node")
            told.append([name, self.state.nodes[name].attributes()])
        connection.send({"nodes": told})

    def queues(self, _: int, message: Message, connection: Connection) -> None:
        """Queues with their attributes."""
        names: List[str] = message.get("names") or list(self.state.queues)
        for name in names:
            if name not in self.state.queues:
                raise PbsError(UNKQUE, f"cannot locate queue {name}")
        told = [[name, queue_attributes(self.state, name)] for name in names]
        connection.send({"queues": told})

    def server(self, _uid: int, _message: Message, connection: Connection) -> None:
        """The server with its attributes."""
        connection.send({"server": [[self.state.server, server_attributes(self.state)]]})

    def submit(self, uid: int, message: Message, connection: Connection) -> None:
        """`qsub`."""
        job = submit(self.state, self.runner, message, uid)
        connection.send({"id": job.job_id})

    def delete(self, uid: int, message: Message, connection: Connection) -> None:
        """`qdel [-p]`."""
        purge = bool(message.get("purge"))
        job = self._job(message) if purge else self._own_job(uid, message)
        if purge:
            if self.rank(uid) == USER:
                raise PbsError(PERM)
            self.runner.purge(job)
            self._finish(connection, None)
            return
        by = f"{user_name(uid)}@{socket.gethostname()}"
        self.runner.delete(job, by, partial(self._finish, connection))

    def rerun(self, uid: int, message: Message, connection: Connection) -> None:
        """`qrerun [-f]`."""
        job = self._own_job(uid, message)
        if self.rank(uid) == USER:
            message_ = "additional permissions required (ATR_DFLAG_MGWR | ATR_DFLAG_OPWR)"
            raise PbsError(PERM, message_)
        self.runner.rerun(job, partial(self._finish, connection), bool(message.get("force")))

    def run(self, uid: int, message: Message, connection: Connection) -> None:
        """`qrun`."""
        job = self._job(message)
        if self.rank(uid) == USER:
            raise PbsError(PERM)
        if self.state.queues.get(job.queue, {}).get("started") != "True":
            raise PbsError(IVALREQ, "attempt to start job in non-started queue")
        self.runner.run(job, str(message.get("hosts") or ""))
        self.runner.set_comment(job)
        self._finish(connection, None)

    def manage(self, uid: int, message: Message, connection: Connection) -> None:
        """`qmgr`."""
        self.manager.manage(message, self.rank(uid), partial(self._finish, connection))

    def mark_node(self, uid: int, message: Message, connection: Connection) -> None:
        """`pbsnodes -o/-c/-r/-N`."""
        self.manager.mark_node(message, self.rank(uid))
        self._finish(connection, None)

    def terminate(self, uid: int, _: Message, connection: Connection) -> None:
        """`qterm`: jobs go on."""
        if self.rank(uid) == USER:
            raise PbsError(PERM)
        connection.send({}, last=True)
        self.state.loop.stop()

    def attach(self, uid: int, _: Message, connection: Connection) -> None:
        """pbs_sched has come to stay."""
        if uid not in (0, os.geteuid()):
            raise PbsError(PERM)
        self.scheduler.attach(connection)

    def sched_view(self, uid: int, _: Message, connection: Connection) -> None:
        """What a scheduling cycle works on."""
        need(self.rank(uid), MANAGER)
        connection.send({**scheduler_view(self.state)})

    def sched_do(self, uid: int, message: Message, connection: Connection) -> None:
        """What a scheduling cycle has found out about one job."""
        need(self.rank(uid), MANAGER)
        job = self.state.find_job(str(message["id"]))
        if job is None or job.state != "Q":
            raise PbsError(BADSTATE)
        self.scheduler.act(job, message)
        connection.send({})

    def sched_done(self, uid: int, _: Message, connection: Connection) -> None:
        """A scheduling cycle is over."""
        need(self.rank(uid), MANAGER)
        self.scheduler.done()
        connection.send({})


_HANDLERS: Dict[str, Callable[[Requests, int, Message, Connection], None]] = {
    "jobs": Requests.jobs,
    "nodes": Requests.nodes,
    "queues": Requests.queues,
    "server": Requests.server,
    "submit": Requests.submit,
    "delete": Requests.delete,
    "rerun": Requests.rerun,
    "run": Requests.run,
    "manage": Requests.manage,
    "mark_node": Requests.mark_node,
    "terminate": Requests.terminate,
    "attach": Requests.attach,
    "sched_view": Requests.sched_view,
    "sched_do": Requests.sched_do,
    "sched_done": Requests.sched_done,
}
