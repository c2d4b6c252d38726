"""Jobs of every kind in the lists, and jobs larger than the cluster."""

from __future__ import annotations

from collections.abc import Sequence

from tests.conformance.site import (
    Site,
    attribute,
    reaches,
    submit,
    until,
)
from tests.conformance.steps import (
    Step,
    fillers,
    job_is,
    listed,
    one_complete,
    settings,
    with_nodes,
    with_records,
)


def settled(site: Site) -> None:
    """The mix as it was recorded: all that can run runs, and the cycle is over."""
    reaches(site, "1.head", "R")
    reaches(site, "2.head", "R")
    until(lambda: attribute(site, "6.head", "comment"), "the scheduler has seen all jobs")
    until(lambda: attribute(site, "5.head", "comment"), "the scheduler has seen all jobs")


def submitted_to_elastic(site: Site) -> None:
    """The jobs 31 and 32 in the queue that is not started."""
    fillers(31)(site)
    for number, spec in (("31", "20:ppn=2"), ("32", "1:ppn=64")):
        made = submit(site, "-q", "elastic", "-N", "jt", "-l", f"nodes={spec}")
        assert made == f"{number}.head", made


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
}
