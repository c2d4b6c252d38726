"""The server's state on disk: one row an object, so that a kill -9 loses nothing."""

from __future__ import annotations

import json
import os
import sqlite3
from typing import Any, Dict, Iterator, Optional, Tuple

Record = Dict[str, Any]

# Raised by one when an older server could not read what a newer one writes.
FORMAT = 1


class BadStore(Exception):
    """A database that this server cannot read; the message names it and says why."""


class NotKept(Exception):
    """The disk took no changes. They are kept in memory and tried again with the next."""


class Store:
    """Keeps records by (kind, key). Changes are gathered by `put` and written by `flush`.

    Raises `BadStore`.
    """

    def __init__(self, path: str) -> None:
        try:
            self._open(path)
        except (OSError, sqlite3.Error) as error:
            raise BadStore(f"cannot read {path}: {error}") from None
        self._changed: Dict[Tuple[str, str], Optional[Record]] = {}

    def _open(self, path: str) -> None:
        # Scripts of all users are in it; its companions get its mode.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.fchmod(descriptor, 0o600)
        os.close(descriptor)
        self._database = sqlite3.connect(path, isolation_level=None)
        (found,) = self._database.execute("PRAGMA user_version").fetchone()
        if found not in (0, FORMAT):
            text = f"{path} has format {found}, this server reads format {FORMAT}"
            raise BadStore(f"{text}: it was written by another version")
        # The file survives the process, which is what is asked; a power cut may cost the tail.
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS record"
            " (kind TEXT, key TEXT, value TEXT, PRIMARY KEY (kind, key))"
        )
        self._database.execute(f"PRAGMA user_version={FORMAT}")

    def load(self, kind: str) -> Iterator[Tuple[str, Record]]:
        """All records of a kind, in the order they were first written."""
        rows = self._database.execute(
            "SELECT key, value FROM record WHERE kind = ? ORDER BY rowid", (kind,)
        )
        for key, value in rows:
            yield key, json.loads(value)

    def put(self, kind: str, key: str, record: Optional[Record]) -> None:
        """Keep `record`, or with None forget it, at the next `flush`."""
        self._changed[kind, key] = record

    @property
    def waiting(self) -> int:
        """How many records have changed since they were written."""
        return len(self._changed)

    def flush(self) -> None:
        """Write what has changed, all or nothing. Raises `NotKept`."""
        if not self._changed:
            return
        try:
            self._database.execute("BEGIN")
            for (kind, key), record in self._changed.items():
                self._write(kind, key, record)
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise NotKept(str(error)) from None
        self._changed = {}

    def _write(self, kind: str, key: str, record: Optional[Record]) -> None:
        if record is None:
            self._database.execute("DELETE FROM record WHERE kind = ? AND key = ?", (kind, key))
            return
        self._database.execute(
            "INSERT INTO record VALUES (?, ?, ?)"
            " ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value",
            (kind, key, json.dumps(record)),
        )

    def close(self) -> None:
        """Write what is left and let go of the file. Raises `NotKept`."""
        self.flush()
        self._database.close()


def check(path: str) -> None:
    """Raises `BadStore` where a server could not work with the database that is there."""
    if os.path.exists(path):
        store = Store(path)
        try:
            for kind in ("server", "queue", "node", "job", "array"):
                for _ in store.load(kind):
                    break
        except (sqlite3.Error, ValueError) as error:
            raise BadStore(f"cannot read {path}: {error}") from None
        store.close()
