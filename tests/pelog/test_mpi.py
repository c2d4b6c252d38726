"""Plain `mpirun` in jobs of several hosts: MPICH and Open MPI, on namespaced hosts.

No host file, no keys and no options; no sshd runs. The ranks are tasks of the job.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.batch.builtin.cluster import ordinary_account
from tests.pelog.hosts import Hosts
from tests.pelog.site import SLOTS, Site
from tests.waiting import wait_for
from torque_mesos.mom.settings import MomSettings

pytestmark = pytest.mark.system

# The compiler, and the command that a user types.
MPIS = {
    "mpich": (("mpicc.mpich", "-DNO_FINALIZE"), "mpiexec.hydra"),
    "openmpi": (("mpicc.openmpi",), "mpirun.openmpi"),
}


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    if os.geteuid() != 0 or ordinary_account() is None:
        pytest.skip("namespaced hosts need root, and an ordinary account whose jobs run there")
    if missing := [name for name in ("unshare", "nsenter", "ip", "setpriv") if not which(name)]:
        pytest.skip(f"namespaced hosts need {', '.join(missing)}")
    hosts = Hosts(4)
    try:
        hosts.start()
        found = Site(hosts)
        pbs_mom = str(found.pbs.sbin_dir / "pbs_mom")
        found.start(MomSettings("head", "template", pbs_mom=pbs_mom, usecp=("*:/ /",)))
        yield found
    finally:
        hosts.close()


def which(name: str) -> str | None:
    return shutil.which(name)


@pytest.fixture(params=MPIS)
def program(request: pytest.FixtureRequest, site: Site) -> str:
    """The words that run the test program with one MPI."""
    compiler, start = MPIS[request.param]
    if not which(compiler[0]) or not which(start):
        pytest.skip(f"no {request.param} here ({compiler[0]}, {start})")
    binary = site.work / f"ring.{request.param}"
    if not binary.exists():
        source = Path(__file__).with_name("ring.c")
        subprocess.run([*compiler, "-o", str(binary), str(source)], check=True)
    return f"{start} {binary}"


@pytest.mark.parametrize("count", [1, 2, 4])
def test_ranks_on_all_hosts_and_the_right_sum(site: Site, program: str, count: int) -> None:
    job = site.submit(f"{program}\necho status $?\n", f"nodes={count}:ppn={SLOTS}")
    status, lines = site.finish(job)
    ranks = count * SLOTS
    text = "\n".join(lines)
    found = re.findall(r"^rank (\d+) of (\d+) on (\w+) sum (\d+)$", text, re.MULTILINE)
    assert status == 0, lines
    assert sorted(int(rank) for rank, *_ in found) == list(range(ranks)), lines
    assert {(size, total) for _, size, _, total in found} == {(str(ranks), str(sum(range(ranks))))}
    per_host = Counter(host for _, _, host, _ in found)
    assert list(per_host.values()) == [SLOTS] * count
    assert f"ring {ranks}" in lines
    assert "status 0" in lines


def test_an_abort_of_one_rank_ends_all(site: Site, program: str) -> None:
    job = site.submit(f"{program} abort\necho status $?\n", f"nodes=4:ppn={SLOTS}")
    status, lines = site.finish(job)
    assert status == 0
    assert sum(line.startswith("abort rank") for line in lines) == 4 * SLOTS, lines
    assert "status 3" in lines


def test_qdel_leaves_nothing_on_any_host(site: Site, program: str) -> None:
    pbsdsh = site.pbs.bin_dir / "pbsdsh"
    strays = f"(setsid sleep 1000 &)\n{pbsdsh} -u sh -c '(setsid sleep 1001 &)'\n"
    job = site.submit(f"{strays}{program} hang\n", f"nodes=4:ppn={SLOTS}")

    def all_run() -> bool:
        return all(
            sum("hang" in line and "ring" in line for line in site.left(node)) >= SLOTS
            and any("sleep 1001" in line for line in site.left(node))
            for node in site.nodes
        )

    wait_for(all_run, 60, "all ranks run")
    assert all(f"torque-mesos.{job}" in site.left(node) for node in site.nodes)
    site.qdel(job)
    status, _ = site.finish(job)
    assert status == 271


def test_ranks_get_the_environment_and_the_folder(site: Site, program: str) -> None:
    launcher = program.split()[0]
    each = "-ppn 1 -n 4" if "hydra" in launcher else "-npernode 1"
    show = "sh -c 'echo \"at $(uname -n) $PWD $TMPDIR $(ls -d $TMPDIR) $LD_LIBRARY_PATH <$WORDS>\"'"
    script = (
        f'cd {site.work}\nexport LD_LIBRARY_PATH=/nowhere WORDS="it\'s \\$(id) \\"x\\""\n'
        f"{launcher} {each} {show}\n"
    )
    job = site.submit(script, f"nodes=4:ppn={SLOTS}")
    status, lines = site.finish(job)
    folder = f"/tmp/torque-mesos.{job}"
    assert status == 0
    expected = f'{site.work} {folder} {folder} /nowhere <it\'s $(id) "x">'
    assert sorted(line for line in lines if line.startswith("at ")) == [
        f"at {node} {expected}" for node in site.nodes
    ]
