"""What a mom tells of its host: the words of a node's `status`."""

from __future__ import annotations

import os
import time
from typing import Dict, List

from .home import VERSION


def _memory() -> Dict[str, int]:
    found: Dict[str, int] = {}
    with open("/proc/meminfo", encoding="ascii") as file:
        for line in file:
            name, _, rest = line.partition(":")
            found[name] = int(rest.split()[0])
    return found


def host_status(jobs: List[str], problem: str = "") -> List[str]:
    """The words, in the order in which TORQUE's mom sends them; `problem` comes last."""
    memory = _memory()
    system = os.uname()
    total = memory["MemTotal"] + memory.get("SwapTotal", 0)
    available = memory.get("MemAvailable", 0) + memory.get("SwapFree", 0)
    with open("/proc/uptime", encoding="ascii") as file:
        idle = int(float(file.read().split()[0]))
    name = f"{system.sysname} {system.nodename} {system.release} {system.version} {system.machine}"
    return [
        "opsys=linux",
        f"uname={name.replace(',', ' ')}",
        "nsessions=0",
        "nusers=0",
        f"idletime={idle}",
        f"totmem={total}kb",
        f"availmem={available}kb",
        f"physmem={memory['MemTotal']}kb",
        f"ncpus={os.cpu_count() or 1}",
        f"loadave={os.getloadavg()[0]:.2f}",
        "gres=",
        "netload=0",
        "state=free",
        "varattr= ",
        "cpuclock=Fixed",
        "macaddr=00:00:00:00:00:00",
        f"version={VERSION}",
        f"rectime={int(time.time())}",
        f"jobs={' '.join(jobs)}",
        *([f"message={problem}"] if problem else []),
    ]
