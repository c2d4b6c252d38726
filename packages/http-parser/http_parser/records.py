"""RecordIO, the framing of Mesos' event streams: `LENGTH\\nRECORD`, again and again."""

from __future__ import annotations

# Decimal digits of 2**64: a longer length cannot be meant.
MAX_DIGITS = 20


class RecordError(ValueError):
    """The stream has something else where the length of a record should be."""


class RecordBuffer:
    """Takes a stream in arbitrary pieces and gives it back in whole records.

    Each byte is copied a constant number of times, however long its record is and
    however small the pieces are.
    """

    def __init__(self) -> None:
        self._digits = bytearray()
        self._missing: int | None = None
        self._pieces: list[bytes] = []
        self._whole: list[bytes] = []

    def __bool__(self) -> bool:
        return bool(self._whole)

    def feed(self, data: bytes) -> None:
        """Take the next bytes. Raises RecordError, after which the stream is of no use."""
        position = 0
        while position < len(data):
            if self._missing is None:
                position = self._read_length(data, position)
            if self._missing is not None:
                piece = data[position : position + self._missing]
                position += len(piece)
                self._missing -= len(piece)
                self._pieces.append(piece)
                if not self._missing:
                    self._whole += self._pieces
                    self._pieces = []
                    self._missing = None

    def take(self) -> bytes:
        """All complete records not yet taken, each with its length in front."""
        whole = b"".join(self._whole)
        self._whole = []
        return whole

    def _read_length(self, data: bytes, position: int) -> int:
        end = data.find(b"\n", position, position + MAX_DIGITS + 1)
        stop = end if end >= 0 else min(len(data), position + MAX_DIGITS + 1)
        self._digits += data[position:stop]
        digits = bytes(self._digits)
        complete = end >= 0
        if len(digits) > MAX_DIGITS or not (digits.isdigit() or (not digits and not complete)):
            raise RecordError(f"not the length of a record: {digits[: MAX_DIGITS + 1]!r}")
        if not complete:
            return stop
        self._missing = int(digits)
        self._pieces.append(digits + b"\n")
        self._digits.clear()
        return end + 1
