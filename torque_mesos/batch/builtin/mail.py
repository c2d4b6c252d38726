"""Mail to the owners of jobs, through a program that is called as sendmail is.

None is sent unless the setting `sendmail` in `server_priv/builtin.json` names a program. Texts
and addresses are those that TORQUE 6.1.3 was recorded sending.
"""

from __future__ import annotations

from typing import Callable, Dict, List, Optional

from .home import as_bytes
from .loop import Loop
from .processes import Children
from .records import Job

_FROM = "adm"
_NEVER = "never"
_NONE_AT_ALL = "p"
_SEE = "See Administrator for help"
_OVER = "Job exceeded {}. Job was aborted"
_UNWANTED = "Not sending email: User does not want mail of this type."
_ABORTED: Dict[int, List[str]] = {
    -2: ["Job cannot be executed", "See job standard error file"],
    -10: [_OVER.format("a memory resource limit (vmem, pvmem, etc.)"), _SEE],
    -11: [_OVER.format("its walltime limit"), _SEE],
    -12: [_OVER.format("its cpu time limit"), _SEE],
}


class Mail:
    """Sends what `-m` asks for; `attributes` gives the server's as they are now."""

    def __init__(
        self,
        program: str,
        loop: Loop,
        attributes: Callable[[], Dict[str, str]],
        log: Callable[[str, Job], None],
    ) -> None:
        self._program = program
        self._attributes = attributes
        self._log = log
        self._children: Optional[Children] = Children(loop) if program else None

    def began(self, job: Job) -> None:
        """A job has started (`-m b`)."""
        if "b" in job.mail:
            self._send(job, "Begun execution")
        else:
            self._log(_UNWANTED, job)

    def ended(self, job: Job) -> None:
        """A job is over (`-m e`; `-m f`: only with another status than 0), or was aborted."""
        if job.exit_status is None or not job.hosts:
            return
        if job.exit_status < 0:
            # An abort is told of whatever was asked for, and told of once.
            if _NONE_AT_ALL not in job.mail:
                why = _ABORTED.get(job.exit_status, ["Job cannot be executed", _SEE])
                self._send(job, "Aborted by PBS Server ", [*why, *used(job)])
            return
        asked = job.exit_status != 0 if "f" in job.mail else "e" in job.mail
        if asked:
            self._send(job, "Execution terminated", outcome(job))
        else:
            self._log(_UNWANTED, job)

    def deleted(self, job: Job, by: str) -> None:
        """`qdel` by another than its owner, of which he is told whatever he asked for."""
        if by != job.owner and _NONE_AT_ALL not in job.mail:
            self._send(job, "job deleted", [f"Job deleted at request of {by}"])

    def _send(self, job: Job, what: str, more: Optional[List[str]] = None) -> None:
        attributes = self._attributes()
        domain = attributes.get("mail_domain", "")
        if self._children is None or domain == _NEVER:
            return
        to = addresses(job, domain)
        command = [self._program, "-f", attributes.get("mail_from", _FROM), *to.split(",")]
        text = message(job, to, what, more or [])

        def body() -> int:
            import subprocess

            done = subprocess.run(command, input=as_bytes(text), capture_output=True, check=False)
            return done.returncode

        def ended(status: int, _cpu_s: float, _memory_kb: int) -> None:
            if status:
                self._log(f"Sendmail command returned {status}. Mail may not have been sent", job)

        self._children.fork(body, ended)


def addresses(job: Job, domain: str) -> str:
    """Who gets a job's mail, with commas: `-M`, else its owner, in the server's mail domain."""
    if job.mail_users:
        return job.mail_users
    return f"{job.owner.split('@')[0]}@{domain}" if domain else job.owner


def used(job: Job) -> List[str]:
    """How a job ended and what it used, a line each."""
    told = [f"resources_used.{name}={value}" for name, value in job.used.items()]
    return [f"Exit_status={job.exit_status}", *told]


def outcome(job: Job) -> List[str]:
    """How a job ended and where its output is, a line each."""
    return [
        *used(job),
        f"Error_Path={job.error_path}",
        f"Output_Path={job.output_path}",
    ]


def message(job: Job, to: str, what: str, more: List[str]) -> str:
    """A whole mail."""
    lines = [f"To: {to}", f"Subject: PBS JOB {job.job_id}", "Precedence: bulk", ""]
    lines += [f"PBS Job Id: {job.job_id}", f"Job Name:   {job.name}"]
    if job.hosts:
        lines.append(f"Exec host:  {job.exec_host}")
    paths = [f"Error_Path: {job.error_path}", f"Output_Path: {job.output_path}"]
    return "\n".join([*lines, what, *more, *paths]) + "\n"
