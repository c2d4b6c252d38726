"""The kernel's notices of changes in one folder: what of inotify the queue watcher needs."""

from __future__ import annotations

import ctypes
import os
import struct
from dataclasses import dataclass
from pathlib import Path

MODIFY = 0x00000002
MOVED_TO = 0x00000080
CREATE = 0x00000100
DELETE_SELF = 0x00000400
MOVE_SELF = 0x00000800
OVERFLOW = 0x00004000
IGNORED = 0x00008000
ONLYDIR = 0x01000000

# After one of these the folder is not (or no longer) the one at its path.
GONE = DELETE_SELF | MOVE_SELF | IGNORED

_HEADER = struct.Struct("iIII")
_BUFFER = 64 * 1024
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Notice:
    """One change: `mask` of the constants above, and the file's name ('' for the folder)."""

    mask: int
    name: str


class FolderNotices:
    """Notices of one folder's files being written, made or moved in.

    `OSError` is raised at the start if the folder cannot be watched.
    """

    def __init__(self, folder: Path) -> None:
        self._number = _checked(_libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK), folder)
        mask = MODIFY | MOVED_TO | CREATE | DELETE_SELF | MOVE_SELF | ONLYDIR
        try:
            path = ctypes.c_char_p(os.fsencode(folder))
            _checked(_libc.inotify_add_watch(self._number, path, ctypes.c_uint32(mask)), folder)
        except OSError:
            os.close(self._number)
            raise

    def fileno(self) -> int:
        """To wait on: readable when there are notices."""
        return self._number

    def read(self) -> list[Notice]:
        """The notices so far, without waiting."""
        try:
            data = os.read(self._number, _BUFFER)
        except BlockingIOError:
            return []
        notices = []
        position = 0
        while position < len(data):
            _, mask, _, length = _HEADER.unpack_from(data, position)
            start = position + _HEADER.size
            name = data[start : start + length].rstrip(b"\0")
            notices.append(Notice(mask, os.fsdecode(name)))
            position = start + length
        return notices

    def close(self) -> None:
        """End the watch."""
        os.close(self._number)

    def __enter__(self) -> FolderNotices:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _checked(result: int, folder: Path) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(folder))
    return result
