"""The batch server's daemons, where they are ours to keep: found or started, restarted.

trqauthd (TORQUE has it, the built-in server does not), pbs_server and pbs_sched run in
the foreground, each in a session of its own, so that they outlive the framework: a
restart of it finds them again by their pid files. Only `teardown` ends them, and only
those that were started here. One that runs already, whoever started it, is used: there
is never a second one, and never a new database where there may be one.
"""

from __future__ import annotations

import contextlib
import enum
import fcntl
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import structlog

from torque_mesos.batch import processes
from torque_mesos.batch.base import BatchError
from torque_mesos.batch.commands import Runner
from torque_mesos.batch.processes import Identity
from torque_mesos.batch.server_start import SERVER, TRQAUTHD, DaemonFailed, ServerStart
from torque_mesos.batch.torque_settings import TorqueSettings

_ASK_AGAIN_S = 0.05
_log = structlog.get_logger(__name__)


class DaemonState(enum.Enum):
    """How it stands with one daemon."""

    RUNNING = "running"  # started here, now or before a restart of the framework
    FOUND = "found"  # runs, started by somebody else
    WAITING = "waiting"  # ended; it will be started again
    FAILED = "failed"  # ended too often: it is left so


@dataclass(frozen=True, slots=True)
class DaemonStatus:
    """One daemon at one moment."""

    name: str
    state: DaemonState
    pid: int | None = None
    restarts: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RestartRule:
    """When an ended daemon is started again.

    After the n-th end in a row it waits `first_wait_s * 2**(n - 1)`, at most
    `longest_wait_s`; after `most` ends in a row it is left. One that ran for
    `settled_s` begins a new row.
    """

    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0
    most: int = 8
    settled_s: float = 120.0

    def wait_s(self, ends: int) -> float:
        """How long to wait after so many ends in a row (at least 1)."""
        return float(min(self.longest_wait_s, self.first_wait_s * 2.0 ** (ends - 1)))


@dataclass(slots=True)
class _Kept:
    """What is known of one daemon."""

    name: str
    identity: Identity | None = None
    ours: bool = False
    child: subprocess.Popen[bytes] | None = None
    since_s: float = 0.0
    ends: int = 0
    restarts: int = 0
    try_at_s: float = 0.0
    detail: str = ""


class BatchDaemons:
    """Keeps the daemons of one batch server. Used by one thread at a time.

    Pid files and logs are in `state_dir/daemons`.
    """

    def __init__(
        self,
        settings: TorqueSettings,
        state_dir: Path,
        runner: Runner,
        *,
        rule: RestartRule | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._folder = state_dir / "daemons"
        self._runner = runner
        self._rule = rule or RestartRule()
        self._clock = clock
        self._starts = ServerStart(settings, self._folder / f"{SERVER}.held", runner)
        self._kept = [_Kept(name) for name in self._starts.names]

    def start(self, timeout_s: float = 30.0) -> None:
        """Find or start every daemon, and wait until the server answers.

        Raises:
            DaemonFailed: one cannot be started, or ended at once.
            BatchError: the server's last answer, when it did not answer in time.
        """
        for kept in self._kept:
            kept.ends, kept.detail = 0, ""
            if not self._alive(kept):
                self._find_or_start(kept)
            if kept.name == SERVER:
                self._await_server(timeout_s)
                if self._starts.held:
                    self._starts.release()
        for kept in self._kept:
            if not self._alive(kept):
                raise self._failure(kept)

    def check(self) -> tuple[DaemonStatus, ...]:
        """See how it stands with each, and start again what ended and has waited."""
        return tuple(self._check(kept) for kept in self._kept)

    def teardown(self, timeout_s: float = 15.0) -> None:
        """End the daemons that were started here, at any time; the others stay."""
        for kept in reversed(self._kept):
            identity = processes.read_pid_file(self._pid_file(kept.name))
            process = identity.process() if identity else None
            if process is not None:
                self._end(kept, process, timeout_s)
            self._pid_file(kept.name).unlink(missing_ok=True)
            kept.identity, kept.child = None, None

    # --- one daemon ----------------------------------------------------------------

    def _check(self, kept: _Kept) -> DaemonStatus:
        now_s = self._clock()
        if kept.name == SERVER and self._starts.held and self._alive(kept):
            with contextlib.suppress(BatchError):  # it may not answer yet: the next time
                self._starts.answers()
                self._starts.release()
        with contextlib.suppress(OSError):  # a full disk is no reason to look no further
            processes.bound_log(self._log_file(kept.name))
        if self._alive(kept):
            if kept.ends and now_s - kept.since_s >= self._rule.settled_s:
                kept.ends = 0
        elif kept.identity is not None:
            self._note_end(kept, now_s)
        elif kept.ends < self._rule.most and now_s >= kept.try_at_s:
            kept.restarts += 1
            try:
                self._find_or_start(kept)
            except DaemonFailed as error:
                self._note_end(kept, now_s, str(error))
        return self._status(kept)

    def _status(self, kept: _Kept) -> DaemonStatus:
        if kept.identity is not None:
            state = DaemonState.RUNNING if kept.ours else DaemonState.FOUND
        else:
            failed = kept.ends >= self._rule.most
            state = DaemonState.FAILED if failed else DaemonState.WAITING
        pid = kept.identity.pid if kept.identity else None
        return DaemonStatus(kept.name, state, pid, kept.restarts, kept.detail)

    def _note_end(self, kept: _Kept, now_s: float, why: str = "") -> None:
        kept.detail = why or str(self._failure(kept))
        if now_s - kept.since_s >= self._rule.settled_s:
            kept.ends = 0
        kept.ends += 1
        wait_s = self._rule.wait_s(kept.ends)
        kept.identity, kept.child = None, None
        kept.try_at_s = now_s + wait_s
        if kept.ends >= self._rule.most:
            _log.error("daemon ends again and again, it is left", name=kept.name, why=kept.detail)
        else:
            _log.warning("daemon ended", name=kept.name, again_in_s=wait_s, why=kept.detail)

    def _alive(self, kept: _Kept) -> bool:
        if kept.child is not None and kept.child.poll() is not None:
            return False
        return kept.identity is not None and kept.identity.process() is not None

    def _find_or_start(self, kept: _Kept) -> None:
        with self._lock():
            identity = processes.read_pid_file(self._pid_file(kept.name))
            ours = identity is not None and identity.process() is not None
            if not ours:
                # trqauthd serves the whole host, whatever its home.
                home = None if kept.name == TRQAUTHD else self._settings.home
                identity = processes.find(kept.name, home)
            if identity is not None:
                kept.identity, kept.ours, kept.child = identity, ours, None
                _log.info("daemon found", name=kept.name, pid=identity.pid, ours=ours)
            else:
                self._start(kept)
            kept.since_s = self._clock()

    def _start(self, kept: _Kept) -> None:
        start = self._starts.of(kept.name)
        environment = self._settings.command_environment() | start.environment
        log = self._log_file(kept.name)
        try:
            child = processes.start_detached(start.argv, environment, log, start.stdin)
        except OSError as error:
            raise DaemonFailed(f"{kept.name} cannot be started: {error}") from error
        identity = processes.identify(child.pid)
        if identity is None:
            raise self._failure(kept)
        processes.write_pid_file(self._pid_file(kept.name), identity)
        kept.identity, kept.ours, kept.child = identity, True, child
        _log.info("daemon started", name=kept.name, pid=identity.pid, command=start.argv)

    def _await_server(self, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        server = next(kept for kept in self._kept if kept.name == SERVER)
        while True:
            try:
                self._starts.answers()
            except BatchError:
                if not self._alive(server):
                    raise self._failure(server) from None
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_ASK_AGAIN_S)
            else:
                return

    def _end(self, kept: _Kept, process: psutil.Process, timeout_s: float) -> None:
        if kept.name == SERVER:
            # Running jobs go on; the server finds them again at its next start.
            with contextlib.suppress(BatchError):
                command = str(self._settings.bin_dir / "qterm")
                self._runner.run([command, "-t", "quick"], timeout_s=timeout_s)
        else:
            _signal(process, signal.SIGTERM)
        for following in (signal.SIGTERM, signal.SIGKILL):
            if _ended(kept, process, timeout_s):
                return
            _log.warning("daemon does not end", name=kept.name, signal=following.name)
            _signal(process, following)
        if not _ended(kept, process, timeout_s):
            raise DaemonFailed(f"{kept.name} (pid {process.pid}) does not end")

    def _failure(self, kept: _Kept) -> DaemonFailed:
        code = kept.child.returncode if kept.child is not None else None
        how = "" if code is None else f" with exit code {code}"
        said = processes.end_of(self._log_file(kept.name))
        return DaemonFailed(f"{kept.name} ended{how}; its log ends: {said!r}")

    def _pid_file(self, name: str) -> Path:
        return self._folder / f"{name}.pid"

    def _log_file(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """Only one process at a time looks for a daemon and starts it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def _ended(kept: _Kept, process: psutil.Process, timeout_s: float) -> bool:
    """Wait for a process's end; one of our own children must be reaped for that."""
    try:
        if kept.child is not None and kept.child.pid == process.pid:
            kept.child.wait(timeout_s)
        else:
            process.wait(timeout_s)
    except (subprocess.TimeoutExpired, psutil.TimeoutExpired):
        return False
    return True
