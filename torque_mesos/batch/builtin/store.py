"""The server's state on disk: one row an object, so that a kill -9 loses nothing."""

from __future__ import annotations

import json
import sqlite3
from typing import Any, Dict, Iterator, Optional, Tuple

Record = Dict[str, Any]


class Store:
    """Keeps records by (kind, key). Changes are gathered by `put` and written by `flush`."""

    def __init__(self, path: str) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        # The file survives the process, which is what is asked; a power cut may cost the tail.
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS record"
            " (kind TEXT, key TEXT, value TEXT, PRIMARY KEY (kind, key))"
        )
        self._changed: Dict[Tuple[str, str], Optional[Record]] = {}

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

    def flush(self) -> None:
        """Write what has changed, all or nothing."""
        if not self._changed:
            return
        changed, self._changed = self._changed, {}
        self._database.execute("BEGIN")
        for (kind, key), record in changed.items():
            if record is None:
                self._database.execute("DELETE FROM record WHERE kind = ? AND key = ?", (kind, key))
            else:
                self._database.execute(
                    "INSERT INTO record VALUES (?, ?, ?)"
                    " ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value",
                    (kind, key, json.dumps(record)),
                )
        self._database.execute("COMMIT")

    def close(self) -> None:
        """Write what is left and let go of the file."""
        self.flush()
        self._database.close()
