"""The test itself: submit, wait, compare, and remove what was submitted."""

from __future__ import annotations

import posixpath
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from torque_mesos.batch.base import BatchError, Hears
from torque_mesos.model import Reading
from torque_mesos.verify.account import Account, Unusable
from torque_mesos.verify.cases import Case, choose, ours
from torque_mesos.verify.checks import (
    Evidence,
    Result,
    failures,
    grew,
    slots_told,
    still_there,
    usable,
)
from torque_mesos.verify.submitted import Submitted

FOLDER = "torque-mesos-verify."
_MAKE_FOLDER = f'exec mktemp -d "${{1:-$HOME}}/{FOLDER}XXXXXX"'
_LOOK_S = 0.5
_OUTPUT_S = 15.0  # for output on its way, once the job is over
_REMOVE_S = 60.0


class Server(Protocol):
    """The part of `BatchServer` that is needed."""

    def read(self) -> Reading:
        """All jobs and nodes. Raises BatchError."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked of a run.

    `folder`: where jobs are submitted from, in a new folder of their own; None: each user's
    home. `why`: a sentence on a job that waits, by its id.
    """

    deadline_s: float = 300.0
    expect_nodes: int | None = None
    queue: str = ""
    folder: str | None = None
    bin_dir: str = "/usr/local/bin"
    properties: tuple[str, ...] = ()
    accounting_dir: Path = Path("/var/spool/torque/server_priv/accounting")
    why: Callable[[str], str] = field(default=lambda _: "")


class Verification:
    """One run of the test. `run` once, then `clean`, however `run` ended.

    `sleep` is also called, with 0, between two commands: an interruption that it raises there
    leaves no job unknown, as one within `qsub` would.
    """

    def __init__(
        self,
        server: Server,
        accounts: Sequence[Account],
        options: Options,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._server = server
        self._accounts = accounts
        self._options = options
        self._clock = clock
        self._sleep = sleep
        self._jobs: list[Submitted] = []
        self._folders: list[tuple[Account, str]] = []
        self._our_nodes: set[str] = set()
        self._outputs_until_s = 0.0

    def run(self) -> list[Result]:
        """All results. Raises BatchError if the server cannot be read at the beginning."""
        before = self._read()
        there = usable(before.nodes)
        choice = choose(before.nodes, self._options.expect_nodes, self._options.properties)
        results = [*self._records(before)]
        for account in self._accounts:
            results += self._submit_all(account, choice.cases)
        self._wait()
        self._outputs_until_s = self._clock() + _OUTPUT_S
        results += [self._result(job) for job in self._jobs]
        results += [Result(name, skipped=text) for name, text in choice.left_out]
        used = {name for job in self._jobs for name in slots_told(job.token, job.stdout)}
        results.append(grew(there, used))
        self._delete()
        results.append(self._shrinks(there, used))
        return results

    def clean(self) -> list[str]:
        """Delete the jobs that are left, and the folders; a sentence for each that stays."""
        problems = self._delete()
        for account, folder in self._folders:
            try:
                answer = account.run(["rm", "-r", "-f", "--", folder])
                if answer.exit_code:
                    problems.append(f"{account.client}: {answer}")
            except Unusable as error:
                problems.append(f"{account.client}: {folder} stays: {error}")
        self._folders.clear()
        return problems

    # --- the beginning ------------------------------------------------------------

    def _read(self) -> Reading:
        if isinstance(self._server, Hears):
            self._server.renew()  # a job that is not listed counts as over
        reading = self._server.read()
        self._our_nodes |= {node.name for node in ours(reading.nodes)}
        return reading

    def _records(self, before: Reading) -> Iterator[Result]:
        expected, found = (
            self._options.expect_nodes,
            sorted(node.name for node in ours(before.nodes)),
        )
        if expected is not None:
            short = f"{len(found)} node records of the framework, not {expected}"
            yield Result(
                "records",
                nodes=tuple(found),
                failures=() if len(found) >= expected else (short,),
            )

    def _submit_all(self, account: Account, cases: Sequence[Case]) -> Iterator[Result]:
        try:
            answer = account.run(["sh", "-c", _MAKE_FOLDER, "sh", self._options.folder or ""])
            folder = answer.stdout.strip()
            if answer.exit_code or not posixpath.basename(folder).startswith(FOLDER):
                raise Unusable(str(answer))
        except Unusable as error:
            text = f"no folder to submit from: {error}"
            yield Result("submit", account.client, account.user, failures=(text,))
            return
        self._folders.append((account, folder))
        for case in cases:
            self._sleep(0)
            token = f"verify-{secrets.token_hex(4)}"
            job = Submitted(account, case, folder, token, self._clock())
            self._jobs.append(job)
            self._submit(job)
            self._glance()

    def _submit(self, job: Submitted) -> None:
        queue = ["-q", self._options.queue] if self._options.queue else []
        argv = ["qsub", "-N", f"tm-{job.case.name}", "-l", job.case.request, *queue]
        pbsdsh = posixpath.join(self._options.bin_dir, "pbsdsh")
        script = job.case.script(job.token, pbsdsh)
        try:
            answer = job.account.run(argv, folder=job.folder, text=script)
        except Unusable as error:
            job.failure = str(error)
            return
        if answer.exit_code or not answer.stdout.strip():
            job.refused(answer)
        else:
            job.job_id = answer.stdout.split()[-1]

    def _glance(self) -> None:
        """Look how the jobs are: one that is over soon may not be listed for long."""
        try:
            self._look(self._read())
        except BatchError as error:
            for job in self._open():
                job.failure = f"the server cannot be read: {error}"

    # --- waiting ------------------------------------------------------------------

    def _open(self) -> list[Submitted]:
        return [job for job in self._jobs if job.job_id and job.seconds is None]

    def _wait(self) -> None:
        until_s = self._clock() + self._options.deadline_s
        while self._open():
            self._glance()
            if self._clock() >= until_s:
                return
            if self._open():
                self._sleep(_LOOK_S)

    def _look(self, reading: Reading) -> None:
        listed = {job.job_id: job for job in reading.jobs}
        for job in self._open():
            job.look(listed.get(job.job_id), self._clock(), self._options.accounting_dir)

    def _collect(self, job: Submitted) -> None:
        """Fetch its output, which may need a moment to come."""
        number = job.job_id.partition(".")[0]
        names = {kind: f"tm-{job.case.name}.{kind}{number}" for kind in "oe"}
        while True:
            found = {kind: self._file(job, name) for kind, name in names.items()}
            if None not in found.values() or self._clock() >= self._outputs_until_s:
                break
            self._sleep(_LOOK_S)
        job.stdout, job.stderr = found["o"], found["e"]

    def _file(self, job: Submitted, name: str) -> str | None:
        try:
            answer = job.account.run(["cat", "--", posixpath.join(job.folder, name)])
        except Unusable:
            return None
        return None if answer.exit_code else answer.stdout

    def _shrinks(self, before: frozenset[str], used: set[str]) -> Result:
        """Wait until no more nodes are online than before."""
        if not used:
            return Result("shrank", skipped="nothing ran")
        began_s, ids = self._clock(), {job.job_id for job in self._jobs}
        problem: tuple[str, ...] = ()
        while True:
            try:
                left = still_there(before, self._read().nodes, ids)
                problem = (f"still online: {', '.join(left)}",) if left else ()
            except BatchError as error:
                left, problem = (), (f"the server cannot be read: {error}",)
            seconds = self._clock() - began_s
            if not problem or seconds >= self._options.deadline_s:
                late = tuple(f"after {seconds:.0f} s {text}" for text in problem)
                return Result("shrank", nodes=left, seconds=seconds, failures=late)
            self._sleep(_LOOK_S)

    # --- the end ------------------------------------------------------------------

    def _result(self, job: Submitted) -> Result:
        found: tuple[str, ...]
        if job.seconds is not None:
            self._collect(job)
            evidence = Evidence(job.owner, job.stdout, job.stderr, job.exit_status)
            user = job.account.user
            found = tuple(failures(job.case, user, job.token, evidence, self._our_nodes))
        elif job.failure:
            found = (job.failure,)
        else:
            found = (self._late(job),)
        return Result(
            job.case.name,
            job.account.client,
            job.account.user,
            job.job_id,
            tuple(dict.fromkeys(slots_told(job.token, job.stdout))),
            job.seconds if job.seconds is not None else self._clock() - job.began_s,
            found,
        )

    def _late(self, job: Submitted) -> str:
        state = job.job.state.name.lower() if job.job else "not listed"
        why = self._options.why(job.job_id) or (job.job.comment if job.job else "")
        text = f"not over after {self._options.deadline_s:g} s: it is {state}"
        return f"{text}; {why}" if why else text

    def _delete(self) -> list[str]:
        """`qdel` what is left, and wait until it is gone."""
        left = self._open()
        problems = []
        for job in left:
            try:
                job.account.run(["qdel", job.job_id])
            except Unusable as error:
                problems.append(f"{job.job_id} stays: {error}")
        until_s = self._clock() + _REMOVE_S
        while self._open():
            try:
                self._look(self._read())
            except BatchError as error:
                problems.append(f"the server cannot be read: {error}")
                break
            if self._clock() >= until_s:
                break
            if self._open():
                self._sleep(_LOOK_S)
        return problems + [f"{job.job_id} is still there" for job in self._open()]


def passed(results: Sequence[Result]) -> bool:
    """Whether nothing failed."""
    return not any(result.failures for result in results)


def counts(results: Sequence[Result]) -> Mapping[str, int]:
    """How many results there are of each verdict."""
    verdicts = [result.verdict for result in results]
    return {word: verdicts.count(word) for word in ("ok", "FAILED", "skipped")}
