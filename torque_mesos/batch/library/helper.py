"""The process that owns the library and its connection.

It reads a line for each command, `{"argv": [...], "timeout_s": 30}`, and answers with a line,
`{"exit_code": 0, "stdout": 17, "stderr": 0}` (sizes in bytes), and those bytes; or with
`{"pass": "why"}`, which means: run the command. It ends with its standard input, and by
itself, with SIGALRM, if a call takes much longer than it may.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any, BinaryIO

from torque_mesos.batch.library.asked import Change, List, Mark, understood
from torque_mesos.batch.library.binding import (
    NO_ATTRIBUTE,
    CallFailed,
    Dropped,
    Kind,
    Library,
    Object,
    Values,
)
from torque_mesos.batch.library.texts import ONLY, text_of

_GRACE_S = 5


class Pass(Exception):
    """The command itself is to be run."""


class Desk:
    """Does what commands would do, by the library."""

    def __init__(self, library: Library, kind: Kind) -> None:
        self._library = library
        self._kind = kind
        self._all: set[Object] = set()  # of these, all attributes must be asked for

    def answer(self, argv: list[str]) -> tuple[int, str, str]:
        """Exit code, standard output and errors. Raises Pass."""
        asked = understood(argv, self._kind)
        try:
            if isinstance(asked, List):
                return self._list(asked, os.path.basename(argv[0]))
            if isinstance(asked, Mark):
                return 0, "", self._mark(asked.change)
            if isinstance(asked, Change):
                return self._change(asked)
        except Dropped as error:
            raise Pass(str(error)) from None
        raise Pass("not understood")

    def _list(self, asked: List, command: str) -> tuple[int, str, str]:
        try:
            records = self._listed(asked)
        except CallFailed as error:
            code = 1 if asked.what == "node" else error.number & 0xFF
            return code, "", f"{command}: {error.text}\n"
        return 0, text_of(asked.what, records, self._kind), ""

    def _listed(self, asked: List) -> list[tuple[str, Values]]:
        records = self._tried(asked)
        if records or asked.what == "queue":
            return records
        if asked.what == "job" and self._has_no_job():
            return []
        # A connection that broke must not be taken for a server without jobs.
        self._library.close()
        records = self._tried(asked)
        if records or (asked.what == "job" and self._has_no_job()):
            return records
        raise Pass(f"an empty list of {asked.what}s")

    def _has_no_job(self) -> bool:
        servers = self._tried(List("server"))
        return len(servers) == 1 and servers[0][1].get("total_jobs") == "0"

    def _tried(self, asked: List) -> list[tuple[str, Values]]:
        """A list; once more on a new connection if the old one was broken."""
        what = asked.what
        extend = "t" if what == "job" and self._kind == "openpbs" else ""
        only = None if what in self._all else ONLY[self._kind].get(what)
        for _ in range(2):
            try:
                return self._library.listed(what, asked.name, only, extend)
            except CallFailed as error:
                if only is None or error.number != NO_ATTRIBUTE:
                    raise
                self._all.add(what)  # another release, which does not know one of them
                only = None
            except Dropped as error:
                dropped = error
        raise Pass(str(dropped))

    def _change(self, asked: Change) -> tuple[int, str, str]:
        code, said = 0, []
        for name in asked.names:
            try:
                self._one(asked, name)
            except CallFailed as error:
                code = error.number & 0xFF if self._kind == "openpbs" else 2
                said.append(f"qmgr obj={name} svr=default: {error.text}\n")
        return code, "", "".join(said)

    def _mark(self, asked: Change) -> str:
        said = []
        for name in asked.names:
            try:
                self._one(asked, name)
            except CallFailed as error:
                said.append(f"Error marking node {name} - {error.text}\n")
        return "".join(said)

    def _one(self, asked: Change, name: str) -> None:
        try:
            self._library.change(asked.command, asked.what, name, asked.settings)
        except Dropped:
            # Whether it was done is not known; to do it again is harmless.
            self._library.change(asked.command, asked.what, name, asked.settings)


def serve(desk: Desk, requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the requests end."""
    for line in requests:
        request = json.loads(line)
        signal.alarm(int(request["timeout_s"]) + _GRACE_S)
        head: dict[str, Any]
        try:
            code, stdout, stderr = desk.answer(request["argv"])
        except Pass as error:
            body = b""
            head = {"pass": str(error)}
        else:
            parts = [text.encode(errors="replace") for text in (stdout, stderr)]
            body = b"".join(parts)
            head = {"exit_code": code, "stdout": len(parts[0]), "stderr": len(parts[1])}
        signal.alarm(0)
        answers.write(json.dumps(head).encode() + b"\n" + body)
        answers.flush()


def main() -> None:
    """`helper KIND LIBRARY`: what the library itself prints is not part of an answer."""
    kind: Kind = "openpbs" if sys.argv[1] == "openpbs" else "torque"
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(Desk(Library(sys.argv[2], kind), kind), sys.stdin.buffer, answers)
