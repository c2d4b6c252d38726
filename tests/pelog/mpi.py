"""The MPIs that are tried, and the test program with each."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.pelog.site import SLOTS, Site

# The compiler, and the command that a user types.
MPIS = {
    "mpich": (("mpicc.mpich", "-DNO_FINALIZE"), "mpiexec.hydra"),
    "openmpi": (("mpicc.openmpi",), "mpirun.openmpi"),
}


def compiled(site: Site, mpi: str) -> str:
    """The words that run the test program with one MPI; skips the test where it is not here."""
    compiler, start = MPIS[mpi]
    if not shutil.which(compiler[0]) or not shutil.which(start):
        pytest.skip(f"no {mpi} here ({compiler[0]}, {start})")
    binary = site.work / f"ring.{mpi}"
    if not binary.exists():
        source = Path(__file__).with_name("ring.c")
        subprocess.run([*compiler, "-o", str(binary), str(source)], check=True)
    return f"{start} {binary}"


def check_ranks(lines: Sequence[str], count: int) -> None:
    """That the program ran on so many hosts with all their slots, and summed right."""
    ranks = count * SLOTS
    text = "\n".join(lines)
    found = re.findall(r"^rank (\d+) of (\d+) on (\w+) sum (\d+)$", text, re.MULTILINE)
    assert sorted(int(rank) for rank, *_ in found) == list(range(ranks)), lines
    assert {(size, total) for _, size, _, total in found} == {(str(ranks), str(sum(range(ranks))))}
    per_host = Counter(host for _, _, host, _ in found)
    assert list(per_host.values()) == [SLOTS] * count
    assert f"ring {ranks}" in lines
