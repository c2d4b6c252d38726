from __future__ import annotations

import os
from pathlib import Path

from torque_mesos.batch.sched_config import parse_sched_config
from torque_mesos.batch.scheduler_file import SchedulerFile
from torque_mesos.model import Scheduling

AS_INSTALLED = """\
# comments, and by_queue: False in one
round_robin: False\tall
by_queue: True\t\tprime
by_queue: True\t\tnon_prime
strict_fifo: false\tALL
help_starving_jobs\ttrue\tALL
sort_by: shortest_job_first\tALL
max_starve: 24:00:00
"""


def test_what_torque_installs() -> None:
    assert parse_sched_config(AS_INSTALLED) == Scheduling(by_queue=True, starving_after_s=86400.0)


def test_prime_time_is_not_what_counts() -> None:
    text = "strict_fifo: true prime\nby_queue: true prime\nby_queue: false non_prime\n"
    assert parse_sched_config(text) == Scheduling()


def test_openpbs_says_strict_ordering() -> None:
    assert parse_sched_config("strict_ordering: True ALL\n").strict


def test_the_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "sched_config"
    config = SchedulerFile(path, parse_sched_config)
    assert config.scheduling() == Scheduling()
    path.write_text(AS_INSTALLED)
    assert config.scheduling().by_queue
    path.write_text("strict_fifo: true ALL\n")
    os.utime(path, ns=(1, 1))
    assert config.scheduling() == Scheduling(strict=True)
    path.unlink()
    assert config.scheduling() == Scheduling()
