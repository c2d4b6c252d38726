"""What the commands and the scheduler may ask of the server."""

from __future__ import annotations

from functools import partial
from typing import Callable, Dict, List, Optional

from .answers import queue_attributes, server_attributes
from .errors import BADSTATE, IVALREQ, NONODES, PERM, SYSTEM, UNKNODE, UNKQUE, PbsError
from .job_requests import JobRequests
from .loop import Connection
from .manage import Manager
from .rights import MANAGER, USER, Rights, need
from .routes import Routes
from .running import Runner
from .sched_link import SchedulerLink
from .state import State
from .wire import Message

# As many jobs are told of at a time: others are answered between the parts of a long list.
AT_ONCE = 1000


class Requests:
    """Answers requests, each with its asker's uid."""

    def __init__(
        self, state: State, runner: Runner, manager: Manager, scheduler: SchedulerLink
    ) -> None:
        self.state = state
        self.runner = runner
        self.manager = manager
        self.scheduler = scheduler
        self.rights = Rights(state)
        self.jobs_of = JobRequests(state, runner, self.rights)
        self.routes = Routes(state, self.jobs_of.holds)

    def handle(self, uid: int, connection: Connection, message: Message, host: str = "") -> None:
        """Answer one request; a bad one is answered with an error. `host`: as in `Rights`."""
        self.rights.host = host
        operation = str(message.get("op"))
        try:
            self.rights.check_asker(uid)
            handler = _HANDLERS.get(operation)
            if handler is not None:
                handler(self, uid, message, connection)
            elif operation in self.jobs_of.handlers:
                job = self.state.find_job(str(message.get("id")))
                finish = partial(self._answer, operation, uid, connection)
                self.jobs_of.handlers[operation](uid, message, finish)
                if job is not None:
                    purge = bool(message.get("purge"))
                    self.jobs_of.log.asked(operation, job, uid, purge)
            else:
                raise PbsError(IVALREQ)
        except PbsError as error:
            self._answer(operation, uid, connection, error)
        except OSError as error:
            self.state.log.write(f"LOG_ERROR::{message.get('op')}: {error}")
            connection.send(PbsError(SYSTEM, detail=str(error)).as_reply())
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            self.state.log.write(f"bad message ignored: {error!r}: {str(message)[:200]}")
            connection.send(PbsError(IVALREQ).as_reply())
        except Exception as error:
            connection.close(error)  # who asks must not wait for what will not come
            raise

    def _answer(
        self, operation: str, uid: int, connection: Connection, error: Optional[PbsError]
    ) -> None:
        if error is not None:
            self.jobs_of.log.refused(operation, uid, error)
        self._finish(connection, error)

    def _finish(self, connection: Connection, error: Optional[PbsError]) -> None:
        self.state.keep()
        connection.send({} if error is None else error.as_reply())

    # --- requests -------------------------------------------------------------------------

    def jobs(self, uid: int, message: Message, connection: Connection) -> None:
        """Jobs with their attributes: all, one, or those of a queue.

        An array is told of as one job, or with `members` as its members. With `brief` only
        what a plain list shows.
        """
        privileged = self.rights.rank(uid) > USER
        queue = message.get("queue")
        if queue is not None and queue not in self.state.queues:
            raise PbsError(UNKQUE)
        members = bool(message.get("members"))
        if message.get("id") is not None:
            job = self.rights.job(message)
            if not self.rights.may_see(uid, job):
                raise PbsError(PERM)
            wanted = self.jobs_of.arrays.expanded(job) if members else [job]
        else:
            jobs = self.jobs_of.arrays.listed(members)
            may_see = self.rights.may_see
            wanted = [job for job in jobs if queue in (None, job.queue) and may_see(uid, job)]
        name = self.state.server
        shown = partial(self.jobs_of.shown, brief=bool(message.get("brief")))
        connection.stream(
            {
                "jobs": [[job.job_id, shown(job, name, privileged)] for job in part],
                "more": first + AT_ONCE < len(wanted),
            }
            for first in range(0, max(1, len(wanted)), AT_ONCE)
            for part in [wanted[first : first + AT_ONCE]]
        )

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

    def select(self, uid: int, message: Message, connection: Connection) -> None:
        """`qselect`."""
        criteria = [(str(o), str(op), str(value)) for o, op, value in message["criteria"]]
        connection.send({"ids": self.jobs_of.selected(uid, criteria)})

    def submit(self, uid: int, message: Message, connection: Connection) -> None:
        """`qsub`."""
        job = self.jobs_of.submission.submit(message, uid)
        self.jobs_of.log.submitted(job)
        connection.send({"id": job.job_id})

    def manage(self, uid: int, message: Message, connection: Connection) -> None:
        """`qmgr`."""
        finish = partial(self._answer, "manage", uid, connection)
        self.manager.manage(message, self.rights.rank(uid), finish)

    def mark_node(self, uid: int, message: Message, connection: Connection) -> None:
        """`pbsnodes -o/-c/-r/-N`."""
        self.manager.mark_node(message, self.rights.rank(uid))
        self._finish(connection, None)

    def terminate(self, uid: int, _: Message, connection: Connection) -> None:
        """`qterm`: jobs go on."""
        if self.rights.rank(uid) == USER:
            raise PbsError(PERM)
        connection.send({}, last=True)
        self.state.loop.stop()

    def attach(self, uid: int, _: Message, connection: Connection) -> None:
        """pbs_sched has come to stay."""
        if not self.rights.is_owner(uid):
            raise PbsError(PERM)
        self.scheduler.attach(connection)

    def sched_view(self, uid: int, _: Message, connection: Connection) -> None:
        """What a scheduling cycle works on."""
        need(self.rights.rank(uid), MANAGER)
        view = self.scheduler.view.take()
        jobs = view.pop("jobs")
        parts = range(0, max(1, len(jobs)), AT_ONCE)
        connection.stream(
            {
                **({} if first else view),
                "jobs": jobs[first : first + AT_ONCE],
                "more": first + AT_ONCE < len(jobs),
            }
            for first in parts
        )

    def sched_do(self, uid: int, message: Message, connection: Connection) -> None:
        """What a scheduling cycle has found out about one job."""
        need(self.rights.rank(uid), MANAGER)
        job = self.state.find_job(str(message["id"]))
        if job is None or job.state != "Q":
            raise PbsError(BADSTATE)
        self.scheduler.act(job, message)
        connection.send({})

    def sched_comments(self, uid: int, message: Message, connection: Connection) -> None:
        """Why jobs do not run now."""
        need(self.rights.rank(uid), MANAGER)
        for job_id, comment in message["comments"]:
            job = self.state.find_job(str(job_id))
            if job is not None and job.state == "Q":
                self.scheduler.act(job, {"do": "comment", "comment": comment})
        connection.send({})

    def sched_done(self, uid: int, _: Message, connection: Connection) -> None:
        """A scheduling cycle is over."""
        need(self.rights.rank(uid), MANAGER)
        self.scheduler.done()
        connection.send({})


_HANDLERS: Dict[str, Callable[[Requests, int, Message, Connection], None]] = {
    "jobs": Requests.jobs,
    "nodes": Requests.nodes,
    "queues": Requests.queues,
    "server": Requests.server,
    "select": Requests.select,
    "submit": Requests.submit,
    "manage": Requests.manage,
    "mark_node": Requests.mark_node,
    "terminate": Requests.terminate,
    "attach": Requests.attach,
    "sched_view": Requests.sched_view,
    "sched_do": Requests.sched_do,
    "sched_comments": Requests.sched_comments,
    "sched_done": Requests.sched_done,
}
