"""Running the batch server's commands: argument lists, limits, and a journal.

No command is given to a shell. A command that hangs is ended with all it started; one
that prints without end is ended too. What was run and what came back is written to a
journal, from which an afternoon can be understood (and replayed in a test).
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from torque_mesos.batch.base import BatchError, ServerUnreachable, UnreadableAnswer
from torque_mesos.batch.journal import CommandJournal

OUTPUT_LIMIT = 256 * 2**20
_CHUNK = 2**16

# Exit codes by which the commands say that nobody answered: ECONNREFUSED, no trqauthd
# (15137 & 0xff) and an unknown server host (15010 & 0xff) from qstat and its like, 3
# from qmgr. pbsnodes exits with 1, whatever it was: its text must tell.
_UNREACHABLE_CODES = frozenset({111, 33, 162})
_QMGR_UNREACHABLE_CODE = 3
_UNREACHABLE_TEXTS = (
    "cannot connect to server",
    "could not connect to trqauthd",
    "Cannot connect to specified server host",
    "Cannot resolve specified server host",
    "Unable to communicate with",
)


class CommandMissing(BatchError):
    """The command is not installed where it was looked for."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command said. Bytes that are not UTF-8 come as U+FFFD."""

    argv: tuple[str, ...]
    exit_code: int
    stdout: str
    stderr: str
    elapsed_s: float = 0.0

    def __str__(self) -> str:
        said = " ".join((self.stderr or self.stdout).split())
        return f"{describe(self.argv)}: exit {self.exit_code}: {said[:400] or '(no text)'}"


class Runner(Protocol):
    """Runs commands. May be called by several threads at once."""

    def run(self, argv: Sequence[str], *, timeout_s: float) -> Answer:
        """Run `argv` and give its answer, whatever its exit code.

        Raises:
            CommandMissing: it cannot be started.
            ServerUnreachable: it did not end within `timeout_s`.
            UnreadableAnswer: it printed more than is allowed.
        """


@dataclass(frozen=True, slots=True)
class CommandRunner:
    """Runs real commands, with the given environment and no other."""

    environment: Mapping[str, str]
    journal: CommandJournal | None = None
    output_limit: int = field(default=OUTPUT_LIMIT)

    def run(self, argv: Sequence[str], *, timeout_s: float) -> Answer:
        """See `Runner.run`."""
        started = time.monotonic()
        try:
            # A session of its own: Ctrl-C at the framework's terminal is not for it, and
            # all that it starts can be ended together.
            process = subprocess.Popen(
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(self.environment),
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            failure = CommandMissing(f"{describe(argv)} cannot be started: {error}")
            self._write(argv, started, error=str(failure))
            raise failure from error
        try:
            stdout, stderr = _collect(process, started + timeout_s, self.output_limit)
        except _TooLate:
            late = ServerUnreachable(f"{describe(argv)} did not end within {timeout_s:g} s")
            self._write(argv, started, error=str(late))
            raise late from None
        except _TooMuch:
            much = UnreadableAnswer(f"{describe(argv)} printed over {self.output_limit} bytes")
            self._write(argv, started, error=str(much))
            raise much from None
        answer = Answer(
            argv=tuple(argv),
            exit_code=process.returncode,
            stdout=stdout.decode(errors="replace"),
            stderr=stderr.decode(errors="replace"),
            elapsed_s=time.monotonic() - started,
        )
        self._write(argv, started, answer=answer)
        return answer

    def _write(
        self,
        argv: Sequence[str],
        started: float,
        *,
        answer: Answer | None = None,
        error: str | None = None,
    ) -> None:
        if self.journal is None:
            return
        self.journal.write(
            argv,
            elapsed_s=time.monotonic() - started,
            exit_code=None if answer is None else answer.exit_code,
            stdout="" if answer is None else answer.stdout,
            stderr=(error or "") if answer is None else answer.stderr,
        )


def describe(argv: Sequence[str]) -> str:
    """A command for a message: without its folder, not too long."""
    text = " ".join((os.path.basename(argv[0]), *argv[1:]))
    return text if len(text) <= 200 else f"{text[:200]}..."


def check_reached(answer: Answer) -> Answer:
    """Give `answer` back if the server was reached.

    Raises:
        ServerUnreachable: the server or trqauthd did not answer.
    """
    if answer.exit_code == 0:
        return answer
    command = os.path.basename(answer.argv[0])
    unreachable = (
        answer.exit_code == _QMGR_UNREACHABLE_CODE
        if command == "qmgr"
        else answer.exit_code in _UNREACHABLE_CODES and command != "pbsnodes"
    )
    if unreachable or any(text in answer.stderr for text in _UNREACHABLE_TEXTS):
        raise ServerUnreachable(str(answer))
    return answer


class _TooLate(Exception):
    pass


class _TooMuch(Exception):
    pass


def _collect(process: subprocess.Popen[bytes], deadline: float, limit: int) -> tuple[bytes, bytes]:
    """Read both outputs to their ends and wait for the process; never longer, never more."""
    assert process.stdout is not None
    assert process.stderr is not None
    parts: dict[int, list[bytes]] = {process.stdout.fileno(): [], process.stderr.fileno(): []}
    size = 0
    try:
        with selectors.DefaultSelector() as selector:
            for number in parts:
                selector.register(number, selectors.EVENT_READ)
            while selector.get_map():
                left = deadline - time.monotonic()
                if left <= 0:
                    raise _TooLate
                for key, _ in selector.select(left):
                    data = os.read(key.fd, _CHUNK)
                    if not data:
                        selector.unregister(key.fd)
                        continue
                    parts[key.fd].append(data)
                    size += len(data)
                    if size > limit:
                        raise _TooMuch
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise _TooLate from None
    finally:
        if process.returncode is None:
            _end(process)
        stdout, stderr = (b"".join(chunks) for chunks in parts.values())
        process.stdout.close()
        process.stderr.close()
    return stdout, stderr


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a command that is still there, and all that is in its session."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
