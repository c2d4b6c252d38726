"""Keeps daemons: finds or starts them in order, looks after them, starts them again."""

from __future__ import annotations

import contextlib
import fcntl
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import structlog

from torque_mesos.batch import processes
from torque_mesos.batch.base import BatchError
from torque_mesos.batch.daemons.daemon import Daemon
from torque_mesos.batch.daemons.states import (
    DaemonFailed,
    DaemonState,
    DaemonStatus,
    RestartRule,
)
from torque_mesos.batch.processes import Identity

_ASK_AGAIN_S = 0.05
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Kept:
    """What is known of one daemon."""

    daemon: Daemon
    identity: Identity | None = None
    ours: bool = False
    child: subprocess.Popen[bytes] | None = None
    since_s: float = 0.0
    ends: int = 0
    restarts: int = 0
    try_at_s: float = 0.0
    detail: str = ""

    @property
    def name(self) -> str:
        return self.daemon.name


class BatchDaemons:
    """Keeps the daemons of one batch server, given in the order they are started.

    They are ended in the other. Used by one thread at a time. Pid files and logs are in
    `state_dir/daemons`.
    """

    def __init__(
        self,
        daemons: Sequence[Daemon],
        state_dir: Path,
        *,
        rule: RestartRule | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = state_dir / "daemons"
        self._rule = rule or RestartRule()
        self._clock = clock
        self._kept = [_Kept(daemon) for daemon in daemons]

    def start(self, timeout_s: float = 30.0) -> None:
        """Find or start every daemon, and wait until each answers.

        Raises:
            DaemonFailed: one cannot be started, or ended at once.
            BatchError: the last answer of one that did not answer in time.
        """
        self._end_others()
        for kept in self._kept:
            kept.ends, kept.detail = 0, ""
            if not self._alive(kept):
                self._find_or_start(kept)
            self._await(kept, timeout_s)
            kept.daemon.settle()
        for kept in self._kept:
            if not self._alive(kept):
                raise self._failure(kept)

    def check(self) -> tuple[DaemonStatus, ...]:
        """See how it stands with each, and start again what ended and has waited."""
        return tuple(self._check(kept) for kept in self._kept)

    def teardown(self, timeout_s: float = 15.0) -> None:
        """End the daemons that were started here, at any time; the others stay."""
        for kept in reversed(self._kept):
            if self._end_remembered(kept, timeout_s):
                kept.daemon.clear()
        self._end_others(timeout_s)

    # --- one daemon ----------------------------------------------------------------

    def _check(self, kept: _Kept) -> DaemonStatus:
        now_s = self._clock()
        with contextlib.suppress(OSError):  # a full disk is no reason to look no further
            processes.bound_log(self._log_file(kept.name))
        if self._alive(kept):
            self._look_after(kept, now_s)
        elif kept.identity is not None:
            self._note_end(kept, now_s)
        elif kept.ends < self._rule.most and now_s >= kept.try_at_s:
            kept.restarts += 1
            try:
                self._find_or_start(kept)
            except DaemonFailed as error:
                self._note_end(kept, now_s, str(error))
        return self._status(kept)

    def _look_after(self, kept: _Kept, now_s: float) -> None:
        if kept.ends and now_s - kept.since_s >= self._rule.settled_s:
            kept.ends = 0
        try:
            kept.daemon.settle()
            why = kept.daemon.outdated(now_s)
        except BatchError as error:  # it may not answer yet: the next time
            _log.debug("daemon does not answer", name=kept.name, error=str(error))
            return
        if not why or not kept.ours:
            return
        _log.warning("daemon is started anew", name=kept.name, why=why)
        kept.restarts += 1
        try:
            self._end_remembered(kept)
            self._find_or_start(kept)
        except DaemonFailed as error:
            self._note_end(kept, now_s, str(error))

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
                identity = kept.daemon.find()
            if identity is not None:
                kept.identity, kept.ours, kept.child = identity, ours, None
                _log.info("daemon found", name=kept.name, pid=identity.pid, ours=ours)
            else:
                self._start(kept)
            kept.since_s = self._clock()

    def _start(self, kept: _Kept) -> None:
        command = kept.daemon.command()
        log = self._log_file(kept.name)
        try:
            child = processes.start_detached(command.argv, command.environment, log, command.stdin)
        except OSError as error:
            raise DaemonFailed(f"{kept.name} cannot be started: {error}") from error
        identity = processes.identify(child.pid)
        if identity is None:
            raise self._failure(kept)
        processes.write_pid_file(self._pid_file(kept.name), identity)
        kept.identity, kept.ours, kept.child = identity, True, child
        _log.info("daemon started", name=kept.name, pid=identity.pid, command=command.argv)

    def _await(self, kept: _Kept, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                kept.daemon.answers()
            except BatchError:
                if not self._alive(kept):
                    raise self._failure(kept) from None
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_ASK_AGAIN_S)
            else:
                return

    def _end_remembered(self, kept: _Kept, timeout_s: float = 15.0) -> bool:
        """End a daemon that was started here, and forget it; whether there was one."""
        path = self._pid_file(kept.name)
        there = path.exists()
        identity = processes.read_pid_file(path)
        process = identity.process() if identity else None
        if process is not None:
            self._end(kept, process, timeout_s)
        path.unlink(missing_ok=True)
        kept.identity, kept.child = None, None
        return there

    def _end_others(self, timeout_s: float = 15.0) -> None:
        """End what was started here by other settings, as another scheduler."""
        known = {kept.name for kept in self._kept}
        for path in sorted(self._folder.glob("*.pid")):
            if path.stem not in known:
                _log.info("daemon is not asked for any more", name=path.stem)
                self._end_remembered(_Kept(Daemon(path.stem)), timeout_s)

    def _end(self, kept: _Kept, process: psutil.Process, timeout_s: float) -> None:
        kept.daemon.ask_to_end(process, timeout_s)
        for following in (signal.SIGTERM, signal.SIGKILL):
            if _ended(kept, process, timeout_s):
                return
            _log.warning("daemon does not end", name=kept.name, signal=following.name)
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(following)
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
