"""TORQUE's mom: what it is told at its start."""

from __future__ import annotations

from pathlib import Path

from torque_mesos.mom.home import Home, mom_config
from torque_mesos.mom.process import Mom
from torque_mesos.mom.settings import MomSettings

SETTINGS = MomSettings(
    "head.c.test", "n1.c.test", pbs_mom="/opt/torque/sbin/pbs_mom", service_port=16002
)


def test_it_reports_each_five_seconds() -> None:
    """With its own 45 s a node is usable up to 50 s late, and flaps where it is looked for."""
    lines = mom_config(SETTINGS).splitlines()
    assert "$pbsserver head.c.test" in lines
    assert "$status_update_time 5" in lines
    assert "$check_poll_time 5" in lines


def test_it_has_the_name_of_its_record_whatever_its_host_is_called(tmp_path: Path) -> None:
    """By another name its node stays down for ever."""
    program = tmp_path / "pbs_mom"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    settings = MomSettings("head.c.test", "n1.c.test", pbs_mom=str(program), service_port=16002)
    command = Mom(settings, Home(tmp_path), tmp_path).command()
    assert command[command.index("-H") + 1] == "n1.c.test"
    assert command[command.index("-M") + 1] == "16002"
    assert "-F" in command
