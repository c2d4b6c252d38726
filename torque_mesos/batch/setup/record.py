"""What was changed on the server, so that it can be taken back: `setup.json` in the state folder.

An entry is written before its deed, and again when it is known what the server shows after
it. So whatever is interrupted, the old value is known.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from torque_mesos import durable
from torque_mesos.batch.setup.wish import Change, Present

NAME = "setup.json"
_VERSION = 1


class RecordError(OSError):
    """The record cannot be read; what was changed is not known."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A change that was made. `shown`: what the server then showed, None if that is not known."""

    change: Change
    shown: str | None
    at: float

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is about."""
        return self.change.kind, self.change.target, self.change.attribute


class SetupRecord:
    """The entries, oldest first; in memory only where there is no `state_dir`.

    Every method raises OSError when the file cannot be read (`RecordError`) or written.
    """

    def __init__(self, state_dir: Path | None) -> None:
        self._path = None if state_dir is None else state_dir / NAME
        self._kept: tuple[Entry, ...] = ()

    def entries(self) -> tuple[Entry, ...]:
        """What was changed and not taken back."""
        if self._path is None:
            return self._kept
        try:
            text = self._path.read_text()
        except FileNotFoundError:
            return ()
        try:
            document = json.loads(text)
            if document["version"] != _VERSION:
                raise ValueError(f"version {document['version']!r}")
            return tuple(_entry(item) for item in document["changes"])
        except (ValueError, KeyError, TypeError) as error:
            raise RecordError(f"{self._path} cannot be read: {error}: {text[:80]!r}") from None

    def intend(self, change: Change, at: float) -> None:
        """Note what is about to be done.

        What an earlier change of ours found there stays the old value, unless somebody else has
        changed it since.
        """
        entries = self.entries()
        fresh = Entry(change, None, at)
        for entry in entries:
            if entry.key == fresh.key and change.old in (entry.shown, entry.change.new):
                fresh = replace(fresh, change=replace(change, old=entry.change.old))
        self._write((*(entry for entry in entries if entry.key != fresh.key), fresh))

    def settle(self, present: Present) -> None:
        """Note what the server shows after changes."""
        self._write(
            tuple(
                entry
                if entry.shown is not None
                else replace(entry, shown=present.shown(*entry.key))  # type: ignore[arg-type]
                for entry in self.entries()
            )
        )

    def put_back(self, before: tuple[Entry, ...]) -> None:
        """Be as before a change that was refused."""
        self._write(before)

    def forget(self, entry: Entry) -> None:
        """It was taken back, or is no longer ours."""
        self._write(tuple(item for item in self.entries() if item.key != entry.key))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One process at a time changes the server."""
        if self._path is None:
            yield
            return
        with self._path.with_suffix(".lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _write(self, entries: tuple[Entry, ...]) -> None:
        self._kept = entries
        if self._path is None:
            return
        if not entries:
            self._path.unlink(missing_ok=True)
            return
        document = {"version": _VERSION, "changes": [asdict(entry) for entry in entries]}
        durable.write(self._path, json.dumps(document, indent=1) + "\n")


def _entry(item: dict[str, Any]) -> Entry:
    return Entry(Change(**item["change"]), item["shown"], float(item["at"]))
