"""The documents that OpenPBS' commands print with `-F json`, taken apart into records.

They are not always JSON: the release 23.06.06 writes whatever looks like a number to C
without quotes, so that a job with the name `nan`, or with `+5` or `.5` in its environment,
makes the whole list unreadable. Later versions (same number, indented by tabs) read each
value of the environment as JSON again, which may then be `null` or lists in lists.

Therefore a document that cannot be parsed is read record by record (each begins and ends on
lines of its own, two steps deep), and values that are not JSON are taken as texts: what is
still unreadable is one record, which is reported and left out. A document without its
beginning or its end is never taken for a short one: it raises `UnreadableAnswer`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from torque_mesos.batch.bad_record import SHOWN, BadRecord, ends
from torque_mesos.batch.base import UnreadableAnswer

_STEP = "(?:\t|    )"
_RECORD = re.compile(_STEP + _STEP + r'("(?:[^"\\]|\\.)*"):\t?\{')
_RECORD_END = re.compile(_STEP + _STEP + "},?")
_LIST_END = re.compile(_STEP + "}")
_BARE_VALUE = re.compile(r'(\s+"(?:[^"\\]|\\.)*":\s*)([^"{\s].*?)(,?)')

_WITH_LISTS = ("Queue", "Server")  # whose attributes may be repeated
_MARGIN = 64  # characters; around the document there is white space at most
_NAME = re.compile(r'\s*"((?:[^"\\]|\\.)*)"\s*:\s*', re.DOTALL)
_AFTER = re.compile(r"\s*([,}])")
_END = re.compile(r"\s*\}")


def records(text: str, key: str) -> Iterator[tuple[str, Any]]:
    """The (name, value) of each record under `key`; the value is a text if it is not JSON.

    One record after the other is decoded, so that few of them are there at a time.

    Raises:
        UnreadableAnswer: the document is not whole, quoting the place.
    """
    what = key.lower()
    if not text[:_MARGIN].lstrip().startswith("{") or not text[-_MARGIN:].rstrip().endswith("}"):
        raise UnreadableAnswer(f"{what}: not a whole JSON document: {ends(text.strip())}")
    told: list[str] = []
    try:
        for name, record in _walked(text, key):
            told.append(name)
            yield name, record
    except (ValueError, RecursionError) as error:
        # The records before the one that is no JSON are known already.
        for number, (name, record) in enumerate(_torn_records(text.strip(), key, error)):
            if number >= len(told):
                yield name, record
            elif name != told[number]:
                raise UnreadableAnswer(
                    f"{what}: {error}; record {number + 1} is {name[:SHOWN]}"
                    f" or {told[number][:SHOWN]}"
                ) from None


def _walked(text: str, key: str) -> Iterator[tuple[str, Any]]:
    """The records of a JSON document. Raises ValueError where it is none, or UnreadableAnswer."""
    decode = _decoder(repeats=key in _WITH_LISTS).raw_decode
    at = text.index("{") + 1
    found: set[str] = set()
    more = not (match := _END.match(text, at))
    while more:
        name, at = _name_at(text, at)
        found.add(name)
        if name == key:
            if text[at : at + 1] != "{":
                what = f"{key.lower()}: {key!r} is not an object"
                raise UnreadableAnswer(f"{what}: {ends(text[at : at + SHOWN])}")
            at += 1
            within = not (match := _END.match(text, at))
            while within:
                record, at = _name_at(text, at)
                value, at = decode(text, at)
                yield record, value
                match = _next(text, at)
                at, within = match.end(), match[1] == ","
            at = match.end() if match else at
        else:
            other, at = decode(text, at)
            if isinstance(other, dict):  # a list of records whose name was damaged?
                raise UnreadableAnswer(f"{key.lower()}: an unexpected list {name[:SHOWN]!r}")
        match = _next(text, at)
        at, more = match.end(), match[1] == ","
    if text[match.end() if match else at :].strip():
        raise ValueError(f"more after the end, character {at}")
    # Every answer has a head; without it, this is not what was asked for.
    if "pbs_server" not in found:
        raise UnreadableAnswer(f"{key.lower()}: not an answer of the server: {ends(text)}")


def _name_at(text: str, at: int) -> tuple[str, int]:
    """The name of the next member, and where its value begins."""
    match = _NAME.match(text, at)
    if match is None:
        raise ValueError(f"no name of a member, character {at}")
    name = match[1]
    return (_quoted(f'"{name}"') if "\\" in name else name), match.end()


def _next(text: str, at: int) -> re.Match[str]:
    """What follows a member: a comma, or the end."""
    match = _AFTER.match(text, at)
    if match is None:
        raise ValueError(f"neither a further member nor an end, character {at}")
    return match


def _torn_records(body: str, key: str, error: Exception) -> Iterator[tuple[str, str]]:
    """The records of a document that is not JSON, told apart by their lines alone."""
    lines = body.split("\n")
    head = re.compile(f'{_STEP}"{key}":\t?{{')
    position = next((n for n, line in enumerate(lines, 1) if head.fullmatch(line)), None)
    last = len(lines) - 2
    if position is None or lines[-1] != "}" or not _LIST_END.fullmatch(lines[last]):
        raise UnreadableAnswer(f"{key.lower()}: not a whole list: {error}: {ends(body)}")
    if any(_RECORD.fullmatch(line) for line in lines[:position]):
        raise UnreadableAnswer(f"{key.lower()}: {error}; a record before the list: {ends(body)}")
    while position < last:
        start = _RECORD.fullmatch(lines[position])
        if not start:
            raise UnreadableAnswer(
                f"{key.lower()}: {error}; between two records, line {position + 1}:"
                f" {ends(lines[position])}"
            )
        first = position
        position += 1
        while position < last and not _RECORD_END.fullmatch(lines[position]):
            if _RECORD.fullmatch(lines[position]):  # the one before has lost its end
                break
            position += 1
        if position == last:
            raise UnreadableAnswer(f"{key.lower()}: {error}; {start[1][:SHOWN]} has no end")
        ended = _RECORD_END.fullmatch(lines[position]) is not None
        body_lines = lines[first + 1 : position]
        yield _quoted(start[1]), "\n".join(("{", *body_lines, "}" if ended else "(no end)"))
        position += ended


def _mended(record: str) -> str:
    """The record with quotes around each value that is not JSON."""

    def mended(line: str) -> str:
        match = _BARE_VALUE.fullmatch(line)
        if not match or match[2] == "[":  # a list over several lines
            return line
        try:
            _loads(match[2])
        except (ValueError, RecursionError):
            return match[1] + json.dumps(match[2]) + match[3]
        return line

    return "\n".join(mended(line) for line in record.split("\n"))


def _loads(text: str, *, repeats: bool = True) -> Any:
    return _decoder(repeats=repeats).decode(text)


@cache
def _decoder(*, repeats: bool) -> json.JSONDecoder:
    # Numbers with a fraction, and NaN, stay texts: a job may be called so.
    hook = _joined if repeats else None
    return json.JSONDecoder(
        strict=False, parse_float=str, parse_constant=str, object_pairs_hook=hook
    )


def _joined(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object. A list of limits has one key for each: `"max_run":"[u:a=1]","max_run":...`."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        before = found.get(key)
        limits = isinstance(before, str) and isinstance(value, str) and value.startswith("[")
        found[key] = f"{before},{value}" if limits else value
    return found


def flat(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields with those of resources by their own names, `max_run_res.ncpus`."""
    found: dict[str, Any] = {}
    for key, value in fields.items():
        if isinstance(value, dict):
            found |= {f"{key}.{resource}": each for resource, each in value.items()}
        else:
            found[key] = value
    return found


def _quoted(text: str) -> str:
    try:
        return str(json.loads(text, strict=False))
    except ValueError:
        return text[1:-1]


def fields_of(record: Any) -> dict[str, Any]:
    """The fields of a record that `records` gave.

    Raises:
        BadRecord: they cannot be read.
    """
    if isinstance(record, str):
        record = _from_text(record)
    if not isinstance(record, dict):
        raise BadRecord(f"it is not an object: {ends(str(record))}")
    return record


def text_of(fields: Mapping[str, Any], key: str) -> str:
    """The field of that name, a text that is not empty.

    Raises:
        BadRecord: there is none.
    """
    value = fields.get(key)
    if not isinstance(value, str) or not value:
        raise BadRecord(f"it has no {key}" if value is None else f"its {key} is {value!r:.80}")
    return value


def _from_text(record: str) -> Any:
    try:
        return _loads(record)
    except (ValueError, RecursionError):
        try:
            return _loads(_mended(record))
        except (ValueError, RecursionError) as error:
            raise BadRecord(f"{error}: {ends(record)}") from None
