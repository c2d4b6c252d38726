"""Accounting records, held field by field to those that TORQUE 6.1.3 wrote for the same jobs."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from torque_mesos.batch.builtin.accounting import Accounting
from torque_mesos.batch.builtin.nodespec import parse, slot_count
from torque_mesos.batch.builtin.records import Job

RECORDED = Path(__file__).parents[2] / "data" / "builtin" / "accounting.txt"
LINES = RECORDED.read_text().splitlines()
STARTS_AND_ENDS = [line for line in LINES if line.split(";")[1] in "SE"]


def _indexes(text: str) -> list[int]:
    bounds = [part.split("-") for part in text.split(",")]
    return [
        index for low, *high in bounds for index in range(int(low), int((high or [low])[0]) + 1)
    ]


def _job(record: str) -> Job:
    """The job that a record is of."""
    _, _, job_id, text = record.split(";")
    fields = dict(word.partition("=")[::2] for word in text.split())

    def group(name: str) -> dict[str, str]:
        return {key[len(name) :]: value for key, value in fields.items() if key.startswith(name)}

    used = group("resources_used.")
    if used:
        used["cput"] = time.strftime("%H:%M:%S", time.gmtime(int(used["cput"])))
    places = [place.split("/") for place in fields["exec_host"].split("+")]
    return Job(
        job_id,
        fields["jobname"],
        fields["owner"],
        uid=1000,
        user=fields["user"],
        group=fields["group"],
        queue=fields["queue"],
        resources=group("Resource_List."),
        variables={},
        script="",
        output_path="",
        error_path="",
        submit_args="",
        submit_host="head",
        init_work_dir="/",
        rank=1,
        created=float(fields["ctime"]) + 0.6,
        eligible=float(fields["etime"]),
        started=float(fields["start"]) + 0.3,
        start_count=int(fields["start_count"]),
        hosts=[(node, _indexes(text)) for node, text in places],
        session=int(fields.get("session", 0)),
        completed=float(fields.get("end", 0)) + 0.9,
        exit_status=int(fields.get("Exit_status", 0)),
        used=used,
    )


@pytest.mark.parametrize("record", STARTS_AND_ENDS, ids=lambda line: "-".join(line.split(";")[1:3]))
def test_starts_and_ends_are_torques_to_the_letter(tmp_path: Path, record: str) -> None:
    moment, kind, _, _ = record.split(";")
    clock = time.mktime(time.strptime(moment, "%m/%d/%Y %H:%M:%S"))
    accounting = Accounting(str(tmp_path), clock=lambda: clock)
    job = _job(record)
    (accounting.started if kind == "S" else accounting.ended)(job)
    assert (tmp_path / "20261120").read_text() == record + "\n"
    assert sum(len(slots) for _, slots in job.hosts) == slot_count(parse(job.resources["nodes"]))


@pytest.mark.parametrize(
    ("kind", "text"),
    [("Q", "queue=batch"), ("D", "requestor=alice@head"), ("R", ""), ("A", "")],
)
def test_the_others_say_no_more_than_torques(tmp_path: Path, kind: str, text: str) -> None:
    record = next(line for line in LINES if line.split(";")[1] == kind)
    moment, _, job_id, recorded = record.split(";")
    assert recorded == text
    clock = time.mktime(time.strptime(moment, "%m/%d/%Y %H:%M:%S"))
    Accounting(str(tmp_path), clock=lambda: clock).write(kind, job_id, text)
    assert (tmp_path / "20261120").read_text() == record + "\n"


def test_bytes_that_are_no_utf8_are_written_as_they_came(tmp_path: Path) -> None:
    accounting = Accounting(str(tmp_path), clock=lambda: 1e9)
    accounting.write("Q", "1.head", "account=caf\udce9")
    accounting.write("Q", "2.head", "account=\ud800\n3.head")
    (written,) = tmp_path.iterdir()
    first, second = written.read_bytes().splitlines()
    assert first.endswith(b";Q;1.head;account=caf\xe9")
    assert second.endswith(b";Q;2.head;account=?\\n3.head")
