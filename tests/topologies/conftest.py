"""The packages, built once, and the sites that are made of them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.accounts import need_root
from tests.conftest import ROOT
from tests.topologies.site import Packages, Site, Topology

PACKAGES_VARIABLE = "TORQUE_MESOS_DEV_PACKAGES"
PYTHON = "/usr/bin/python3"
PROGRAMS = ("dpkg-deb", "unshare", "nsenter", "setpriv", "runuser", "useradd", "ip")


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    """The Debian packages of this checkout, or those in $TORQUE_MESOS_DEV_PACKAGES."""
    need_root("to make hosts and to install packages on them")
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        pytest.skip(f"not here: {', '.join(missing)}")
    folder = Path(os.environ.get(PACKAGES_VARIABLE) or tmp_path_factory.mktemp("packages"))
    if PACKAGES_VARIABLE not in os.environ:
        asked = [PYTHON, "-c", "import ensurepip, venv"]
        if not Path(PYTHON).exists() or subprocess.run(asked, capture_output=True).returncode:
            pytest.skip(f"{PYTHON} cannot make virtual environments (Debian: python3-venv)")
        build = ["sh", str(ROOT / "dev" / "deb" / "build.sh"), str(folder)]
        done = subprocess.run(build, capture_output=True, text=True, env=_clean(), timeout=900)
        assert done.returncode == 0, done.stderr[-4000:]
    return Packages(*(_only(folder, kind) for kind in ("scheduler", "executor", "client")))


def _only(folder: Path, kind: str) -> Path:
    (found,) = folder.glob(f"torque-mesos-{kind}_*.deb")
    return found


def _clean() -> dict[str, str]:
    """The environment without what belongs to the tests' own Python."""
    ours = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")
    return {key: value for key, value in os.environ.items() if key not in ours}


@pytest.fixture(scope="module")
def start_site(packages: Packages, mesos_build: Path) -> Iterator[Callable[..., Site]]:
    """A function that starts a site of a topology, with a kind of batch server.

    It goes at the end, or when it is closed.
    """
    sites: list[Site] = []

    def start(topology: Topology, kind: str = "builtin") -> Site:
        if topology.has_remote_clients:
            munge = [("munged", "munge")] if kind == "builtin" else []
            for program, package in (*munge, ("sshd", "openssh-server")):
                if not Path("/usr/sbin", program).exists():
                    pytest.skip(f"no {program} here (Debian: apt install {package})")
        sites.append(Site(topology, mesos_build, kind))
        sites[-1].start(packages)
        return sites[-1]

    yield start
    for site in sites:
        site.close()
