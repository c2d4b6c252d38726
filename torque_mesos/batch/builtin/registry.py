"""The life of node records: created, told of, reporting, noticed missing, deleted.

The delays are TORQUE's own, all scaled by one setting (`delay_scale`).
"""

from __future__ import annotations

import os
import time
from functools import partial
from typing import Callable, List, Optional

from .errors import NODEEXIST, PURGED_WITH_NODE, UNKNODE, WITH_HIERARCHY, PbsError
from .records import COMPLETE, QUEUED, SUSPENDED, Job, Node
from .running import Runner
from .state import State
from .traps import LOST_LIST
from .wire import Message

LIST_DELAY_S = 10.0
LIST_RETRY_S = 2.0
DELETE_DELAY_S = 2.0
DELETE_POLL_S = 2.0
DELETE_BUSY_LIMIT_S = 120.0

Finished = Callable[[Optional[PbsError]], None]


class Registry:
    """Keeps the node records of a server."""

    def __init__(self, state: State, runner: Runner) -> None:
        self._state = state
        self._runner = runner
        self._traps = state.traps
        self._list_pending = False
        self._has_hierarchy = False
        self._look_for_hierarchy()
        if any(node.list_unsent for node in state.nodes.values()):
            self._list_changed()
        self._check_later()

    # --- the list of nodes that every mom must know ----------------------------------

    def _list_changed(self) -> None:
        """Send the new list to all moms, ten seconds after the first change."""
        if not self._list_pending:
            self._list_pending = True
            self._state.loop.call_later(LIST_DELAY_S * self._state.scale, self._send_lists)

    def _send_lists(self) -> None:
        nodes = list(self._state.nodes.values())
        # A mom that does not answer but is thought to be up holds all new nodes up.
        needed = [node for node in nodes if node.usable]
        waiting = {node.name for node in needed}
        failed: List[str] = []

        def sent(node: Node, error: Optional[Exception]) -> None:
            if node.name in waiting:
                waiting.discard(node.name)
                if error is not None:
                    failed.append(node.name)
                self._lists_sent(waiting, failed)

        for node in nodes:
            if not node.down and not node.list_unsent:
                self._send_list(node, partial(sent, node))
        if not needed:
            self._lists_sent(waiting, failed)

    def _lists_sent(self, waiting: set[str], failed: List[str]) -> None:
        if waiting:
            return
        if failed:
            self._state.loop.call_later(LIST_RETRY_S * self._state.scale, self._send_lists)
            return
        self._list_pending = False
        for node in self._state.nodes.values():
            if node.list_unsent:
                node.list_unsent = node.offline = False
                self._state.save_node(node)

    def _send_list(self, node: Node, done: Callable[[Optional[Exception]], None]) -> None:
        state = self._state
        own = state.resolver.address(state.server) or "127.0.0.1"
        clients = [f"{own}:0"]
        for other in state.nodes.values():
            address = state.resolver.address(other.name)
            if address is not None:
                clients.append(f"{address}:{other.manager_port}")
        message: Message = {"op": "hierarchy", "clients": clients}
        state.ask_mom(node, False, message, lambda _, error: done(error))

    # --- create and delete -------------------------------------------------------------

    def _look_for_hierarchy(self) -> None:
        """As TORQUE: at the start and after a change of records; what was seen once is kept."""
        path = self._state.home.join("server_priv", "mom_hierarchy")
        self._has_hierarchy = self._has_hierarchy or os.path.exists(path)

    def _check_hierarchy(self, text: str) -> None:
        if self._has_hierarchy:
            raise PbsError(WITH_HIERARCHY, text)

    def create(self, node: Node) -> None:
        """Add a record, not usable yet. Raises `PbsError` (NODEEXIST, UNKNODE, WITH_HIERARCHY)."""
        self._check_hierarchy("Can not create node")
        if node.name in self._state.nodes:
            raise PbsError(NODEEXIST)
        if self._state.resolver.address(node.name) is None:
            raise PbsError(UNKNODE)
        self._state.nodes[node.name] = node
        self._state.had_nodes = True
        self._state.save_node(node)
        self._state.write_nodes_file()
        self._look_for_hierarchy()
        self._list_changed()

    def delete(self, name: str, finished: Finished) -> None:
        """Delete a record and, as TORQUE does, hurt its jobs.

        Calls `finished` in the end. Raises `PbsError` (UNKNODE, WITH_HIERARCHY) at once.
        """
        self._check_hierarchy("Can not delete node.")
        state = self._state
        node = state.nodes.get(name)
        if node is None:
            raise PbsError(UNKNODE)
        jobs = state.jobs_on(node)
        give_up_at = time.monotonic() + DELETE_BUSY_LIMIT_S * state.scale

        def remove(error: Optional[PbsError]) -> None:
            if state.nodes.pop(name, None) is not None:
                state.save_node(node)
                state.write_nodes_file()
                self._look_for_hierarchy()
                self._list_changed()
            finished(error)

        def look() -> None:
            left = [job for job in jobs if not _gone(state, job)]
            if not left:
                state.loop.call_later(DELETE_DELAY_S * state.scale, lambda: remove(None))
            elif time.monotonic() < give_up_at:
                state.loop.call_later(DELETE_POLL_S * state.scale, look)
            else:
                for job in left:
                    self._runner.purge(job)
                delay = DELETE_DELAY_S * state.scale
                state.loop.call_later(delay, lambda: remove(PbsError(PURGED_WITH_NODE)))

        if not jobs:
            look()
            return
        for job in jobs:
            if job.rerunable:
                self._runner.rerun(job)
            else:
                self._runner.kill(job)
        state.loop.call_later(DELETE_POLL_S * state.scale, look)

    # --- reports -------------------------------------------------------------------------

    def report(self, message: Message, address: str) -> Message:
        """A mom's status report; what it is answered."""
        state = self._state
        name = str(message.get("node", ""))
        node = state.nodes.get(name)
        if node is None or state.resolver.address(name) != address:
            state.log.write(
                f"bad attempt to connect from {address} for {name} "
                "(address not trusted - check entry in server_priv/nodes)"
            )
            return {"error": 0, "text": "address not trusted", "scale": state.scale}
        answer: Message = {"scale": state.scale, "purge": []}
        if not message.get("list") and not self._traps.strikes(LOST_LIST):
            # Also to a new node: it may learn of fewer moms than there will be in a moment,
            # and is not told of the others.
            self._send_list(node, lambda _error: None)
        if node.list_unsent:
            return answer
        if message.get("stopping"):
            node.down = True
            return answer
        node.reported = time.time()
        node.status = [str(word) for word in message.get("status", [])]
        node.down = self._says_error(node)
        if state.attributes.get("auto_node_np") == "True":
            self._take_ncpus(node)
        state.save_node(node)
        for job_id, used in dict(message.get("jobs", {})).items():
            job = state.jobs.get(job_id)
            here = job_id in node.jobs or (job is not None and job.substate == SUSPENDED)
            if job is None or not job.holds_slots or not here:
                answer["purge"].append(job_id)
            elif used:
                job.used = {str(key): str(value) for key, value in used["used"].items()}
                job.session = int(used["session"])
        return answer

    def _says_error(self, node: Node) -> bool:
        """Whether a mom's report takes its node down (`down_on_error`).

        With `note_append_on_error` its note says why, until it is well again.
        """
        texts = [word.partition("=")[2] for word in node.status if word.startswith("message=ERROR")]
        if not texts or self._state.attributes.get("down_on_error") != "True":
            if node.down and not node.offline:
                node.note = node.note.partition("ERROR")[0].removesuffix(" - ")
            return False
        append = self._state.attributes.get("note_append_on_error") == "True"
        if append and texts[0] not in node.note:
            node.note = " - ".join([*([node.note] if node.note else []), texts[0]])
        return True

    @staticmethod
    def _take_ncpus(node: Node) -> None:
        for word in node.status:
            if word.startswith("ncpus="):
                node.set_np(int(word[len("ncpus=") :]))

    def _check_later(self) -> None:
        # Never faster than moms report, however much the delays are scaled.
        rate = max(1.0, self._state.number("node_check_rate", 150) * self._state.scale)
        self._state.loop.call_later(rate, lambda: self._check(rate))

    def _check(self, rate: float) -> None:
        oldest = time.time() - rate
        for node in self._state.nodes.values():
            if not node.down and node.reported < oldest:
                node.down = True
                self._state.log.write("node down", "Node", node.name)
        self._check_later()


def _gone(state: State, job: Job) -> bool:
    return state.jobs.get(job.job_id) is not job or job.state in (QUEUED, COMPLETE)
