"""Jobs that wait for others."""

from __future__ import annotations

from collections.abc import Sequence

from tests.conformance.steps import (
    IDLE,
    Asked,
    Step,
    command,
    deleted,
    job_is,
    submitted,
    with_nodes,
)

_AFTER = ("after", "afterok", "afternotok", "afterany")
_BEFORE = ("before", "beforeok", "beforenotok", "beforeany")


def _depends(name: str, value: str) -> Asked:
    return Asked(f"52-depend-{name}", f"qsub -W depend={value} -v SLP=1 j/sleep.sh", "user")


STORIES: dict[str, Sequence[Step]] = {
    "dependencies": [
        with_nodes("n1"),
        IDLE,
        submitted("-N base -v SLP=300"),
        command("qrun 0.head"),
        job_is("0.head", "R"),
        *(_depends(kind, f"{kind}:0.head") for kind in _AFTER),
        *(Asked(f"52-depend-{kind}-f", f"qstat -f {n + 1}") for n, kind in enumerate(_AFTER)),
        Asked("52-depend-base-f", "qstat -f 0"),
        _depends("two", "afterok:0.head,afterany:0.head"),
        _depends("two-jobs", "afterok:0.head:1.head"),
        Asked("52-depend-two-f", "qstat -f 5"),
        Asked("52-depend-two-jobs-f", "qstat -f 6"),
        *(_depends(kind, f"{kind}:0.head") for kind in _BEFORE),
        _depends("on", "on:1"),
        _depends("sync", "synccount:1"),
        _depends("array", "afterokarray:5[]"),
        _depends("unknown-kind", "foo:1"),
        _depends("no-job", "afterok"),
        _depends("no-such-job", "afterok:99999"),
        _depends("no-id", "afterok:abc"),
        Asked("52-depend-qstat", "qstat"),
        Asked("52-depend-qrls", "qrls 2.head", "user"),
        Asked("52-depend-qrls-root", "qrls -h s 2.head"),
        Asked("52-depend-qalter", "qalter -W depend=afterany:0.head 1.head", "user"),
        Asked("52-depend-qalter-f", "qstat -f 1"),
        Asked("52-depend-qalter-unknown", "qalter -W depend=afterany:99999 1.head", "user"),
        *deleted("0.head"),
        job_is("3.head", "Q"),
        job_is("4.head", "Q"),
        Asked("52-depend-after-qdel", "qstat"),
        Asked("52-depend-afterok-deleted", "qstat -f 2"),
        Asked("52-depend-afternotok-free", "qstat -f 3"),
        _depends("afterok-late", "afterok:0.head"),
        _depends("afternotok-late", "afternotok:0.head"),
        _depends("afterany-late", "afterany:0.head"),
    ],
    "dependencies on a job that succeeds": [
        with_nodes("n1"),
        IDLE,
        submitted("-N base -v SLP=1 -h"),
        *(command(f"qsub -W depend={kind}:0.head j/sleep.sh", "user") for kind in _AFTER),
        Asked("53-depend-qstat", "qstat"),
        command("qrls 0.head", "user"),
        command("qrun 0.head"),
        job_is("0.head", "C"),
        job_is("2.head", "Q"),
        job_is("4.head", "Q"),
        Asked("53-depend-ended-qstat", "qstat"),
        *(Asked(f"53-depend-{kind}-f", f"qstat -f {n + 1}") for n, kind in enumerate(_AFTER)),
        Asked("53-depend-ok-late", "qsub -W depend=afterok:0.head j/sleep.sh", "user"),
        Asked("53-depend-notok-late", "qsub -W depend=afternotok:0.head j/sleep.sh", "user"),
        Asked("53-depend-late-qstat", "qstat"),
    ],
}
