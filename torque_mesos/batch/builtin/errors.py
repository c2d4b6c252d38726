"""TORQUE's error codes and texts, as its commands print them."""

from __future__ import annotations

from typing import Any, Dict, Optional

UNKJOBID = 15001
NOATTR = 15002
ATTRRO = 15003
IVALREQ = 15004
PERM = 15007
JOBEXIST = 15011
BADHOST = 15010
SYSTEM = 15012
INTERNAL = 15013
BADATVAL = 15016
MODATRRUN = 15017
BADSTATE = 15018
UNKQUE = 15020
QUNOENB = 15023
QACCESS = 15024
BADUSER = 15025
QUEEXIST = 15027
QUEBUSY = 15029
QUENBIG = 15030
QUENOEN = 15032
UNKRESC = 15037
EXCQRESC = 15038
QUENODFLT = 15039
NORERUN = 15040
MOMREJECT = 15043
RESCUNAV = 15046
UNKNODE = 15064
UNKNODEATR = 15065
NONODES = 15066
NODEEXIST = 15068
BADNDATVAL = 15069
SYNTAX = 15131
NORELYMOM = 15072
UNKSIG = 15015
BADGRP = 15047
MAXQUED = 15048
BADDEPEND = 15056
DUPLIST = 15057
ROUTEREJ = 15041
BADARRAY = 15083
TIMEOUT = 15085
NOTHELD = 15174
RESC_CONFLICT = 15159
SAMEQUEUE = 15127
HIERARCHY_NOT_SENT = 15155
PURGED_WITH_NODE = 15156
WITH_HIERARCHY = 15154

_TEXTS: Dict[int, str] = {
    UNKJOBID: "Unknown Job Id Error",
    NOATTR: "Undefined attribute ",
    ATTRRO: "Cannot set attribute, read only or insufficient permission ",
    IVALREQ: "Invalid request",
    PERM: "Unauthorized Request ",
    JOBEXIST: "Job with requested ID already exists",
    SAMEQUEUE: "Job is already in destination queue.",
    RESC_CONFLICT: "This job's resource request conflicts with the queue's default resources.",
    BADHOST: "Access from host not allowed, or unknown host",
    SYSTEM: "PBS_Server System error: ",
    INTERNAL: "PBS server internal error",
    BADATVAL: "Illegal attribute or resource value for",
    MODATRRUN: "Cannot modify attribute while job running ",
    BADSTATE: "Request invalid for state of job",
    UNKQUE: "Unknown queue",
    QUNOENB: "Queue is not enabled",
    QACCESS: "Access to queue is denied",
    BADUSER: "Bad UID for job execution",
    QUEEXIST: "Queue already exists",
    QUEBUSY: "Cannot delete busy queue",
    QUENBIG: "Queue name too long",
    DUPLIST: "Duplicate entry in list ",
    QUENOEN: "Cannot enable queue, incomplete definition",
    BADNDATVAL: "Illegal value for ",
    UNKRESC: "Unknown resource type ",
    EXCQRESC: "Job exceeds queue resource limits",
    QUENODFLT: "No default queue specified",
    NORERUN: "job is not rerunnable",
    MOMREJECT: "Execution server rejected request",
    RESCUNAV: "Resource temporarily unavailable",
    UNKNODE: "Unknown node ",
    UNKNODEATR: "Unknown node-attribute ",
    NONODES: "Server has no node list",
    NODEEXIST: "Node name already exists",
    UNKSIG: "Unknown/illegal signal name",
    BADGRP: "Bad GID for job execution",
    MAXQUED: "Maximum number of jobs already in queue",
    BADDEPEND: "Invalid Job Dependency",
    ROUTEREJ: "Job rejected by all possible destinations (check syntax, queue resources, ...)",
    TIMEOUT: "Time out",
    BADARRAY: "Bad Job Array Request",
    NOTHELD: (
        "The requested state or substate can't be set from the job's current state "
        "(slot limit in effect)."
    ),
    SYNTAX: "Command syntax invalid",
    NORELYMOM: "Server could not connect to MOM",
    HIERARCHY_NOT_SENT: (
        "The updated okclients list hasn't been sent out to the cluster yet. The node(s) will "
        "automatically update to free once this is done and the mom has reported in."
    ),
    WITH_HIERARCHY: (
        "Nodes may not be dynamically created or deleted if there is a mom_hierarchy file."
    ),
    PURGED_WITH_NODE: (
        "The server was unable to communicate with the MOM to requeue or delete the job. The node "
        "has been deleted and all jobs on the node have been purged."
    ),
}


class PbsError(Exception):
    """A request was refused: a code of TORQUE's, and what it says.

    `detail` follows the code's own text; `message` follows ` MSG=`, as TORQUE prints it.
    """

    def __init__(self, code: int, message: str = "", detail: str = "") -> None:
        self.code = code
        self.name = _TEXTS.get(code, "")
        self.text = self.name + detail
        if message:
            self.text += f" MSG={message}"
        super().__init__(self.text)

    @property
    def exit_code(self) -> int:
        """What a command exits with: the code's lowest byte."""
        return self.code & 0xFF

    def as_reply(self) -> Dict[str, Any]:
        """The error as a reply on the wire."""
        return {"error": self.code, "text": self.text}

    @classmethod
    def of_reply(cls, reply: Dict[str, Any]) -> Optional[PbsError]:
        """The error that a reply carries, None if it carries none."""
        if "error" not in reply:
            return None
        error = cls(int(reply["error"]))
        error.text = str(reply.get("text", error.text))
        error.args = (error.text,)
        return error
