"""Plain `mpirun` in jobs of several hosts: MPICH and Open MPI, on namespaced hosts.

No host file, no keys and no options; no sshd runs. The ranks are tasks of the job. The moms
are started by the executor, on Mesos' agents. With TORQUE_MESOS_DEV_BATCH=torque (openpbs) the
same runs on a real TORQUE (OpenPBS), where one is installed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pelog.mpi import MPIS, check_ranks, compiled
from tests.pelog.site import SLOTS, Site, started
from tests.waiting import wait_for

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def site(mesos_build: Path) -> Iterator[Site]:
    with started(mesos_build) as found:
        yield found


@pytest.fixture(params=MPIS)
def program(request: pytest.FixtureRequest, site: Site) -> str:
    """The words that run the test program with one MPI."""
    return compiled(site, request.param)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_ranks_on_all_hosts_and_the_right_sum(site: Site, program: str, count: int) -> None:
    job = site.submit(f"{program}\necho status $?\n", f"nodes={count}:ppn={SLOTS}")
    status, lines = site.finish(job)
    assert status == 0, lines
    check_ranks(lines, count)
    # MPICH's program ends by an abort (see ring.c), and then Hydra's status is that of the rank
    # whose end it hears of first: of one that it has killed, as well.
    assert "status 0" in lines or ("hydra" in program and said_status(lines) is not None)


def said_status(lines: list[str]) -> int | None:
    """What the launcher ended with, as the job's script said."""
    said = [line.removeprefix("status ") for line in lines if line.startswith("status ")]
    return int(said[0]) if said else None


def test_an_abort_of_one_rank_ends_all(site: Site, program: str) -> None:
    job = site.submit(f"{program} abort\necho status $?\n", f"nodes=4:ppn={SLOTS}")
    status, lines = site.finish(job)
    assert status == 0
    assert sum(line.startswith("abort rank") for line in lines) == 4 * SLOTS, lines
    # 3, or with Hydra that of a rank that was killed for it and heard of first.
    ended = said_status(lines)
    assert ended == 3 or ("hydra" in program and ended), lines


def test_qdel_leaves_nothing_on_any_host(site: Site, program: str) -> None:
    # (On OpenPBS no ranks were seen to start after such tasks.)
    strays = (
        ""
        if site.batch.kind == "openpbs"
        else (
            "(setsid sleep 1000 &)\n"
            "for host in $(sort -u $PBS_NODEFILE)\n"
            "do $HYDRA_LAUNCHER_EXEC $host '(setsid sleep 1001 > /dev/null 2>&1 &)'\ndone\n"
        )
    )
    job = site.submit(f"{strays}{program} hang\n", f"nodes=4:ppn={SLOTS}")

    def all_run() -> bool:
        return all(
            sum("hang" in line and "ring" in line for line in site.left(node)) >= SLOTS
            and (not strays or any("sleep 1001" in line for line in site.left(node)))
            for node in site.nodes
        )

    wait_for(all_run, 60, "all ranks run")
    assert all(f"torque-mesos.{job}" in site.left(node) for node in site.nodes)
    site.qdel(job)
    status, _ = site.finish(job)
    assert status in (271, 143)  # the mom's word, or the shell's


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
    own = "pbs" if site.batch.kind == "openpbs" else "torque-mesos"
    folder = f"/tmp/{own}.{job}"
    assert status == 0
    expected = f'{site.work} {folder} {folder} /nowhere <it\'s $(id) "x">'
    assert sorted(line for line in lines if line.startswith("at ")) == [
        f"at {node} {expected}" for node in site.nodes
    ]
