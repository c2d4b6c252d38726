"""A TORQUE or an OpenPBS that is installed here, on machines of a topology.

The machines see its programs, for below each is the root of this one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tests.pelog.batches import Batch, OpenPbs, Torque
from tests.pelog.hosts import HEAD
from tests.topologies.machines import PATH, Machines
from tests.waiting import wait_for

PROFILE = "/etc/profile.d/batch.sh"


def prepare(batch: Batch, machines: Machines) -> None:
    """Put its commands into everybody's PATH, and make a home for its server."""
    assert isinstance(batch, (Torque, OpenPbs))
    folders = f"{batch.place}/bin:{batch.place}/sbin"
    machines.path = f"{folders}:{batch.environment.get('PATH', PATH)}"
    for name in machines.names:
        machines.write(name, PROFILE, f"PATH={folders}:$PATH\n")
        machines.write(name, "/etc/pbs.conf", "")
        if isinstance(batch, OpenPbs):
            machines.write(name, "/etc/pbs.conf", batch.pbs_conf(server=False))
            machines.check(name, "install", "-d", "-o", "postgres", "/run/postgresql")
    batch.prepare(machines)


def setting_edits(batch: Batch, machines: Machines, shipped: str) -> dict[str, str]:
    """What an administrator changes in the shipped settings."""
    edits = {'# pbs_mom = "/usr/local/sbin/pbs_mom"': f'pbs_mom = "{batch.pbs_mom}"'}
    new = ""
    for line in batch.settings(machines).splitlines():
        key = line.partition(" = ")[0]
        if there := re.search(rf"(?m)^{key} = .*$", shipped):
            edits[there[0]] = line
        else:
            new += f"{line}\n"
    return edits | {'kind = "torque"\n': f'kind = "{batch.kind}"\n{new}'}


def start_clients(batch: Batch, machines: Machines, clients: Sequence[str]) -> None:
    """Let users submit on these machines; the server takes commands when this is called, or soon.

    Of TORQUE it is said who may; for OpenPBS `flatuid` says it.
    """
    if not isinstance(batch, Torque):
        return
    for name in clients:
        machines.write(name, f"{batch.home}/server_name", f"{HEAD}\n")
        program = str(batch.place / "sbin" / "trqauthd")
        machines.start_daemon(name, "trqauthd", program, "-F")
        words = ("qmgr", "-c", f"set server submit_hosts += {name}")
        wait_for(
            lambda words=words: machines.run(HEAD, *words).returncode == 0,
            60,
            "the server knows where users submit",
        )
