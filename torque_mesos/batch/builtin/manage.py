"""qmgr and pbsnodes at the server: changes of nodes, queues and the server itself."""

from __future__ import annotations

import time
from typing import Callable, Dict, List, Optional, Tuple

from .attributes import QUEUE, SERVER, change, changed_list
from .errors import (
    BADATVAL,
    BADNDATVAL,
    HIERARCHY_NOT_SENT,
    INTERNAL,
    IVALREQ,
    NOATTR,
    QUEBUSY,
    QUEEXIST,
    QUENBIG,
    QUENOEN,
    UNKNODE,
    UNKQUE,
    PbsError,
)
from .records import COMPLETE, Node
from .registry import Registry
from .resources import normal
from .rights import MANAGER, OPERATOR, need
from .state import State
from .wire import Message

Change = Tuple[str, str, str, str]  # name, resource, operator, value
Finished = Callable[[Optional[PbsError]], None]

_LONGEST_NAME = 15
_STATES = {"free", "offline", "down"}


class Manager:
    """Carries out what managers and operators order."""

    def __init__(self, state: State, registry: Registry) -> None:
        self._state = state
        self._registry = registry

    def manage(self, request: Message, rank: int, finished: Finished) -> None:
        """One command of qmgr. Calls `finished`, or raises `PbsError`."""
        verb, kind, name = request["verb"], request["object"], request["name"]
        changes: List[Change] = [tuple(change) for change in request["changes"]]
        need(rank, MANAGER if verb in ("create", "delete") else OPERATOR)
        if verb == "create":
            self._state.room.need()
        if kind == "node" and verb == "delete":
            self._registry.delete(name, finished)
            return
        if kind == "node":
            self._node(verb, name, changes)
        elif kind == "queue":
            self._queue(verb, name, changes)
        else:
            self._server(verb, changes)
        finished(None)

    # --- nodes ---------------------------------------------------------------------

    def _node(self, verb: str, name: str, changes: List[Change]) -> None:
        if verb == "unset":
            raise PbsError(IVALREQ)
        if verb == "create":
            node = Node(name)
            node.service_port = self._state.mom_service_port
            node.manager_port = self._state.mom_manager_port
        else:
            node = find_node(self._state, name)
        for change_ in changes:
            self._check_node(node, change_, verb)
        for change_ in changes:
            self._change_node(node, change_)
        if verb == "create":
            self._registry.create(node)
        else:
            self._state.save_node(node)
            # As TORQUE: gpus alone reach the file with the next change of another kind only.
            if {name for name, *_ in changes} != {"gpus"}:
                self._state.write_nodes_file()

    def _check_node(self, node: Node, change_: Change, verb: str) -> None:
        name, _, operator, value = change_
        known = ("np", "gpus", "properties", "note", "state", "ntype", "mom_service_port")
        if name not in (*known, "mom_manager_port"):
            raise PbsError(NOATTR, detail=f" {name}")
        if name == "gpus" and operator != "=":
            raise PbsError(INTERNAL)
        if name in ("np", "gpus", "mom_service_port", "mom_manager_port"):
            if not value.isdigit() or int(value) == 0:
                raise PbsError(BADATVAL)
        elif name == "ntype" and value != "cluster":
            raise PbsError(BADNDATVAL, detail=" ntype")
        elif name == "state" and set(value.split(",")) - _STATES:
            raise PbsError(BADNDATVAL, detail=" state")
        if name == "state" and verb != "create":
            if node.list_unsent:
                raise PbsError(HIERARCHY_NOT_SENT)
            if operator == "+=" and node.state == "free":
                raise PbsError(INTERNAL)

    def _change_node(self, node: Node, change_: Change) -> None:
        name, _, operator, value = change_
        if name == "np":
            node.set_np(int(value))
        elif name == "gpus":
            node.gpus = int(value)
        elif name == "properties":
            node.properties = changed_list(",".join(node.properties), operator, value)
        elif name == "note":
            node.note = value
        elif name == "ntype":
            node.ntype = value
        elif name == "mom_service_port":
            node.service_port = int(value)
        elif name == "mom_manager_port":
            node.manager_port = int(value)
        else:
            self._change_state(node, operator, value)

    @staticmethod
    def _change_state(node: Node, operator: str, value: str) -> None:
        words = set(value.split(","))
        if operator == "=":
            node.offline, node.down = "offline" in words, "down" in words
        else:
            node.offline = (
                (node.offline or operator == "+=") if "offline" in words else node.offline
            )
            node.offline = node.offline and not (operator == "-=" and "offline" in words)
            node.down = node.down and not (operator == "-=" and "down" in words)

    def mark_node(self, request: Message, rank: int) -> None:
        """`pbsnodes -o/-c/-r/-N`. Raises `PbsError`."""
        need(rank, OPERATOR)
        node = find_node(self._state, request["name"])
        action = request["action"]
        if action and node.list_unsent:
            raise PbsError(HIERARCHY_NOT_SENT)
        if action == "offline":
            node.offline = True
        elif action in ("clear", "reset"):
            node.offline = False
            node.down = node.down or action == "reset"
        if request.get("note") is not None:
            # TORQUE takes a single n for none.
            node.note = "" if request["note"] == "n" else str(request["note"])
        self._state.save_node(node)

    # --- queues and the server -------------------------------------------------------

    def _queue(self, verb: str, name: str, changes: List[Change]) -> None:
        state = self._state
        if verb == "create":
            if len(name) > _LONGEST_NAME:
                raise PbsError(QUENBIG)
            if name in state.queues:
                raise PbsError(QUEEXIST)
            values: Dict[str, str] = {}
        elif name not in state.queues:
            raise PbsError(UNKQUE)
        else:
            values = dict(state.queues[name])
        if verb == "delete":
            if any(job.queue == name and job.state != COMPLETE for job in state.jobs.values()):
                raise PbsError(QUEBUSY)
            del state.queues[name]
        else:
            for attribute, part, operator, value in changes:
                change(QUEUE, values, attribute, part, operator, value)
                if attribute == "queue_type" and operator != "unset":
                    values["queue_type"] = _queue_type(value)
            routes = values.get("queue_type") == "Route"
            incomplete = not values.get("queue_type")
            if routes and not values.get("route_destinations"):
                incomplete = True
            if values.get("enabled") == "True" and incomplete:
                raise PbsError(QUENOEN)
            values["mtime"] = str(int(time.time()))
            state.queues[name] = values
        state.save_queue(name)

    def _server(self, verb: str, changes: List[Change]) -> None:
        if verb not in ("set", "unset"):
            raise PbsError(IVALREQ, "Invalid object type")
        values = dict(self._state.attributes)
        for attribute, part, operator, value in changes:
            change(SERVER, values, attribute, part, operator, value)
        self._state.next_job = int(values.pop("next_job_number", self._state.next_job))
        self._state.attributes = values
        self._state.save_server()
        for attribute, _, operator, value in changes:
            on = operator != "unset" and attribute == "scheduling"
            if on and normal("boolean", attribute, value) == "True":
                self._state.kick("scheduling was set")


def find_node(state: State, name: str) -> Node:
    """The node record of that name. Raises `PbsError` (UNKNODE)."""
    node = state.nodes.get(name)
    if node is None:
        raise PbsError(UNKNODE)
    return node


def _queue_type(value: str) -> str:
    for kind in ("Execution", "Route"):
        if value and kind.lower().startswith(value.lower()):
            return kind
    raise PbsError(BADATVAL)
