"""What a job uses, and the limits that end it: polled, as TORQUE's mom does."""

from __future__ import annotations

import os
from typing import Dict, List, NamedTuple, Optional, Tuple

from .home import clock

OVER_MEMORY, OVER_WALLTIME, OVER_CPUT = -10, -11, -12

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


class Use(NamedTuple):
    """What processes use: seconds of processor, resident and virtual memory in kB."""

    cpu_s: float
    memory_kb: int
    virtual_kb: int

    def told(self, wall_s: int) -> Dict[str, str]:
        """The same as TORQUE tells it."""
        return {
            "cput": clock(int(self.cpu_s)),
            "vmem": f"{self.virtual_kb}kb",
            "walltime": clock(wall_s),
            "mem": f"{self.memory_kb}kb",
            "energy_used": "0",
        }


NOTHING = Use(0.0, 0, 0)


def use_of(pids: List[int]) -> Use:
    """What these processes use, with what their ended children have used."""
    ticks, pages, virtual = 0, 0, 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        ticks += sum(int(fields[index]) for index in (11, 12, 13, 14))
        virtual += int(fields[20]) // 1024
        pages += int(fields[21])
    return Use(ticks / _TICKS, pages * _PAGE_KB, virtual)


def size_bytes(text: str) -> int:
    """The bytes of a size of TORQUE's: `100b`, `2gb`, `3mw` (words of 4 bytes)."""
    digits = text.rstrip("kmgtbw")
    unit = text[len(digits) :]
    factor = 4 if unit.endswith("w") else 1
    return int(digits) * _UNITS[unit.rstrip("bw")] * factor


def seconds(text: str) -> int:
    """The seconds of `[[HH:]MM:]SS`."""
    total = 0
    for part in text.split(":"):
        total = total * 60 + int(part)
    return total


def exceeded(resources: Dict[str, str], use: Use) -> Optional[Tuple[int, str]]:
    """The exit status of a job above a limit, and what is said of it; None below all."""
    if "cput" in resources and use.cpu_s > seconds(resources["cput"]):
        limit = seconds(resources["cput"])
        return OVER_CPUT, f"cput {int(use.cpu_s)} exceeded limit {limit}"
    # TORQUE does not poll `mem`: it is the shell's own limit, where a job has one host.
    if "vmem" in resources and use.virtual_kb * 1024 > size_bytes(resources["vmem"]):
        limit = size_bytes(resources["vmem"])
        return OVER_MEMORY, f"vmem {use.virtual_kb * 1024} exceeded limit {limit}"
    return None


def impose(resources: Dict[str, str]) -> None:
    """Set this process' own limits as TORQUE does: data, space, file size, processor time.

    What a whole job may use (`mem`) is its shell's own limit where the job has one host.
    """
    import resource

    wanted: List[Tuple[int, str]] = []
    if resources.get("nodect", "1") == "1":
        wanted += [(resource.RLIMIT_DATA, "mem"), (resource.RLIMIT_RSS, "mem")]
    wanted += [(resource.RLIMIT_AS, "vmem"), (resource.RLIMIT_CPU, "pcput")]
    wanted += [(resource.RLIMIT_DATA, "pmem"), (resource.RLIMIT_RSS, "pmem")]
    wanted += [(resource.RLIMIT_AS, "pvmem"), (resource.RLIMIT_FSIZE, "file")]
    for kind, name in wanted:
        if name in resources:
            limit = seconds(resources[name]) if name == "pcput" else size_bytes(resources[name])
            hard = resource.getrlimit(kind)[1]
            if hard != resource.RLIM_INFINITY:
                limit = min(limit, hard)
            resource.setrlimit(kind, (limit, limit))
    if resources.get("nice"):
        os.nice(int(resources["nice"]))
