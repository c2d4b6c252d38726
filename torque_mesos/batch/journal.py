"""The journal of commands: `commands.jsonl`, one JSON object a line.

A line holds `at` (seconds since 1970), `argv`, `exit_code` (null where the command did
not end by itself), `elapsed_s`, `stdout`, `stderr`. An output that is the same as the
one before from the same command is written as `"stdout_as_before": true`; one that is
longer than `answer_limit` is cut, with its whole length in `stdout_chars`.

The file never stops the service: a line that cannot be written is counted in `lost`,
and the first of them is logged.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import structlog

NAME = "commands.jsonl"
_REMEMBERED = 64  # commands whose last output is known, as a digest
_log = structlog.get_logger(__name__)


class CommandJournal:
    """Appends to `directory/commands.jsonl`; may be called by several threads.

    A file that reaches `max_bytes` is renamed to `commands.jsonl.1`, and so on; `keep`
    old ones stay.
    """

    def __init__(
        self,
        directory: Path,
        *,
        max_bytes: int = 16 * 2**20,
        keep: int = 4,
        answer_limit: int = 256 * 1024,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = directory / NAME
        self.lost = 0
        self._max_bytes = max_bytes
        self._keep = keep
        self._answer_limit = answer_limit
        self._clock = clock
        self._lock = threading.Lock()
        self._failing = False
        self._torn = True  # until it is known that the file ends with a whole line
        self._last: dict[tuple[str, ...], bytes] = {}

    def write(
        self,
        argv: Sequence[str],
        *,
        exit_code: int | None,
        elapsed_s: float,
        stdout: str,
        stderr: str,
    ) -> None:
        """Append one command and its answer. Never raises `OSError`."""
        with self._lock:
            entry: dict[str, Any] = {
                "at": round(self._clock(), 3),
                "argv": list(argv),
                "exit_code": exit_code,
                "elapsed_s": round(elapsed_s, 4),
            }
            digest = hashlib.blake2b(stdout.encode(errors="replace"), digest_size=16).digest()
            key = tuple(argv)
            if stdout and self._last.get(key) == digest:
                entry["stdout_as_before"] = True
            else:
                entry["stdout"] = stdout[: self._answer_limit]
                if len(stdout) > self._answer_limit:
                    entry["stdout_chars"] = len(stdout)
            entry["stderr"] = stderr[: self._answer_limit]
            line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
            try:
                if self._rotate_if_full(len(line)) and "stdout_as_before" in entry:
                    # What it was "before" went with the old file.
                    del entry["stdout_as_before"]
                    entry["stdout"] = stdout[: self._answer_limit]
                    line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
                self._append(line)
            except OSError as error:
                self._lose(error)
                return
            if self._failing:
                self._failing = False
                _log.info("command journal is written again", path=str(self.path), lost=self.lost)
            if key in self._last or len(self._last) < _REMEMBERED:
                self._last[key] = digest

    def _append(self, line: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        number = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            # After a crash or a full disk the last line may be half a line.
            data = b"\n" + line if self._torn and os.fstat(number).st_size else line
            written = os.write(number, data)
            self._torn = written != len(data)
            if self._torn:
                raise OSError(f"only {written} of {len(data)} bytes could be written")
        finally:
            os.close(number)

    def _rotate_if_full(self, more: int) -> bool:
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            return False
        if size == 0 or size + more <= self._max_bytes:
            return False
        for number in range(self._keep - 1, 0, -1):
            older = self.path.with_name(f"{NAME}.{number}")
            if older.exists():
                older.replace(self.path.with_name(f"{NAME}.{number + 1}"))
        if self._keep:
            self.path.replace(self.path.with_name(f"{NAME}.1"))
        else:
            self.path.unlink()
        self._last.clear()
        self._torn = False
        return True

    def _lose(self, error: OSError) -> None:
        self.lost += 1
        self._last.clear()
        if not self._failing:
            self._failing = True
            _log.warning("command journal cannot be written", path=str(self.path), error=str(error))
