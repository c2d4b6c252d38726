"""The results as a table, as JSON and as a JUnit file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from torque_mesos.verify.checks import Result
from torque_mesos.verify.run import counts, passed

if TYPE_CHECKING:
    from rich.console import RenderableType

_STYLES = {"ok": "green", "FAILED": "red", "skipped": "yellow"}


def clean(text: str) -> str:
    """Text without what XML cannot hold and what would do something to a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def picture(results: Sequence[Result]) -> RenderableType:
    """A table, and below it a sentence for everything that is not as it must be."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("client", "user", "what", "job", "s", "nodes", "result"):
        table.add_column(column, justify="right" if column == "s" else "left")
    for result in results:
        table.add_row(
            *(Text(clean(text)) for text in (result.client, result.user, result.what)),
            Text(clean(result.job_id)),
            Text(f"{result.seconds:.1f}" if result.seconds else ""),
            Text(clean(" ".join(result.nodes))),
            Text(result.verdict, style=_STYLES[result.verdict]),
        )
    lines: list[RenderableType] = [table, Text()]
    for result in results:
        name = clean(" ".join(filter(None, (result.client, result.user, result.what))))
        lines += [Text(clean(f"! {name}: {text}"), style="red") for text in result.failures]
        if result.skipped:
            lines.append(Text(clean(f"- {name} was not tested: {result.skipped}")))
    number = counts(results)
    lines.append(Text(f"{number['ok']} ok, {number['FAILED']} failed, {number['skipped']} skipped"))
    return Group(*lines)


def to_json(results: Sequence[Result]) -> str:
    """One line: `{"passed": ..., "results": [...]}`."""
    values = [{**asdict(result), "verdict": result.verdict} for result in results]
    return json.dumps({"passed": passed(results), "results": values})


def junit(results: Sequence[Result]) -> str:
    """A JUnit document, as test runners read it."""
    number = counts(results)
    suite = ElementTree.Element(
        "testsuite",
        name="torque-mesos verify",
        tests=str(len(results)),
        failures=str(number["FAILED"]),
        skipped=str(number["skipped"]),
        errors="0",
        time=f"{sum(result.seconds for result in results):.3f}",
    )
    for result in results:
        where = [clean(word) for word in (result.client, result.user) if word]
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=".".join(["verify", *where]),
            name=clean(result.what),
            time=f"{result.seconds:.3f}",
        )
        if result.failures:
            text = "\n".join(clean(failure) for failure in result.failures)
            failure = ElementTree.SubElement(case, "failure", message=text.splitlines()[0])
            failure.text = text
        elif result.skipped:
            ElementTree.SubElement(case, "skipped", message=clean(result.skipped))
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"
