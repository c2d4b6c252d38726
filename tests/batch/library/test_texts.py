"""What the library tells is read as what the commands print; nothing that is read is missing."""

from __future__ import annotations

import calendar
import inspect
import re
import time
from collections.abc import Callable
from typing import Any, Literal, TypeAlias
from xml.etree import ElementTree

import pytest

from tests.batch.recorded import recorded
from torque_mesos.batch import openpbs_jobs as jobs_reader
from torque_mesos.batch import openpbs_nodes as nodes_reader
from torque_mesos.batch import torque_xml
from torque_mesos.batch.library.binding import Kind, Object, Values
from torque_mesos.batch.library.texts import ONLY, text_of
from torque_mesos.batch.openpbs_jobs import parse_jobs as openpbs_jobs
from torque_mesos.batch.openpbs_json import fields_of, records
from torque_mesos.batch.openpbs_nodes import parse_nodes as openpbs_nodes
from torque_mesos.batch.openpbs_queues import parse_queues as openpbs_queues
from torque_mesos.batch.openpbs_queues import parse_server
from torque_mesos.batch.torque_attributes import parse_attributes, parse_queues
from torque_mesos.batch.torque_xml import parse_jobs, parse_nodes

Told: TypeAlias = list[tuple[str, Values]]
Label: TypeAlias = Literal["Queue", "Server"]


def only(kind: Kind, what: Object, told: Told) -> Told:
    """As the server tells them when it is asked for `ONLY`."""
    kept = ONLY[kind].get(what)
    return [
        (name, {key: value for key, value in values.items() if kept is None or key in kept})
        for name, values in told
    ]


def from_xml(text: str, name: str) -> Told:
    told: Told = []
    for element in ElementTree.fromstring(text):
        values: Values = {}
        for child in element:
            inner = {item.tag: item.text or "" for item in child}
            values[child.tag] = inner or child.text or ""
        told.append((str(values.pop(name)), values))
    return told


def plain(name: str, value: Any) -> str | dict[str, str]:
    if isinstance(value, dict):
        return {key: str(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return ", ".join(value)
    if name == "qtime":
        return str(calendar.timegm(time.strptime(value, "%a %b %d %H:%M:%S %Y")))
    return str(value)


def from_json(text: str, key: str) -> Told:
    return [
        (name, {field: plain(field, value) for field, value in fields_of(record).items()})
        for name, record in records(text, key)
    ]


def test_jobs_of_torque() -> None:
    text = recorded("qstat-x-t-mix").stdout
    told = text_of("job", only("torque", "job", from_xml(text, "Job_Id")), "torque")
    assert len(told) < len(text) / 2
    assert parse_jobs(told) == parse_jobs(text)


def test_nodes_of_torque() -> None:
    text = recorded("pbsnodes-x-mix").stdout
    told = text_of("node", only("torque", "node", from_xml(text, "name")), "torque")
    assert parse_nodes(told) == parse_nodes(text)


def test_no_jobs_of_torque() -> None:
    assert parse_jobs(text_of("job", [], "torque")).jobs == ()


def from_lines(text: str, label: Label) -> Told:
    told: Told = []
    for name, attributes in parse_attributes(text, label):
        values: Values = {}
        for key, value in attributes.items():
            base, _, resource = key.partition(".")
            inner = values.setdefault(base, {}) if resource else None
            if isinstance(inner, dict):
                inner[resource] = value
            else:
                values[key] = value
        told.append((name, values))
    return told


@pytest.mark.parametrize(
    ("label", "what", "name"),
    [("Queue", "queue", "qstat-queues"), ("Server", "server", "qstat-server")],
)
def test_queues_and_server_of_torque(label: Label, what: Object, name: str) -> None:
    text = recorded(name).stdout
    told = text_of(what, from_lines(text, label), "torque")
    ((found_name, found),) = parse_attributes(told, label)
    ((real_name, real),) = parse_attributes(text, label)
    assert found_name == real_name
    assert found == {key: value.strip() for key, value in real.items()}


def test_no_queues_of_torque() -> None:
    assert parse_queues(text_of("queue", [], "torque")) == ()


def test_what_has_lines_stays_one_record() -> None:
    told: Told = [("head", {"comment": "a\nServer: other\n    x = y", "scheduling": "True"})]
    (record,) = parse_attributes(text_of("server", told, "torque"), "Server")
    assert record[1]["scheduling"] == "True"


def test_signs_of_xml_in_values() -> None:
    told: Told = [
        (
            "1.head",
            {
                "Job_Name": "a<b>&amp;\x1b",
                "Job_Owner": "a@b",
                "job_state": "Q",
                "queue": "q",
                "Resource_List": {"nodes": "1:x<y"},
            },
        )
    ]
    (job,) = parse_jobs(text_of("job", told, "torque")).jobs
    assert job.name == "a<b>&amp;\ufffd"
    assert job.resources["nodes"] == "1:x<y"


@pytest.mark.parametrize("name", ["qstat-mix", "later-qstat", "later-qstat-array"])
def test_jobs_of_openpbs(name: str) -> None:
    text = recorded(name, "openpbs").stdout
    told = text_of("job", only("openpbs", "job", from_json(text, "Jobs")), "openpbs")
    assert openpbs_jobs(told) == openpbs_jobs(text)


@pytest.mark.parametrize("name", ["pbsnodes-mix", "later-pbsnodes"])
def test_nodes_of_openpbs(name: str) -> None:
    text = recorded(name, "openpbs").stdout
    told = text_of("node", only("openpbs", "node", from_json(text, "nodes")), "openpbs")
    assert openpbs_nodes(told) == openpbs_nodes(text)


def test_queues_and_server_of_openpbs() -> None:
    text = recorded("qstat-queues", "openpbs").stdout
    told = text_of("queue", from_json(text, "Queue"), "openpbs")
    assert openpbs_queues(told) == openpbs_queues(text)
    text = recorded("qstat-server", "openpbs").stdout
    told = text_of("server", from_json(text, "Server"), "openpbs")
    assert parse_server(told) == parse_server(text)
    assert openpbs_jobs(text_of("job", [], "openpbs")).jobs == ()


@pytest.mark.parametrize(
    ("kind", "what", "reader"),
    [
        ("torque", "job", torque_xml._job),
        ("torque", "node", torque_xml._node),
        ("openpbs", "job", jobs_reader._job),
        ("openpbs", "node", nodes_reader._node),
    ],
)
def test_all_that_is_read_is_asked_for(
    kind: Kind, what: Object, reader: Callable[..., object]
) -> None:
    words = r'(?:get|findtext|text_of)\((?:fields, |element, )?"(\w+)"|fields\["(\w+)"\]'
    found = re.findall(words, inspect.getsource(reader))
    read = {first or second for first, second in found} - {"Job_Id", "name"}
    assert len(read) > 3
    assert read <= {*ONLY[kind][what]}


def test_what_only_looks_like_a_number_stays_a_text() -> None:
    told: Told = [
        (
            "1.head",
            {
                "Job_Name": "007",
                "Job_Owner": "a@b",
                "job_state": "Q",
                "queue": "q",
                "Priority": "-5",
                "comment": "nan",
                "qtime": "x",
            },
        )
    ]
    (job,) = openpbs_jobs(text_of("job", told, "openpbs")).jobs
    assert (job.name, job.priority, job.comment, job.queued_s) == ("007", -5, "nan", None)


def test_what_is_said_for_the_scheduler_is_told() -> None:
    words = {"Job_Owner": "u@h", "job_state": "Q", "queue": "batch", "x": "HOSTLIST:n1,n2"}
    (told,) = only("torque", "job", [("1.head", words)])
    assert parse_jobs(text_of("job", [told], "torque")).jobs[0].resources["x"] == "HOSTLIST:n1,n2"
