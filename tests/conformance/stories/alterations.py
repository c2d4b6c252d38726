"""What may be changed of a job that runs, by whom, and what becomes of it.

TORQUE 6.1.3 carries a change of a running job's limits out, but never answers it: its
qalter waits for PBSAPITIMEOUT seconds (300 without).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.conformance.steps import IDLE, Asked, Step, command, job_is, settings, with_nodes

_QALTER = "env PBSAPITIMEOUT=3 qalter"
# A change that is taken is not answered: what it came to is asked.
_TAKEN = "PBSAPITIMEOUT=3 qalter -l {0}={1} 0.head 2>/dev/null; qstat -f 0 | grep List.{0}"
# What a mom is told of: a first value, one that lowers it, one that raises it.
_LIMITS = (
    ("walltime", "900", "850", "950"),
    ("cput", "500", "400", "450"),
    ("mem", "2gb", "1gb", "1200mb"),
    ("vmem", "20gb", "19gb", "30gb"),
    ("pmem", "2gb", "1gb", "3gb"),
    ("maxmem", "2gb", "1gb", "3gb"),
)
_RESOURCES = (
    *("pcput=100", "pvmem=10gb", "file=1gb", "nice=5", "nodes=2", "procs=2", "ncpus=2"),
    *("nodect=2", "neednodes=2", "arch=x", "host=n1", "opsys=x", "other=x", "software=x"),
    *("size=1", "naccesspolicy=SINGLEJOB", "feature=x", "epilogue=/tmp/x", "prologue=/tmp/x"),
    *("foo=1", "trl=2", "qos=x", "depend=x", "tpn=1", "walltime=xx", "mem=xx", "walltime=-1"),
    *("walltime=100,foo=1", "nodes=1:ppn=2"),
)
_ATTRIBUTES = (
    *("-N newname", "-A acct", "-a 203012312359", "-a 0101", "-c n", "-e /tmp/e", "-o /tmp/o"),
    *("-h n", "-h u", "-h o", "-j oe", "-k oe", "-m be", "-M x@y", "-p 7", "-q", "-r n", "-r y"),
    *("-S /bin/sh", "-t 3", "-u batchuser", "-u mgruser", "-v X=1", "-V", "-W umask=022"),
    *("-W depend=afterany:0", "-W depend=on:1", "-W group_list=batchuser", "-W x=FLAGS:a"),
    *("-W stagein=a@head:/tmp/b", "-W stageout=a@head:/tmp/b", "-W job_radix=4", "-W foo=1"),
    *("-W interactive=true", "-x n1", "-D /tmp", "-d /tmp", "-w /tmp", "-F arg", "-T x", "-f"),
    *("-n", "-K 5", "-I", "-X", "-z", "-P bob", "-i 2", "-b 2", "-C x", "-A a -l nodes=2"),
    *("-l nodes=2 -A a", "-N good -A a", "-A a -N good2", "-m e -j oe -k o"),
)


def _asked(kind: str, who: str, options: Sequence[str], first: int = 0) -> Iterator[Step]:
    for number, words in enumerate(options, first):
        yield Asked(f"71-{kind}-{number:03}", f"{_QALTER} {words} 0.head", who)


def _taken(kind: str, who: str, *values: int) -> Iterator[Step]:
    for name, *given in _LIMITS:
        for value in values:
            yield Asked(f"71-{kind}-{name}-{value}", _TAKEN.format(name, given[value]), who)


def _limits(names: Sequence[str]) -> list[str]:
    return [f"-l {name}" for name in names]


_BODIES = {
    "shorter": "sleep 600",
    "shortest": "sleep 600",
    "cput": r"while :\; do :\; done",
    "vmem": "sleep 600",
}


def _ended(name: str, before: str, after: str, who: str) -> list[Step]:
    """A job that an alteration ends; it is told why on its stderr."""
    number = list(_BODIES).index(name)
    job = f"{number}.head"
    return [
        command(f"sh -c 'echo {_BODIES[name]} | qsub -N {name} {before}'", "user"),
        job_is(job, "R"),
        command(f"{_QALTER} {after} {job}", who),
        job_is(job, "C"),
        Asked(f"71-{name}-show", f"qstat -f {number}"),
        Asked(f"71-{name}-error", f"cat {name}.e*"),
    ]


def _running(options: str = "") -> list[Step]:
    return [
        with_nodes("n1"),
        command(f"qsub -l walltime=1000 -v SLP=600 {options} j/sleep.sh", "user"),
        job_is("0.head", "R"),
    ]


_RAISED = tuple(f"{name}={values[2]}" for name, *values in _LIMITS)
_ALL = (*_limits(_RESOURCES), *_ATTRIBUTES)
_HELD = (*_ALL, *_limits(_RAISED), "-l gres=x:1")
# A job that waits for itself is refused, and lost.
_LOSES_IT = ("-W depend=afterany:0",)
_NOT_A_MANAGER = "set server managers -= mgruser@head"

STORIES: dict[str, Sequence[Step]] = {
    "a running job altered by its owner": [
        settings(_NOT_A_MANAGER),
        *_running(),
        *_taken("owner", "user", 0, 1),
        *_asked("owner", "user", (*_ALL, *_limits(_RAISED), "-l gres=x:1")),
        Asked("71-owner-show", "qstat -f 0"),
    ],
    "a running job altered by an operator": [
        settings(_NOT_A_MANAGER, "set server operators += mgruser@head"),
        *_running(),
        *_taken("operator", "manager", 0, 2),
        *_asked("operator", "manager", _limits((*_RESOURCES, "gres=x:1"))),
        *_asked("operator", "manager", ("-p 3", "-h o", "-h s", "-h n", "-x n1"), 100),
        Asked("71-operator-show", "qstat -f 0"),
    ],
    "a running job altered by a manager": [
        *_running(),
        *_taken("manager", "manager", 0, 2),
        *(
            Asked(f"71-manager-{name}", _TAKEN.format(name, value), "manager")
            for name, value in (("gres", "x:1"), ("neednodes", "2"))
        ),
        *_asked("manager", "manager", [each for each in _ALL if each != "-l neednodes=2"]),
        Asked("71-manager-show", "qstat -f 0"),
    ],
    "a running job altered by another": [
        settings(_NOT_A_MANAGER),
        *_running(),
        Asked("71-limits-answer", f"{_QALTER} -l walltime=900 0.head", "root"),
        *_asked("other", "manager", ("-l walltime=10", "-l nodes=2", "-N x", "-A x")),
        Asked("71-other-show", "qstat -f 0"),
    ],
    "a held and a complete job altered": [
        with_nodes("n1"),
        settings(_NOT_A_MANAGER),
        command("qsub -h -l walltime=1000 j/sleep.sh", "user"),
        *_asked("held", "user", [each for each in _HELD if each not in _LOSES_IT]),
        Asked("71-held-show", "qstat -f 0"),
        command("qdel 0.head", "user"),
        job_is("0.head", "C"),
        *_asked("complete", "user", ("-l walltime=5", "-l nodes=2", "-N x", "-h n", "-W foo=1")),
        *_asked("complete-root", "root", ("-l walltime=5", "-N x")),
    ],
    **{
        f"a {kind} job altered by {whom}": [
            with_nodes("n1"),
            IDLE,
            settings(rights),
            command(f"qsub {'-h' * (kind == 'held')} -l walltime=1000 j/sleep.sh", "user"),
            *_asked(f"{kind}-{whom}", who, [each for each in _HELD if each not in _LOSES_IT]),
            Asked(f"71-{kind}-{whom}-show", "qstat -f 0"),
        ]
        for kind in ("held", "queued")
        for whom, who, rights in (
            ("owner", "user", _NOT_A_MANAGER),
            ("manager", "manager", "set server operators = root@head"),
            ("operator", "manager", f"{_NOT_A_MANAGER},operators += mgruser@head"),
            ("another", "manager", _NOT_A_MANAGER),
        )
        if (kind, whom) != ("held", "owner")
    },
    "a job that is to wait for itself": [
        command("qsub -h j/sleep.sh", "user"),
        *_asked("self", "user", _LOSES_IT),
        Asked("71-self-show", "qstat"),
    ],
    "a running job that is altered ends when it must": [
        with_nodes("n1"),
        *_ended("shorter", "-l walltime=1000", "-l walltime=1", "root"),
        *_ended("shortest", "-l walltime=1000", "-l walltime=", "user"),
        *_ended("cput", "", "-l cput=1", "user"),
        *_ended("vmem", "", "-l vmem=1kb", "user"),
        command("qsub -N longer -l walltime=4 -v SLP=9 j/sleep.sh", "user"),
        job_is("4.head", "R"),
        command(f"{_QALTER} -l walltime=1000 4.head"),
        job_is("4.head", "C"),
        Asked("71-longer-show", "qstat -f 4"),
        Asked("71-longer-error", "cat longer.e*"),
    ],
    "members of an array that are altered while they run": [
        with_nodes("n1", "n2"),
        command("qsub -N members -t 0-2 -l walltime=1000 -v SLP=600 j/sleep.sh", "user"),
        job_is("0[0].head", "R"),
        job_is("0[1].head", "R"),
        job_is("0[2].head", "R"),
        command(f"{_QALTER} -l walltime=1 0[1].head"),
        job_is("0[1].head", "C"),
        Asked("71-member-show", "qstat -t"),
        Asked("71-array-range", f"{_QALTER} -l walltime=500 -t 2 0[].head"),
        Asked("71-array-range-show", "qstat -f 0[2]"),
        Asked("71-array-whole", f"{_QALTER} -l walltime=800 0[].head"),
        Asked("71-array-whole-show", "qstat -f 0[0]"),
        Asked("71-array-refused", f"{_QALTER} -l nodes=2 0[].head"),
    ],
}
