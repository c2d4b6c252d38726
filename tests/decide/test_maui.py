"""Maui's priorities: as `diagnose -p` of a Maui 3.3.2 gave them, and the order that follows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.decide.site import Site, one
from torque_mesos.batch.maui_config import parse_maui_config
from torque_mesos.batch.torque_xml import parse_jobs
from torque_mesos.decide.maui import priority
from torque_mesos.decide.plan import Launch
from torque_mesos.decide.request import parse_request
from torque_mesos.model import Job, JobState, MauiPriority, Scheduling, frozen_map

DATA = Path(__file__).parent.parent / "data" / "maui"
# When diagnose was run, by the clock of Maui's waits: it was started 16 s after the first qsub.
AT_S = 1795222867 - 16
WALL_S = 1_795_000_000.0


def recorded() -> dict[str, float]:
    """What Maui said, by the numbers of jobs."""
    lines = (DATA / "diagnose-p.txt").read_text("utf-8").splitlines()
    words = (line.split() for line in lines if line[:1].isdigit())
    return {number: float(value) for number, value, *_ in words}


def test_priorities_are_those_that_maui_gave() -> None:
    maui = parse_maui_config((DATA / "maui.cfg").read_text("utf-8"))
    jobs = parse_jobs((DATA / "qstat.xml").read_text("utf-8")).jobs
    found = {}
    for job in jobs:
        number = job.job_id.partition(".")[0]
        if job.state is JobState.QUEUED:
            found[number] = priority(maui, job, parse_request(job.resources), AT_S)
    assert found == pytest.approx(recorded(), abs=3)
    assert sorted(found, key=lambda n: -found[n]) == list(recorded())


def job(user: str = "alice", queue: str = "batch", waits_s: float = 0.0, walltime: str = "") -> Job:
    resources = {"nodes": "1"} | ({"walltime": walltime} if walltime else {})
    queued_s = WALL_S - waits_s
    return Job("0.head", "j", f"{user}@head", queue, JobState.QUEUED, frozen_map(resources),
               queued_s=queued_s, user=user, group="users", account="proj")  # fmt: skip


def worth(numbers: dict[str, float], given: dict[str, dict[str, float]], job: Job) -> float:
    maui = MauiPriority(frozen_map(numbers), frozen_map(given))
    return priority(maui, job, parse_request(job.resources), WALL_S)


@pytest.mark.parametrize(
    ("numbers", "waits_s", "walltime", "value"),
    [
        ({}, 600, "", 10),  # by itself, Maui counts the minutes of the wait
        ({"QUEUETIMEWEIGHT": 3}, 600, "", 30),
        ({"QUEUETIMECAP": 4}, 600, "", 4),
        ({"SERVICEWEIGHT": 0}, 600, "", 1),  # never less than 1
        ({"QUEUETIMEWEIGHT": 0, "XFACTORWEIGHT": 100}, 600, "00:10:00", 200),
        ({"QUEUETIMEWEIGHT": 0, "XFACTORWEIGHT": 100}, 60, "00:01:00", 100),  # 120 s at least
        ({"QUEUETIMEWEIGHT": 0, "XFACTORWEIGHT": 100, "XFMINWCLIMIT": 0}, 60, "00:01:00", 200),
        ({"QUEUETIMEWEIGHT": 0, "XFACTORWEIGHT": 100}, 600, "", 100),
        ({"QUEUETIMEWEIGHT": 0, "WALLTIMEWEIGHT": 1, "RESCAP": 70}, 0, "00:10:00", 70),
        ({"WALLTIMEWEIGHT": -1}, 0, "00:10:00", 1),
        ({"WALLTIMEWEIGHT": -1, "ENABLENEGJOBPRIORITY": 1}, 0, "00:10:00", -600),
    ],
)
def test_factors(numbers: dict[str, float], waits_s: float, walltime: str, value: float) -> None:
    assert worth(numbers, {}, job(waits_s=waits_s, walltime=walltime)) == value


def test_credentials() -> None:
    numbers = {"USERWEIGHT": 1.0, "CLASSWEIGHT": 10.0, "ACCOUNTWEIGHT": 100.0, "CREDWEIGHT": 2.0}
    given = {"USER": {"alice": 3.0, "DEFAULT": 1.0}, "CLASS": {"fast": 2.0}, "GROUP": {"users": 9}}
    assert worth(numbers, given, job()) == 6
    assert worth(numbers, given, job("bob", "fast")) == 42
    assert worth(numbers, {"ACCOUNT": {"proj": 1.0}}, job()) == 200


def test_a_queue_time_that_is_not_known_counts_nothing() -> None:
    asked = parse_request({"nodes": "1"})
    assert priority(MauiPriority(), job(waits_s=6000), asked, None) == 1


def test_jobs_are_served_in_the_order_of_their_priorities() -> None:
    maui = MauiPriority(
        frozen_map({"CLASSWEIGHT": 1.0}), frozen_map({"CLASS": frozen_map({"fast": 100.0})})
    )
    site = Site().parked("n1", 4, offered=4).asks("1:ppn=4").asks("1:ppn=3", queue="fast")
    assert one(site.plan(), Launch).slots == 4
    site.reads(scheduling=Scheduling(maui=maui))
    assert one(site.plan(), Launch).slots == 3
    # What is equal is served as the server lists it, and a starving job holds nobody up.
    equal = Site().parked("n1", 4, offered=4).asks("1:ppn=4").asks("1:ppn=3")
    equal.reads(scheduling=Scheduling(maui=maui, starving_after_s=1.0))
    assert one(equal.plan(), Launch).slots == 4
