"""Which situation each recorded command was given in.

A story begins with a new server; its steps are transcripts, and functions that bring
about what the next transcripts need.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence

from tests.conformance.site import (
    Site,
    attribute,
    nodes,
    qmgr,
    reaches,
    records,
    states,
    submit,
    until,
)

Step = str | Callable[[Site], object]


def with_nodes(*names: str, properties: str = "") -> Step:
    """Nodes with two slots each and a mom, free."""
    return lambda site: nodes(site, *names, properties=properties)


def with_records(*names: str, np: int = 2) -> Step:
    """Nodes that never had a mom, down."""
    return lambda site: records(site, *names, np=np)


def settings(*commands: str) -> Step:
    """Commands of qmgr."""
    return lambda site: qmgr(site, *commands)


def command(line: str, who: str = "root") -> Step:
    """A command that is no transcript's."""
    return lambda site: site.run(shlex.split(line), who)


def node_is(name: str, *words: str) -> Step:
    """Wait for a node's state."""
    return lambda site: until(lambda: states(site)[name] == set(words), f"{name} is {words}")


def job_is(job: str, state: str) -> Step:
    """Wait for a job's state."""
    return lambda site: reaches(site, job, state)


def reported_by(*names: str) -> Step:
    """Wait until nodes have a status."""

    def all_told(site: Site) -> bool:
        text = site.run(["pbsnodes", *names]).out
        return text.count("\n     status = ") == len(names)

    return lambda site: until(lambda: all_told(site), f"{names} have reported")


def settled(site: Site) -> None:
    """The mix as it was recorded: all that can run runs, and the cycle is over."""
    reaches(site, "1.head", "R")
    reaches(site, "2.head", "R")
    until(lambda: attribute(site, "6.head", "comment"), "the scheduler has seen all jobs")
    until(lambda: attribute(site, "5.head", "comment"), "the scheduler has seen all jobs")


def one_complete(site: Site) -> None:
    """A job of 3 s, complete."""
    job = submit(site, "-N", "one", "-v", "SLP=3")
    reaches(site, job, "C")


def busy_offline(site: Site) -> None:
    """n1's slots are all a job's, and it is offline with a note."""
    job = submit(site, "-l", "nodes=n1:ppn=2", "-v", "SLP=100")
    reaches(site, job, "R")
    site.run(["pbsnodes", "-o", "-N", "drain", "n1"])


def drained(site: Site) -> None:
    """Its jobs are gone."""
    site.run(["qdel", "-p", "0.head"])
    until(lambda: states(site)["n1"] == {"offline"}, "n1 is idle")


def fillers(number: int) -> Callable[[Site], None]:
    """Held jobs, so that the next job is this one."""

    def make(site: Site) -> None:
        for _ in range(number):
            if int(submit(site, "-h", "-N", "filler").partition(".")[0]) >= number - 1:
                return

    return make


def submitted_to_elastic(site: Site) -> None:
    """The jobs 31 and 32 in the queue that is not started."""
    fillers(31)(site)
    for number, spec in (("31", "20:ppn=2"), ("32", "1:ppn=64")):
        made = submit(site, "-q", "elastic", "-N", "jt", "-l", f"nodes={spec}")
        assert made == f"{number}.head", made


def listed(*rows: tuple[str, str, str, str]) -> Step:
    """Jobs by (name, options of qsub, state, queue), in this order."""

    def make(site: Site) -> None:
        for name, options, state, queue in rows:
            hold = ["-h"] if state in ("H", "C") else []
            after = ["-a", "12312359"] if state == "W" else []
            where = ["-q", queue] if queue != "batch" else []
            words = ["-N", name, "-v", "SLP=300", *hold, *after, *where, *options.split()]
            job = submit(site, *words)
            if state == "C":
                site.run(["qdel", job])
            if state in "CRW":
                reaches(site, job, state)

    return make


def authority_down(site: Site) -> None:
    """No trqauthd runs."""
    site.stop_authority()


def authority_up(site: Site) -> None:
    """It runs again."""
    site.start_authority()


def server_down(site: Site) -> None:
    """No pbs_server runs."""
    site.stop_server()


def server_up(site: Site) -> None:
    """It runs again."""
    site.start_server()


_NODECT = "set server resources_available.nodect=1000"
_NODECT_QUEUE = "set queue batch resources_available.nodect=1000"
_NO_NODECT = "unset server resources_available.nodect"
_NO_NODECT_QUEUE = "unset queue batch resources_available.nodect"
_ELASTIC = (
    "create queue elastic queue_type=execution",
    "set queue elastic is_transit=true",
    "set queue elastic enabled=true",
    "set queue elastic started=false",
)
_FULL = "-l nodes=n1:ppn=2"

_QSTAT = ("", "_-B", "_-Bf", "_-Q", "_-Qf", "_-a", "_-f", "_-f_-1", "_-f_-t_-x")
_QSTAT += ("_-n", "_-n_-1", "_-t", "_-x")
_PBSNODES = ("", "_-a", "_-l", "_-l_-n", "_-l_all", "_-l_free", "_-q_n1", "_-x")
_NEVER = "-l nodes=20:ppn=2"
_BOTH = (
    ("jn1", _FULL, "R", "batch"),
    ("j3x2foo", "", "C", "batch"),
    ("jhostsppn", "", "C", "batch"),
    ("jprocs", "", "C", "batch"),
    ("jhold", "", "H", "batch"),
    ("jwait", "", "W", "batch"),
    ("jdep", "", "H", "batch"),
    *((name, "", "C", "batch") for name in ("jnoprop", "jbadhost", "jnoprop", "jprocs")),
    *((name, "", "C", "batch") for name in ("jm20x2", "jm1x64", "jm2x64", "jp20")),
    ("jt20x2", _NEVER, "Q", "elastic"),
    ("jt1x64", "", "C", "batch"),
    *((name, _NEVER, "Q", "batch") for name in ("jb20x2", "jb20", "jb1x64", "jbprop")),
)
_TRANSIT = (
    ("jn1", "", "R", "batch"),
    ("j3x2foo", "-l nodes=3:ppn=2:foo,walltime=00:10:00,mem=100mb", "Q", "batch"),
    ("jhosts", "-l nodes=n1+n2", "C", "batch"),
    ("jhostsppn", "-l nodes=n1:ppn=2+n2:ppn=1", "Q", "batch"),
    ("jprocs", "-l procs=3", "Q", "batch"),
    ("jhold", "-l pmem=50mb,vmem=1gb", "H", "batch"),
    ("jwait", "", "W", "batch"),
    ("jdep", "", "H", "batch"),
    ("jmany", "-l nodes=20", "C", "batch"),
    ("jnoprop", "", "C", "batch"),
    ("jbadhost", "-l nodes=1:nosuch", "Q", "batch"),
    ("jmany", "-l nodes=20", "C", "batch"),
    ("jnoprop", "", "C", "batch"),
    ("jprocs", "-l procs=300", "Q", "batch"),
    ("jm20x2", _NEVER, "C", "batch"),
    ("jm1x64", "-l nodes=1:ppn=64:nosuch", "Q", "batch"),
    ("jm2x64", "-l nodes=2:ppn=64", "C", "batch"),
    ("jp20", "-l procs=20", "Q", "batch"),
    ("jt20x2", _NEVER, "Q", "elastic"),
    ("jt1x64", "-l nodes=1:ppn=64", "Q", "elastic"),
)

STORIES: dict[str, Sequence[Step]] = {
    "an empty server": [
        "04-empty-pbsnodes",
        "04-empty-pbsnodes_-l",
        "04-empty-pbsnodes_-x",
        "04-empty-qstat",
        "04-empty-qstat_-f",
        "04-empty-qstat_-x",
        "04-empty-qsub-n1",
        "04-empty-qsub-n2",
        "04-empty-qsub",
        command("qdel 2.head"),
        job_is("2.head", "C"),
        "04-empty-qstat-after",
        "04-server-noresolve",
        "04-wrong-server",
    ],
    "rights": [
        with_nodes("n1", "n3"),
        reported_by("n1", "n3"),
        "02-nonmgr-list",
        "02-nonmgr-print",
        "02-nonmgr-create",
        "02-nonmgr-delete",
        "02-nonmgr-offline",
        "02-nonmgr-setmanagers",
        "02-set-operators",
        "02-operator-offline",
        "02-operator-clear",
        "02-operator-create",
        command("qmgr -c 'set server operators -= batchuser@head'"),
        "02-mgr-create",
        "02-mgr-offline",
        "04-pbsnodes-c",
        "02-mgr-delete",
        "02-set-manager-wildcard",
        "02-list-managers",
        "02-unset-manager",
        "02-qsub-root",
    ],
    "jobs that wait": [
        with_nodes("n1", "n3"),
        settings("set server scheduling=false"),
        *([command("qsub j/sleep.sh", "user")] * 6),
        "05-qrun-nonmgr",
        "05-qrun-specific-host",
    ],
    "qmgr": [
        with_nodes("n1", "n2", "n3"),
        reported_by("n1", "n2", "n3"),
        "03-list-server",
        "03-list-nodes",
        "03-print-server",
        "03-print-nodes",
        "03-bad-attr",
        "03-bad-syntax",
        "03-create-dup",
        "03-create-unres",
        "03-create-badattr",
        "03-create-fqdn",
        "03-create-underscore",
        "03-create-ip",
        "03-create-np-props",
        "03-create-ports",
        "03-pbsnodes-n4n5",
        "03-create-placeholder",
        "03-set-np",
        "03-set-unknown-node",
        "03-set-offline",
        "03-set-online",
        "03-set-offline-minus",
        "03-set-offline-plus",
        "03-delete-unknown",
        "03-delete-idle",
        "03-delete-gone",
        "03-delete-n5",
        "03-set-nodect-server",
        "03-set-nodect-queue",
        "03-neednodes",
        "03-print-queue",
        "03-neednodes-unset",
        "03-unset-nodect-queue",
        "03-unset-nodect-server",
        "03-job-stat-rate",
        "03-poll-jobs",
        "03-tcp-timeout",
        "03-set-check-rate",
        "03-set-auto-node-np",
    ],
    "a mix of jobs": [
        with_nodes("n1", "n2", "n3", properties="foo"),
        with_nodes("n4", "n5"),
        with_records("n6"),
        one_complete,
        "04-qsub-nodes1",
        "04-qsub-2x2",
        "04-qsub-3x2foo",
        "04-qsub-hosts",
        "04-qsub-hosts-ppn",
        "04-qsub-procs",
        "04-qsub-hold",
        "04-qsub-wait",
        "04-qsub-array",
        "04-qsub-array-slot",
        "04-qsub-dep",
        "04-qsub-toomany",
        "04-qsub-toomany-ppn",
        "04-qsub-noprop",
        "04-qsub-badhost",
        settled,
        *(f"04-mix-qstat{more}" for more in _QSTAT),
        *(f"04-mix-pbsnodes{more}" for more in _PBSNODES),
        "04-qstat-f-complete",
        "05-qrun-procs",
    ],
    "larger than the cluster": [
        with_nodes("n1", "n2", "n3"),
        with_records("n4", "n5", "n6"),
        settings(_NODECT),
        fillers(16),
        "04-qsub-toomany-nodect",
        job_is("16.head", "C"),
        "04-deleted-never-run",
        "04-qsub-ppn-nodect",
        "04-qsub-noprop-nodect",
        "04-qsub-badhost-nodect",
        "04-qsub-nodect-20x2",
        settings(_NODECT_QUEUE),
        "04-qsub-toomany-nodectq",
        "04-qsub-ppn-nodectq",
        "04-qsub-noprop-nodectq",
        "04-qsub-procs-many",
        settings(_NO_NODECT, _NO_NODECT_QUEUE),
        with_records("n200", np=1000),
        "04-qsub-placeholder-nonodect-20",
        "04-qsub-placeholder-nonodect-20x2",
        "04-qsub-placeholder-nonodect-procs",
        "04-qsub-placeholder-1x64",
        settings(_NODECT, _NODECT_QUEUE),
        "04-qsub-both-20x2",
        "04-qsub-both-20",
        "04-qsub-both-1x64",
        "04-qsub-both-prop",
        "04-qsub-both-600x2",
        settings(*_ELASTIC),
        "04-qsub-transit-20x2",
        "04-qsub-transit-1x64",
    ],
    "what once was listed": [
        with_nodes("n1"),
        settings(*_ELASTIC, _NODECT, _NODECT_QUEUE, "create node n200 np=1000"),
        listed(*_BOTH),
        "04-both-qstat",
    ],
    "a queue that is not started": [
        with_nodes("n1", "n2", "n3"),
        settings(*_ELASTIC, _NODECT, _NODECT_QUEUE, "create node n200 np=1000"),
        listed(*_TRANSIT),
        "04-transit-qstat",
        submitted_to_elastic,
        "05-qrun-infeasible",
        "05-qmove-transit-infeasible",
    ],
    "no jobs in two queues": [
        settings(*_ELASTIC),
        "04-qstat-x-empty",
    ],
    "nodes that are marked": [
        with_nodes("n1", properties="foo"),
        with_records("n6", "n200"),
        with_nodes("n3", properties="foo"),
        reported_by("n1", "n3"),
        "04-pbsnodes-unknown",
        "04-pbsnodes-x-unknown",
        "04-pbsnodes-o-unknown",
        "04-pbsnodes-n-n3",
        "04-pbsnodes-note-set",
        "04-pbsnodes-note-clear",
        "04-pbsnodes-o-N",
        "04-pbsnodes-show",
        command("pbsnodes -N '' n3"),
        "04-pbsnodes-note-list",
        command("pbsnodes -N vcc:drain n3"),
        lambda site: site.kill_mom("n3"),  # else its next report may be faster than we
        "04-pbsnodes-r",
        "04-pbsnodes-show2",
        "04-qdel-unknown",
        "04-qstat-unknown",
        "04-qstat-x-unknown",
        busy_offline,
        "04-pbsnodes-x-offline-busy",
        drained,
        "04-pbsnodes-offline-after",
    ],
    "marks of nodes that are down": [
        settings("create node n200 np=1000"),
        with_records("n15", "n20"),
        with_nodes("n1"),
        with_records("n46", "10.77.0.57"),
        command("pbsnodes -o n15"),
        busy_offline,
        "04-pbsnodes-l-n-note",
    ],
    "a new node": [
        with_nodes("n3"),
        reported_by("n3"),
        command("pbsnodes -o n3"),
        "04-pbsnodes-offline-n3",
        settings("create node n11 np=2"),
        "04-pbsnodes-l",
    ],
    "no server": [
        server_down,
        "04-serverdown-pbsnodes_-a",
        "04-serverdown-pbsnodes_-o_n1",
        "04-serverdown-pbsnodes_-x",
        "04-serverdown-qmgr_-c_create_node_n9",
        "04-serverdown-qmgr_-c_list_server",
        "04-serverdown-qstat",
        "04-serverdown-qstat_-x",
        "04-serverdown-qsub",
        server_up,
    ],
    "no trqauthd": [
        "08-qstat-n1-authd-on-node",
        authority_down,
        "04-authddown-pbsnodes_-x",
        "04-authddown-qmgr_-c_create_node_n9",
        "04-authddown-qstat",
        "04-authddown-qsub",
        "04-authddown-user-qstat",
        authority_up,
    ],
    "moms": [
        with_nodes("n1"),
        "08-momctl-nonroot",
        "08-momctl-d0-head-dead",
        "08-momctl-d3-from-head",
        "08-momctl_--help",
        "08-momctl_-d_3",
        "08-momctl_-q_status_update_time",
        "08-momctl_-r__etc_hostname",
        "08-pbs_mom-nonroot",
        "08-pbs_mom_-h",
        "08-pbs_server-h",
    ],
}

# Here a command must find what lasts ten seconds with TORQUE.
SLOW = ("qmgr", "a new node")

# Recorded of TORQUE's own daemons and their start; there is no situation to compare.
NOT_TOLD = (
    "08-multimom-start",
    "08-trqauthd-down",
    "08-trqauthd-up",
    "04-qsub-placeholder-20x2",
    "04-qsub-placeholder-2x64",
)
