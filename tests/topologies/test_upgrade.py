"""Packages replaced by newer ones while a job runs."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from tests.pelog.hosts import HEAD
from tests.topologies.site import Packages, Site, Topology
from tests.waiting import wait_for
from torque_mesos import __version__
from torque_mesos.model import JobState

pytestmark = pytest.mark.system

NEWER = f"{__version__}+newer"
WAITS = 'echo $$ >> "$HOME/begun"; while [ ! -e "$HOME/go" ]; do sleep 0.2; done; echo done\n'


def newer(packages: Packages, folder: Path) -> Packages:
    """The same packages as a newer version, which its Python modules say, too."""
    made = []
    for field in fields(packages):
        root = folder / field.name
        subprocess.run(["dpkg-deb", "-R", getattr(packages, field.name), root], check=True)
        control = root / "DEBIAN" / "control"
        control.write_text(re.sub(r"(?m)^Version: .*$", f"Version: {NEWER}", control.read_text()))
        for module in root.glob("opt/**/torque_mesos/__init__.py"):
            module.write_text(module.read_text().replace(__version__, NEWER))
            for compiled in module.parent.glob("__pycache__/__init__.*.pyc"):
                compiled.unlink()
        made.append(folder / f"{root.name}.deb")
        build = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(root), str(made[-1])]
        subprocess.run(build, check=True, capture_output=True)
    return Packages(*made)


def test_a_job_lives_through_an_upgrade(
    packages: Packages, start_site: Callable[[Topology], Site], tmp_path: Path
) -> None:
    site = start_site(Topology(workers=("w1",), clients=(HEAD,)))
    machines = site.machines
    wait = ["sh", "-c", f"echo '{WAITS}' | qsub -N waits -j oe"]
    job_id = machines.check(HEAD, *wait, user="anna").strip()
    home = machines.folder / "home" / "anna"
    wait_for((home / "begun").exists, 120, "the job runs")
    before = site.status()

    site.install(newer(packages, tmp_path))
    assert site.job(job_id).state is JobState.RUNNING
    site.stop_service()  # as the package's script does by `systemctl try-restart`
    site.start_service()

    assert machines.check(HEAD, "torque-mesos", "--version").split()[-1] == NEWER
    wait_for(lambda: site.status().get("tasks_known"), 60, "the framework knows its tasks")
    after = site.status()
    assert after["framework_id"] == before["framework_id"]
    assert site.job(job_id).state is JobState.RUNNING
    (process,) = (home / "begun").read_text().split()
    machines.check("w1", "kill", "-0", process)
    (home / "go").touch()
    wait_for(lambda: site.job(job_id).state is JobState.COMPLETE, 60, "the job ends")
    assert site.job(job_id).exit_status == 0
    number = job_id.partition(".")[0]
    assert (home / f"waits.o{number}").read_text() == "done\n"

    done = site.verify()
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{site.log_end()}"
