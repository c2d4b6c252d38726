"""The documents of `qstat -x -t` and `pbsnodes -x`, taken apart into records.

They are not always XML: `qstat -x` passes the control characters and stray bytes of a job's
environment through (a coloured prompt under `qsub -V` is enough), so that one job could make
the whole list unreadable. Therefore a document that cannot be parsed is cleaned of what
XML does not allow, and read record by record if that does not help: what is still
unreadable is one record, which is reported and left out. Records can be told apart
because the server escapes `<` everywhere. A document without its beginning or its
end is never taken for a short one: it raises `UnreadableAnswer`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from torque_mesos.batch.bad_record import BadRecord, ends
from torque_mesos.batch.base import UnreadableAnswer

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_RECORDS = {tag: re.compile(f"<{tag}>.*?</{tag}>", re.DOTALL) for tag in ("Job", "Node")}
_PIECE = 2**18  # characters
_PROLOG = re.compile(r"\s*<\?xml[^>]*\?>")


def records(text: str, tag: Literal["Job", "Node"]) -> Iterator[Element | str]:
    """The records of a `<Data>` document: elements, or texts where it is not XML.

    Raises:
        UnreadableAnswer: the document is not whole, quoting the place.
    """
    body = text.strip()
    start = _PROLOG.match(body)
    inner = body[start.end() :].lstrip() if start else body
    if inner == "<Data/>":
        return
    if not inner.startswith("<Data>") or not inner.endswith("</Data>"):
        raise UnreadableAnswer(f"{tag.lower()} list: not a whole <Data> document: {ends(body)}")
    at, last = len("<Data>"), len(inner) - len("</Data>")
    end = f"</{tag}>"
    while at < last:
        # Some records at a time, so that few elements are there at once.
        cut = inner.find(end, at + _PIECE)
        after = last if cut < 0 else cut + len(end)
        yield from _of_piece(f"<Data>{inner[at:after]}</Data>", tag)
        at = after


def _of_piece(body: str, tag: Literal["Job", "Node"]) -> Iterator[Element | str]:
    root: Any = None
    try:
        root = _parsed(body)
    except (ParseError, DefusedXmlException):
        body = _NOT_XML.sub("\ufffd", body)
        try:
            root = _parsed(body)
        except (ParseError, DefusedXmlException) as error:
            yield from _torn_records(body, tag, error)
            return
    for element in root:
        if element.tag != tag:
            raise UnreadableAnswer(f"{tag.lower()} list: holds an unexpected <{element.tag}>")
        yield element


def _parsed(text: str) -> Element:
    """The element. Raises ParseError or DefusedXmlException."""
    if "<!" in text:
        element: Element = fromstring(text)
        return element
    # No declaration, so no entity: the reader in C, which is twice as fast, can do no harm.
    return ElementTree.fromstring(text)  # noqa: S314


def _torn_records(body: str, tag: Literal["Job", "Node"], error: Exception) -> Iterator[str]:
    """The records of a document that is not XML, told apart by their tags alone."""
    inner = body[body.index("<Data>") + len("<Data>") : body.rindex("</Data>")]
    position = 0
    for match in _RECORDS[tag].finditer(inner):
        between = inner[position : match.start()]
        if between.strip():
            raise UnreadableAnswer(
                f"{tag.lower()} list: {error}; between two records: {ends(between)}"
            )
        if match[0].count(f"<{tag}>") > 1:
            raise UnreadableAnswer(f"{tag.lower()} list: {error}; no end: {ends(match[0])}")
        yield match[0]
        position = match.end()
    if inner[position:].strip():
        raise UnreadableAnswer(
            f"{tag.lower()} list: {error}; after the last record: {ends(inner[position:])}"
        )


def element_of(record: Element | str) -> Element:
    """The element of a record that `records` gave.

    Raises:
        BadRecord: it is none.
    """
    if not isinstance(record, str):
        return record
    try:
        return _parsed(record)
    except (ParseError, DefusedXmlException) as error:
        raise BadRecord(f"{error}: {ends(record)}") from None


def name_in(record: Element | str, tag: str) -> str:
    """The name in a record, as far as it can be had even from a broken one."""
    if isinstance(record, str):
        match = re.search(f"<{tag}>([^<]*)</{tag}>", record)
        return match[1].strip() if match else ""
    return (record.findtext(tag) or "").strip()


def named_once(element: Element, tag: str) -> None:
    """Two records of which the bytes between them are lost are not one.

    Raises:
        BadRecord: naming all of them.
    """
    names = element.findall(tag)
    if len(names) > 1:
        raise BadRecord(f"it has several <{tag}>: {' '.join(each.text or '' for each in names)}")


def text_of(element: Element, tag: str) -> str:
    """The text under a tag, not empty.

    Raises:
        BadRecord: there is none.
    """
    value = (element.findtext(tag) or "").strip()
    if not value:
        raise BadRecord(f"it has no <{tag}>")
    return value
