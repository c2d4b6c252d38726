"""A runner that lets the library do what it can, and commands the rest.

The library lives in a helper process: a call that crashes ends the helper, and one that hangs
is ended with it; a new helper is started for the next command. While helpers end early, they
are left alone for 1 s, then twice that, up to a minute, and commands do everything.
"""

from __future__ import annotations

import contextlib
import ctypes.util
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

import torque_mesos
from torque_mesos.batch.base import ServerUnreachable, UnreadableAnswer
from torque_mesos.batch.commands import OUTPUT_LIMIT, Answer, Runner, describe
from torque_mesos.batch.journal import CommandJournal
from torque_mesos.batch.library.asked import understood
from torque_mesos.batch.library.binding import Kind

_REST_MAX_S = 60.0
_END_S = 2.0
_CHUNK = 2**16
_NAMES: dict[Kind, tuple[str, ...]] = {
    "torque": ("libtorque.so.2", "libtorque.so"),
    "openpbs": ("libpbs.so.0", "libpbs.so"),
}
_PROGRAM = (
    "import sys; sys.path.insert(0, sys.argv.pop(1));"
    " from torque_mesos.batch.library.helper import main; main()"
)
_log = structlog.get_logger(__name__)


def find_library(bin_dir: Path, kind: Kind) -> Path | None:
    """The library that belongs to the commands in `bin_dir`; None where there is none."""
    for folder in (bin_dir.parent / "lib", bin_dir.parent / "lib64"):
        for name in _NAMES[kind]:
            if (folder / name).exists():
                return folder / name
    if bin_dir in (Path("/usr/bin"), Path("/usr/local/bin")):
        found = ctypes.util.find_library("torque" if kind == "torque" else "pbs")
        return None if found is None else Path(found)
    return None


class _Lost(Exception):
    """The helper is gone, or says what no helper says."""


@dataclass(slots=True)
class _Health:
    """How often helpers ended early, and until when they are left alone."""

    failures: int = 0
    rests_until_s: float = float("-inf")

    def failed(self, now_s: float) -> None:
        self.rests_until_s = now_s + min(_REST_MAX_S, 2.0**self.failures)
        self.failures += 1


class LibraryRunner:
    """See `commands.Runner`. `library` is what the helper loads; `commands` do the rest.

    The helper does one thing after the other; who waits for it longer than a command may take
    is served by a command.
    """

    def __init__(
        self,
        kind: Kind,
        library: Path,
        environment: Mapping[str, str],
        commands: Runner,
        *,
        journal: CommandJournal | None = None,
        clock: Callable[[], float] = time.monotonic,
        program: Sequence[str] | None = None,
    ) -> None:
        self._kind = kind
        self._environment = dict(environment)
        self._commands = commands
        self._journal = journal
        self._clock = clock
        root = str(Path(torque_mesos.__file__).parent.parent)
        usual = (sys.executable, "-I", "-c", _PROGRAM, root, kind, str(library))
        self._program = tuple(program or usual)
        self._lock = threading.Lock()  # of what follows
        self._process: subprocess.Popen[bytes] | None = None
        self._health = _Health()
        self._reason: str | None = None

    @property
    def reason(self) -> str | None:
        """Why the last command that the library could have done was run instead, if it was."""
        return self._reason

    def run(self, argv: Sequence[str], *, timeout_s: float) -> Answer:
        """See `Runner.run`."""
        if understood(argv, self._kind) is None:
            return self._commands.run(argv, timeout_s=timeout_s)
        started_s = self._clock()
        answer = None
        if self._lock.acquire(timeout=timeout_s):
            try:
                answer = self._asked(argv, timeout_s)
            finally:
                self._lock.release()
        if answer is None:
            return self._commands.run(argv, timeout_s=timeout_s)
        self._write(answer, self._clock() - started_s)
        return answer

    def close(self) -> None:
        """End the helper. The next command would start another."""
        with self._lock:
            self._end()

    def _asked(self, argv: Sequence[str], timeout_s: float) -> Answer | None:
        """The helper's answer; None where the command is to be run. Raises ServerUnreachable."""
        if self._clock() < self._health.rests_until_s:
            return None
        try:
            answer = self._ask(argv, timeout_s)
        except TimeoutError:
            self._fell(f"{describe(argv)} took the library longer than {timeout_s:g} s")
            raise ServerUnreachable(
                f"{describe(argv)} did not end within {timeout_s:g} s"
            ) from None
        except UnreadableAnswer:
            self._end()
            raise
        except (_Lost, OSError) as error:
            self._fell(str(error) or type(error).__name__)
            return None
        self._health.failures = 0
        return answer

    def _fell(self, why: str) -> None:
        self._end()
        if self._health.failures == 0:
            _log.warning("the batch server's library failed, commands are used", reason=why)
        self._health.failed(self._clock())
        self._reason = why

    def _ask(self, argv: Sequence[str], timeout_s: float) -> Answer | None:
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        end_s = self._clock() + timeout_s
        request = json.dumps({"argv": list(argv), "timeout_s": timeout_s})
        process.stdin.write(request.encode() + b"\n")
        process.stdin.flush()
        data = bytearray()
        line = self._until(process, data, end_s, lambda: data.find(b"\n") + 1)
        head = _head(bytes(data[:line]))
        if "pass" in head:
            self._reason = str(head["pass"])
            return None
        try:
            code, out, err = (int(head[key]) for key in ("exit_code", "stdout", "stderr"))
        except (KeyError, TypeError, ValueError):
            raise _Lost(f"the helper said {str(head)[:80]}") from None
        if out + err > OUTPUT_LIMIT:
            raise UnreadableAnswer(f"{describe(argv)} said over {OUTPUT_LIMIT} bytes")
        size = line + out + err
        self._until(process, data, end_s, lambda: len(data) >= size)
        self._reason = None
        return Answer(
            tuple(argv),
            code,
            data[line : line + out].decode(errors="replace"),
            data[line + out : size].decode(errors="replace"),
        )

    def _until(
        self,
        process: subprocess.Popen[bytes],
        data: bytearray,
        end_s: float,
        enough: Callable[[], int],
    ) -> int:
        """Read on until there is enough, and tell how much that is. Raises TimeoutError, _Lost."""
        assert process.stdout is not None
        number = process.stdout.fileno()
        while not (found := enough()):
            left_s = end_s - self._clock()
            if left_s <= 0 or not select.select([number], [], [], left_s)[0]:
                raise TimeoutError
            chunk = os.read(number, _CHUNK)
            if not chunk:
                raise _Lost(f"the helper ended ({process.wait()})")
            data += chunk
        return int(found)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._end()
        self._process = subprocess.Popen(
            self._program,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self._environment,
            start_new_session=True,
        )
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()  # it keeps nothing
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_END_S)
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()

    def _write(self, answer: Answer, elapsed_s: float) -> None:
        if self._journal is not None:
            self._journal.write(
                ("(library)", *answer.argv),
                elapsed_s=elapsed_s,
                exit_code=answer.exit_code,
                stdout=answer.stdout,
                stderr=answer.stderr,
            )


def _head(line: bytes) -> Mapping[str, Any]:
    try:
        head = json.loads(line)
    except ValueError:
        raise _Lost(f"the helper said {line[:80]!r}") from None
    if not isinstance(head, dict):
        raise _Lost(f"the helper said {line[:80]!r}")
    return head
