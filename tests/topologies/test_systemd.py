"""The packages under a real systemd, which is the first process of a machine in namespaces."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pelog.hosts import HEAD, Hosts
from tests.topologies.machines import PATH
from tests.topologies.site import EDITS, EDITS_FOR_BUILTIN, SETTINGS, Packages, Site, Topology
from tests.topologies.test_upgrade import NEWER, WAITS, newer
from tests.waiting import wait_for
from torque_mesos.model import JobState

pytestmark = pytest.mark.system

UNIT = "torque-mesos.service"
ENVIRONMENT = ("env", "-i", f"PATH={PATH}")
PROGRAMS = ("/usr/lib/systemd/systemd", "/usr/bin/systemd-analyze")
TREES = ("", "unified", "systemd")  # of cgroups, below /sys/fs/cgroup
# Below a cgroup that goes with it.
_BOOT = """
mount --make-rprivate /
for tree in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
    if [ -e "$tree/cgroup.procs" ]; then
        mkdir "$tree/$2"
        echo $$ > "$tree/$2/cgroup.procs"
    fi
done
exec unshare -m -p -C --fork --kill-child sh -euc "$3" sh "$1"
"""
_INIT = """
mount -t proc proc "$1/proc"
if [ -e /sys/fs/cgroup/cgroup.procs ]; then
    mount -t cgroup2 none "$1/sys/fs/cgroup"
else
    mount -t tmpfs -o mode=755 none "$1/sys/fs/cgroup"
    mkdir "$1/sys/fs/cgroup/unified" "$1/sys/fs/cgroup/systemd"
    mount -t cgroup2 none "$1/sys/fs/cgroup/unified"
    mount -t cgroup -o none,name=systemd none "$1/sys/fs/cgroup/systemd"
fi
printf '[Unit]\\nDefaultDependencies=no\\n' > "$1/etc/systemd/system/test.target"
exec chroot "$1" env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /usr/lib/systemd/systemd --unit=test.target
"""


class Systemd:
    """A systemd on `head`. It starts nothing by itself."""

    def __init__(self, site: Site) -> None:
        self._name = site.machines.folder.name
        root = str(site.machines.folder / f"layer.{HEAD}" / "root")
        words = ("sh", "-euc", _BOOT, "sh", root, self._name, _INIT)
        self._started = subprocess.Popen(
            Hosts.command(site.machines, HEAD, words), stdin=subprocess.DEVNULL
        )
        self._pid = 0

    def boot(self) -> bool:
        """Whether it is up."""
        if self._started.poll() is not None:
            raise AssertionError(f"systemd ended with {self._started.returncode}")
        pid = self._started.pid
        while Path(f"/proc/{pid}/comm").read_text().strip() != "systemd":
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            if not children:
                return False
            pid = int(children[0])
        self._pid = pid
        return self.run("systemctl", "is-system-running").stdout.strip() == "running"

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command in its namespaces."""
        return subprocess.run(
            [
                "nsenter",
                "-t",
                str(self._pid),
                "-a",
                "-r",
                "-w",
                "env",
                "-i",
                f"PATH={PATH}",
                *words,
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def check(self, *words: str) -> str:
        """Run a command that must succeed; its output."""
        done = self.run(*words)
        assert done.returncode == 0, done
        return done.stdout

    def told(self, key: str) -> str:
        """A property of the unit."""
        return self.check("systemctl", "show", "--value", "-p", key, UNIT).strip()

    def remove_cgroups(self) -> None:
        """Take its cgroups away; their processes have ended."""
        for tree in TREES:
            top = Path("/sys/fs/cgroup", tree, self._name)
            if (top / "cgroup.procs").exists():
                below = [path for path in top.rglob("*") if path.is_dir()]
                for path in (*sorted(below, reverse=True), top):
                    wait_for(lambda path=path: _removed(path), 30, f"{path} is removed")


def _removed(path: Path) -> bool:
    try:
        path.rmdir()
    except OSError:  # its last processes are not gone yet
        return False
    return True


@pytest.fixture
def site(packages: Packages, mesos_build: Path) -> Iterator[Site]:
    if missing := [name for name in PROGRAMS if not shutil.which(name)]:
        pytest.skip(f"not here: {', '.join(missing)} (Debian: systemd)")
    if not any(os.access(Path("/sys/fs/cgroup", tree, "cgroup.procs"), os.W_OK) for tree in TREES):
        pytest.skip("cgroups cannot be made here")
    found = Site(Topology(workers=(HEAD,), clients=(HEAD,)), mesos_build)
    try:
        found.machines.start()
        found.start_mesos()
        found.machines.write(HEAD, "/etc/hostname", f"{HEAD}\n")  # systemd sets it
        found.install(packages)
        found.edit({**EDITS, **EDITS_FOR_BUILTIN})
        yield found
    finally:
        found.close()


@pytest.fixture
def systemd(site: Site) -> Iterator[Systemd]:
    found = Systemd(site)
    try:
        wait_for(found.boot, 60, "systemd is up")
        yield found
    finally:
        site.close()
        found.remove_cgroups()


def test_the_unit_from_start_to_purge(
    site: Site, systemd: Systemd, packages: Packages, tmp_path: Path
) -> None:
    done = systemd.run("systemd-analyze", "verify", UNIT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    systemd.check("systemctl", "start", UNIT)
    wait_for(site.all_parked, 120, "the agent has a parked node record")
    script = f"echo '{WAITS}' | qsub -N waits -j oe"
    job_id = site.machines.check(HEAD, "sh", "-c", script, user="anna").strip()
    home = site.machines.folder / "home" / "anna"
    wait_for((home / "begun").exists, 120, "the job runs")

    def is_back() -> bool:
        return bool(site.status().get("tasks_known"))

    # Killed: it is started again, and knows its tasks.
    systemd.check("systemctl", "kill", "--kill-whom=main", "--signal=KILL", UNIT)
    wait_for(lambda: systemd.told("NRestarts") == "1", 60, "systemd starts it again")
    wait_for(is_back, 60, "it is back")

    # Stopped: server, mom and job go on.
    systemd.check("systemctl", "stop", UNIT)
    assert systemd.told("ActiveState") == "inactive"
    assert site.job(job_id).state is JobState.RUNNING
    assert list(site.nodes()) == [HEAD]

    # Another version: its package starts it anew.
    systemd.check("systemctl", "start", UNIT)
    wait_for(is_back, 60, "it is back")
    before = systemd.told("MainPID")
    for package in (newer(packages, tmp_path).scheduler,):
        copy = site.machines.folder / package.name
        copy.write_bytes(package.read_bytes())
        systemd.check("dpkg", "--install", str(copy))
    assert systemd.told("MainPID") not in (before, "0")
    assert systemd.check("torque-mesos", "--version").split()[-1] == NEWER
    wait_for(is_back, 60, "it is back")
    assert site.job(job_id).state is JobState.RUNNING
    (home / "go").touch()
    wait_for(lambda: site.job(job_id).state is JobState.COMPLETE, 60, "the job ends")
    assert site.job(job_id).exit_status == 0

    # Settings that are wrong: trying again does not help, so systemd does not.
    good = site.machines.text(HEAD, SETTINGS)
    site.machines.write(HEAD, SETTINGS, f"grace = 5\n{good}")
    systemd.run("systemctl", "restart", UNIT)
    wait_for(lambda: systemd.told("ActiveState") == "failed", 60, "it has failed")
    assert (systemd.told("ExecMainStatus"), systemd.told("NRestarts")) == ("2", "0")
    site.machines.write(HEAD, SETTINGS, good)
    systemd.check("systemctl", "start", UNIT)
    wait_for(is_back, 60, "it is back")

    # Removed: stopped before.
    systemd.check("dpkg", "--purge", "torque-mesos-scheduler")
    assert systemd.told("LoadState") == "not-found"
    assert systemd.told("ActiveState") == "inactive"
