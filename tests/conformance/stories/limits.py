"""The limits that a job's processes have of the kernel, and those that its mom looks at."""

from __future__ import annotations

from collections.abc import Sequence

from tests.conformance.steps import Asked, Step, job_is, submitted, with_nodes

_SHOW = 'for each in v d m f t; do echo "$each $(ulimit -S$each) $(ulimit -H$each)"; done; nice'
_GIVEN = (
    ("none", ""),
    ("mem", "-l mem=200mb"),
    ("vmem", "-l vmem=900mb"),
    ("pmem", "-l pmem=150mb"),
    ("pvmem", "-l pvmem=800mb"),
    ("mem-pmem", "-l mem=200mb,pmem=150mb"),
    ("pmem-mem", "-l mem=100mb,pmem=150mb"),
    ("vmem-pvmem", "-l vmem=900mb,pvmem=800mb"),
    ("pvmem-vmem", "-l vmem=700mb,pvmem=800mb"),
    ("file", "-l file=10mb"),
    ("cput", "-l cput=100"),
    ("pcput", "-l pcput=50"),
    ("cput-pcput", "-l cput=40,pcput=50"),
    ("nice", "-l nice=5"),
    ("two-mem", "-l nodes=n1+n2,mem=200mb,vmem=900mb"),
    ("two-each", "-l nodes=n1+n2,pmem=150mb,pvmem=800mb,file=10mb,pcput=50"),
    ("words", "-l pvmem=100mw"),
)
_LOOP = "while :; do :; done"
_BIG = "head -c 20000 /dev/zero > big; echo $?"
_OVER = (
    ("pcput", "-l pcput=1", _LOOP),
    ("file", "-l file=1kb", f"cd $PBS_O_WORKDIR; {_BIG}; rm -f big"),
    ("pipe", "", "yes | head -n 1; exit 3"),
    ("pvmem", "-l pvmem=200mb", "tail -c 900000000 /dev/zero > /dev/null; echo $?"),
    ("pmem", "-l pmem=100mb", "tail -c 900000000 /dev/zero > /dev/null; echo $?"),
)
_ENDS = "qstat -f {} | grep -E 'job_state|exit_status|comment'"

STORIES: dict[str, Sequence[Step]] = {
    "limits that a job sees": [
        with_nodes("n1", "n2"),
        *(
            step
            for number, (name, options) in enumerate(_GIVEN)
            for step in (
                submitted(f"-S /bin/sh -N {name} {options}", _SHOW),
                job_is(f"{number}.head", "C"),
                Asked(f"78-limit-{name}", f"cat {name}.o{number}", "user"),
            )
        ),
    ],
    "processes above their limits": [
        with_nodes("n1"),
        *(
            step
            for number, (name, options, script) in enumerate(_OVER)
            for step in (
                submitted(f"-S /bin/sh -N over-{name} {options}", script),
                job_is(f"{number}.head", "C"),
                Asked(f"78-over-{name}", _ENDS.format(number)),
                Asked(f"78-over-{name}-out", f"cat over-{name}.o{number}", "user"),
                Asked(f"78-over-{name}-err", f"cut -d: -f3- over-{name}.e{number}", "user"),
            )
        ),
    ],
}
