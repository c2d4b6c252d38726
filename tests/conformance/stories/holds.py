"""Jobs that are held, altered, moved, and what was asked of jobs that are over."""

from __future__ import annotations

from collections.abc import Sequence

from tests.conformance.steps import (
    IDLE,
    NO_MANAGER,
    Asked,
    Step,
    asked,
    deleted,
    job_is,
    submitted,
    with_nodes,
)

_HOLDS = (
    ("user", "qhold 0.head", "user"),
    ("again", "qhold 0.head", "user"),
    ("other", "qhold 0.head", "manager"),
    ("rls-other", "qrls 0.head", "manager"),
    ("o", "qhold -h o 0.head", "user"),
    ("s", "qhold -h s 0.head", "user"),
    ("bad", "qhold -h x 0.head", "user"),
    ("root-os", "qhold -h os 0.head", "root"),
    ("rls-user", "qrls 0.head", "user"),
    ("rls-o-user", "qrls -h o 0.head", "user"),
    ("rls-root-o", "qrls -h o 0.head", "root"),
    ("rls-root-s", "qrls -h s 0.head", "root"),
    ("rls-none", "qrls 0.head", "user"),
    ("root-uos", "qhold -h uos 0.head", "root"),
    ("rls-root-uos", "qrls -h uos 0.head", "root"),
    ("n", "qhold -h n 0.head", "user"),
)
_ALTERATIONS = (
    "-l walltime=100",
    "-N newname",
    "-p 7",
    "-l nodes=2",
    "-l nodes=9",
    "-l foo=1",
    "-l walltime=xx",
    "-a 202801011200",
    "-a 0101",
    "-h u",
    "-h n",
    "-h o",
    "-r n",
    "-o /tmp/x",
    "-o rel",
    "-j oe",
    "-k oe",
    "-A acct",
    "-M x@y -m e",
    "-S /bin/bash",
    "-v X=1",
    "-W depend=afterany:99999",
    "-W umask=022",
    "-c n",
    "-u batchuser",
    "-Z",
    "-p 9999",
    "-t 3",
    "-e n1:/tmp/e",
    "-q batch",
)


def _holds() -> list[Step]:
    steps: list[Step] = []
    for name, line, who in _HOLDS:
        steps.append(Asked(f"54-hold-{name}", line, who))
        steps.append(Asked(f"54-hold-{name}-show", "qstat -f 0 | grep -E 'state|Hold'"))
    return steps


STORIES: dict[str, Sequence[Step]] = {
    "holds": [
        IDLE,
        NO_MANAGER,
        submitted("-v SLP=300"),
        *_holds(),
        submitted("-a 12312359"),
        job_is("1.head", "W"),
        Asked("54-hold-waiting", "qhold 1.head", "user"),
        Asked("54-hold-waiting-show", "qstat -f 1"),
        Asked("54-hold-waiting-rls", "qrls 1.head", "user"),
        Asked("54-hold-waiting-rls-show", "qstat -f 1"),
        *asked(
            "54-hold",
            "user",
            ("two", "qhold 99999 0.head abc"),
            ("rls-two", "qrls 0.head 99999"),
            ("unknown", "qhold 99999"),
            ("rls-unknown", "qrls 99999"),
            ("noargs", "qhold"),
            ("rls-noargs", "qrls"),
        ),
    ],
    "alterations": [
        with_nodes("n1"),
        IDLE,
        NO_MANAGER,
        submitted("-v SLP=300"),
        *(
            Asked(f"55-qalter-{number:02}", f"qalter {options} 0.head", "user")
            for number, options in enumerate(_ALTERATIONS)
        ),
        Asked("55-qalter-show", "qstat -f 0"),
        Asked("55-qalter-other", "qalter -p 3 0.head", "manager"),
        Asked("55-qalter-root", "qalter -l walltime=10 0.head"),
        *asked(
            "55-qalter",
            "user",
            ("noargs", "qalter"),
            ("nochange", "qalter 0.head"),
            ("unknown", "qalter -p 1 99999"),
            ("unknown2", "qalter -p 1 abc"),
            ("two", "qalter -p 1 99999 0.head"),
        ),
        Asked("55-qalter-last-show", "qstat -f 0"),
        *deleted("0.head"),
        *asked(
            "55-done",
            "user",
            ("qalter", "qalter -p 1 0.head"),
            ("qhold", "qhold 0.head"),
            ("qrls", "qrls 0.head"),
            ("qmove", "qmove batch 0.head"),
        ),
        Asked("55-done-qrerun", "qrerun 0.head"),
        Asked("55-done-qrun", "qrun 0.head"),
        Asked("55-done-qdel", "qdel 0.head", "user"),
        Asked("55-done-show", "qstat -f 0"),
    ],
}
