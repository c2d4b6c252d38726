"""Facts of hosts where nothing is wrong."""

from __future__ import annotations

from torque_mesos.batch.maui.program import Tables
from torque_mesos.doctor.facts import (
    Clock,
    Counts,
    Disk,
    Facts,
    Folder,
    Maui,
    Mom,
    Munge,
    Name,
    Port,
    Reach,
    Socket,
    User,
    Versions,
)

ALICE = User("alice", 1001, 1001, home=True)
SOCKET = Socket("/tmp/trqauthd-unix", there=True, error="", running=True)

MAUI = Maui(
    "/var/spool/maui/maui.cfg",
    tables=Tables(nodes=5120, jobs=4096, reservations=1024, properties=128),
    values={
        "DEFERTIME": "0",
        "JOBNODEMATCHPOLICY": "EXACTNODE",
        "NODEPURGETIME": "00:00:20",
        "RMPOLLINTERVAL": "00:00:05",
    },
)

SERVER = Facts(
    side="server",
    kind="torque",
    host="head",
    names=(
        Name("head", "this host", ("10.0.0.1",), own=True),
        Name("n1", "a Mesos agent", ("10.0.0.11",), "10.0.0.11", "n1.cluster.test"),
    ),
    ports=(Port(15001, "pbs_server", "pbs_server"), Port(15004, "pbs_sched or maui", "maui")),
    reaches=(Reach("head", 5050, "the Mesos master", ""),),
    trqauthd=SOCKET,
    folders=(Folder("/s/spool", 0o1777, 0, 0o1777, exactly=True),),
    clocks=(Clock("the Mesos master", 0.2, 0.5),),
    users=(ALICE,),
    maui=MAUI,
    counts=Counts(nodes=100, jobs=2000, queues=4, properties=10),
    disks=(Disk("/var", 50_000.0, 100_000.0, 10**6),),
    munge=Munge(installed=True, needed=True, error=""),
)
AGENT = Facts(
    side="agent",
    kind="torque",
    host="n1",
    names=(Name("head", "the batch server", ("10.0.0.1",)),),
    agent_name="n1.cluster.test",
    ports=(Port(15002, "", None), Port(15003, "", "pbs_mom")),
    trqauthd=SOCKET,
    folders=(Folder("/var/lib/mesos", 0o777, 7, 0o755, sandbox=True),),
    versions=Versions("6.1.3.h5", "6.1.3.h5"),
    moms=(Mom(7, "n1"),),
    records=frozenset({"n1", "localhost"}),
    users=(ALICE,),
    others=(("head", (ALICE,)),),
    python="3.9.2",
)
