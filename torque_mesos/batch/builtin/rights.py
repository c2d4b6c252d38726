"""Who may do what: managers and operators, owners, and everybody."""

from __future__ import annotations

import os
import socket
from typing import List

from .acl import entries, may_ask, user_matches
from .auth import user_name
from .errors import PERM, UNKJOBID, PbsError
from .records import Job
from .state import State
from .wire import Message

MANAGER, OPERATOR, USER = 2, 1, 0


class Rights:
    """Judges askers by their uid.

    `host`: where who asks now is; empty: here. Root of another host is a user like others.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.host = ""

    def is_owner(self, uid: int) -> bool:
        """Whether it is root here, or whose server this is."""
        return not self.host and uid in (0, os.geteuid())

    def rank(self, uid: int) -> int:
        """MANAGER, OPERATOR or USER."""
        if self.is_owner(uid):
            return MANAGER
        owners = self._owners(uid)
        for rank, name in ((MANAGER, "managers"), (OPERATOR, "operators")):
            for entry in entries(self._state.attributes.get(name, "")):
                if any(user_matches(owner, entry) for owner in owners):
                    return rank
        return USER

    def _owners(self, uid: int) -> List[str]:
        name = user_name(uid)
        hosts = [self.host] if self.host else [socket.gethostname(), self._state.server]
        return [f"{name}@{host}" for host in hosts]

    def check_asker(self, uid: int) -> None:
        """Whether the server listens to this asker at all. Raises `PbsError` (PERM)."""
        attributes = self._state.attributes
        if any(may_ask(attributes, owner) for owner in self._owners(uid)):
            return
        if self.rank(uid) == USER:
            raise PbsError(PERM)

    def may_see(self, uid: int, job: Job) -> bool:
        """Whether a job is shown to this asker."""
        others = self._state.attributes.get("query_other_jobs") == "True"
        return others or uid == job.uid or self.rank(uid) > USER

    def job(self, message: Message) -> Job:
        """The job that a request names. Raises `PbsError` (UNKJOBID)."""
        job = self._state.find_job(str(message["id"]))
        if job is None:
            raise PbsError(UNKJOBID)
        return job

    def own_job(self, uid: int, message: Message) -> Job:
        """The same, if it is the asker's or he is an operator. Raises `PbsError`."""
        job = self.job(message)
        if uid != job.uid and self.rank(uid) == USER:
            raise PbsError(PERM, "operation not permitted")
        return job


def need(rank: int, least: int) -> None:
    """Raise `PbsError` (PERM) unless `rank` is enough."""
    if rank < least:
        name = "PERM_MANAGER" if least == MANAGER else "PERM_OPorMGR"
        raise PbsError(PERM, f"error in permissions ({name})")
