from __future__ import annotations

import json
from xml.etree import ElementTree

from rich.console import Console

from torque_mesos.verify.checks import Result
from torque_mesos.verify.report import junit, picture, to_json

RESULTS = [
    Result("one", "c1", "alice", "1.head", ("n1",), 1.25),
    Result("many", "c1", "alice", "2.head", failures=("stdout is '\x1b[2J<&'", "and\x00more")),
    Result("hosts", skipped="only one host"),
]


def test_the_table_has_a_line_for_each_and_a_sentence_for_each_failure() -> None:
    console = Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(picture(RESULTS))
    text = console.export_text()
    assert "\x1b" not in text
    assert "! c1 alice many: stdout is '?[2J<&'" in text
    assert "- hosts was not tested: only one host" in text
    assert "1 ok, 1 failed, 1 skipped" in text


def test_junit_can_be_read_and_counts() -> None:
    suite = ElementTree.fromstring(junit(RESULTS).encode())
    assert (suite.attrib["tests"], suite.attrib["failures"]) == ("3", "1")
    assert [case.attrib["name"] for case in suite] == ["one", "many", "hosts"]
    failure = suite[1].find("failure")
    assert failure is not None
    assert failure.text == "stdout is '?[2J<&'\nand?more"
    assert suite[2].find("skipped") is not None


def test_json_is_one_line() -> None:
    text = to_json(RESULTS)
    assert "\n" not in text
    values = json.loads(text)
    assert values["passed"] is False
    assert [item["verdict"] for item in values["results"]] == ["ok", "FAILED", "skipped"]
    assert values["results"][0]["nodes"] == ["n1"]
