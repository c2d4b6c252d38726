"""The acceptance test of a living cluster, on one that lives."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.system.stage import Stage

pytestmark = pytest.mark.system

SETTINGS = {"QUEUES": "batch"}


def arguments(stage: Stage, *more: str) -> list[str]:
    site = stage.site
    users = ["--users", site.account.name, "--folder", str(site.jobs)]
    return ["verify", "--config", str(site.settings), *users, *more]


def sentences(said: dict[str, Any], what: str) -> str:
    (result,) = (item for item in said["results"] if item["what"] == what)
    return " / ".join(result["failures"])


@contextmanager
def stopped_queue(stage: Stage) -> Iterator[None]:
    stage.manage("set queue batch started = false")
    try:
        yield
    finally:
        stage.manage("set queue batch started = true")


def left_over(stage: Stage) -> list[str]:
    jobs = [job.name for job in stage.jobs().values() if job.job_id in stage.waiting_or_running()]
    return jobs + [path.name for path in stage.site.jobs.glob("torque-mesos-verify.*")]


def test_a_good_cluster_passes(stage: Stage) -> None:
    report = stage.site.folder / "verify.xml"
    done = stage.site.run_tool(
        *arguments(stage, "--expect-nodes", "3", "--junit", str(report), "--deadline", "120"),
        timeout_s=300,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{stage.site.log_end(40)}"
    assert done.stderr == ""
    assert "6 ok, 0 failed, 0 skipped" in done.stdout
    suite = ElementTree.parse(report).getroot()
    names = [case.attrib["name"] for case in suite]
    assert names == ["records", "one", "many", "hosts", "grew", "shrank"]
    assert suite.attrib["failures"] == "0"
    assert left_over(stage) == []
    stage.at_rest()


def test_jobs_that_do_not_start_and_nodes_that_are_missing_are_told(stage: Stage) -> None:
    with stopped_queue(stage):
        done = stage.site.run_tool(
            *arguments(stage, "--expect-nodes", "9", "--deadline", "2", "--json"), timeout_s=300
        )
    assert done.returncode == 1, done.stderr
    said = json.loads(done.stdout)
    assert said["passed"] is False
    assert sentences(said, "records") == "3 node records of the framework, not 9"
    assert sentences(said, "one").startswith("not over after 2 s: it is queued; ")
    assert sentences(said, "grew") == "no job ran on any node"
    assert left_over(stage) == []
    stage.at_rest()


def test_jobs_that_somebody_deletes_are_told(stage: Stage) -> None:
    with stopped_queue(stage), started(stage, "--json", "--deadline", "120") as process:
        stage.until(lambda: len(stage.waiting_or_running()) == 3, 60, "three jobs wait")
        stage.delete(*stage.waiting_or_running())
        stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 1, stderr
    for what in ("one", "many", "hosts"):
        told = sentences(json.loads(stdout), what)
        assert told.endswith("it was deleted before it ran")
    assert left_over(stage) == []
    stage.at_rest()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_an_interrupted_test_removes_its_jobs(stage: Stage, number: int) -> None:
    with stopped_queue(stage), started(stage) as process:
        stage.until(lambda: len(stage.waiting_or_running()) == 3, 60, "three jobs wait")
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 130, stderr
    assert "its jobs are being removed" in stderr
    assert stdout == ""
    assert left_over(stage) == []
    stage.at_rest()


@contextmanager
def started(stage: Stage, *more: str) -> Iterator[subprocess.Popen[str]]:
    process = stage.site.start_tool(*arguments(stage, *more))
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
