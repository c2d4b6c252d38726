"""Plain `mpirun` in jobs of several hosts: MPICH and Open MPI, on namespaced hosts.

No host file, no keys and no options; no sshd runs. The ranks are tasks of the job. The moms
are started by the executor, on Mesos' agents. With `--batch torque,openpbs` the same runs on a
real TORQUE and a real OpenPBS, where they are installed; at the end it prints a table.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pelog.mpi import MPIS, check_ranks, compiled
from tests.pelog.site import SLOTS, Site, started
from tests.pelog.table import note
from tests.waiting import wait_for

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def site(mesos_build: Path, batch_kind: str) -> Iterator[Site]:
    with started(mesos_build, batch_kind) as found:
        yield found


@pytest.fixture(params=MPIS)
def mpi(request: pytest.FixtureRequest) -> str:
    """The name of an MPI."""
    return str(request.param)


@pytest.fixture
def program(mpi: str, site: Site) -> str:
    """The words that run the test program with it."""
    return compiled(site, mpi)


@pytest.fixture
def figure(mpi: str, batch_kind: str, count: int) -> Callable[[str, float], None]:
    """A function that notes what was measured, in seconds, for the table at the end."""
    return lambda name, seconds: note(mpi, batch_kind, count, name, seconds)


on_two_and_four_hosts = pytest.mark.parametrize("count", [2, 4])


@pytest.mark.parametrize("count", [1, 2, 4])
def test_ranks_on_all_hosts_and_the_right_sum(
    site: Site, program: str, count: int, figure: Callable[[str, float], None]
) -> None:
    script = f"date +clock:%s.%N\n{program}\necho status $?\ndate +clock:%s.%N\n"
    status, lines = site.finish(site.submit(script, f"nodes={count}:ppn={SLOTS}"))
    assert status == 0, lines
    check_ranks(lines, count)
    began, ended = (float(line[6:]) for line in lines if line.startswith("clock:"))
    figure("mpirun", ended - began)
    # MPICH's program ends by an abort (see ring.c), and then Hydra's status is that of the rank
    # whose end it hears of first: of one that it has killed, as well.
    assert "status 0" in lines or ("hydra" in program and said_status(lines) is not None)


def said_status(lines: list[str]) -> int | None:
    """What the launcher ended with, as the job's script said."""
    said = [line.removeprefix("status ") for line in lines if line.startswith("status ")]
    return int(said[0]) if said else None


@on_two_and_four_hosts
def test_an_abort_of_one_rank_ends_all(site: Site, program: str, count: int) -> None:
    job = site.submit(f"{program} abort\necho status $?\n", f"nodes={count}:ppn={SLOTS}")
    status, lines = site.finish(job)
    assert status == 0
    assert sum(line.startswith("abort rank") for line in lines) == count * SLOTS, lines
    # 3, or with Hydra that of a rank that was killed for it and heard of first.
    ended = said_status(lines)
    assert ended == 3 or ("hydra" in program and ended), lines


@on_two_and_four_hosts
def test_qdel_leaves_nothing_on_any_host(
    site: Site, program: str, count: int, figure: Callable[[str, float], None]
) -> None:
    # (A task is waited in until its stray has a session of its own: what is still in the
    # task's is ended with it by OpenPBS' moms.)
    strays = (
        "(setsid sleep 1000 &)\n"
        "for host in $(sort -u $PBS_NODEFILE)\n"
        "do $HYDRA_LAUNCHER_EXEC $host '(setsid sleep 1001 > /dev/null 2>&1 &)\n"
        'until pgrep -f "^sleep 1001"; do :; done\'\ndone\n'
    )
    job = site.submit(f"{strays}{program} hang\n", f"nodes={count}:ppn={SLOTS}")

    def hosts_where_all_run() -> list[str]:
        found = {node: site.left(node) for node in site.nodes}
        return [
            node
            for node, left in found.items()
            if sum("hang" in line and "ring" in line for line in left) >= SLOTS
            and any("sleep 1001" in line for line in left)
        ]

    wait_for(lambda: len(hosts_where_all_run()) == count, 60, "all ranks run")
    assert all(f"torque-mesos.{job}" in site.left(node) for node in hosts_where_all_run())
    began_s = time.monotonic()
    site.qdel(job)
    wait_for(lambda: not any(map(site.left, site.nodes)), 60, "nothing is left on any host")
    figure("qdel", time.monotonic() - began_s)
    status, _ = site.finish(job)
    assert status in (271, 143)  # the mom's word, or the shell's


@on_two_and_four_hosts
def test_ranks_get_the_environment_and_the_folder(site: Site, program: str, count: int) -> None:
    launcher = program.split()[0]
    each = f"-ppn 1 -n {count}" if "hydra" in launcher else "-npernode 1"
    show = "sh -c 'echo \"at $(uname -n) $PWD $TMPDIR $(ls -d $TMPDIR) $LD_LIBRARY_PATH <$WORDS>\"'"
    script = (
        f'cd {site.work}\nexport LD_LIBRARY_PATH=/nowhere WORDS="it\'s \\$(id) \\"x\\""\n'
        f"{launcher} {each} {show}\n"
    )
    job = site.submit(script, f"nodes={count}:ppn={SLOTS}")
    status, lines = site.finish(job)
    folder = f"/var/tmp/pbs.{job}" if site.batch.kind == "openpbs" else f"/tmp/torque-mesos.{job}"
    assert status == 0
    found = [line.split(" ", 2)[1:] for line in lines if line.startswith("at ")]
    assert len({node for node, _ in found} & set(site.nodes)) == len(found) == count
    expected = f'{site.work} {folder} {folder} /nowhere <it\'s $(id) "x">'
    assert {rest for _, rest in found} == {expected}
