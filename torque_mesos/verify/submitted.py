"""A job of the test, and what is known of it so far."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torque_mesos.batch.commands import Answer
from torque_mesos.model import Job, JobState
from torque_mesos.verify.account import Account
from torque_mesos.verify.cases import Case
from torque_mesos.verify.ended import ended


@dataclass
class Submitted:
    """`job`: as last seen. `seconds`: until it was over, None before that."""

    account: Account
    case: Case
    folder: str
    token: str
    began_s: float
    job_id: str = ""
    failure: str = ""
    job: Job | None = None
    owner: str = ""
    seconds: float | None = None
    exit_status: int | None = None
    stdout: str | None = None
    stderr: str | None = None

    def look(self, listed: Job | None, now_s: float, accounting_dir: Path) -> None:
        """Take in what the server lists of it, or that it lists it no more."""
        self.failure = ""
        if listed is not None:
            self.job = listed
            self.owner = listed.owner
            if listed.state is not JobState.COMPLETE:
                return
        self.seconds = now_s - self.began_s
        if self.job is not None:
            self.exit_status = self.job.exit_status
        if self.exit_status is None or not self.owner:
            told = ended(self.job_id, accounting_dir)
            if told is not None:
                self.exit_status, self.owner = told.exit_status, self.owner or told.user

    def refused(self, answer: Answer) -> None:
        """Note that `qsub` did not take it, and what would help where that is known."""
        self.failure = f"it was refused: {answer}"
        if "ruserok failed" in answer.stderr:
            allow = f"set server submit_hosts += {self.account.client}"
            self.failure += f"; a manager can let users submit from there: qmgr -c '{allow}'"
