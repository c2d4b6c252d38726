"""Jobs that their moms cannot start, and that are tried again and again."""

from __future__ import annotations

from collections.abc import Sequence

from tests.conformance.steps import (
    IDLE,
    Asked,
    Step,
    command,
    deleted,
    in_mom,
    job_has,
    job_is,
    settings,
    starts,
    submitted,
    with_nodes,
)

_ACCOUNTING = "/var/spool/torque/server_priv/accounting/*"
_SHOWN = (
    "state|exit_status|session_id|Hold|comment|exec_host|Rerunable|resources_used|Resource_List"
)
_EXIT = "#!/bin/sh\nexit {}\n"


def _shown(number: int) -> str:
    return f"qstat -f {number} | grep -E '{_SHOWN}'"


def _tried(name: str, script: str, text: str, mode: str = "755") -> list[Step]:
    """A job that is started at least three times, and what is said of it between two starts."""
    return [
        with_nodes("n1"),
        settings("set server down_on_error=False"),
        in_mom("n1", script, text, mode),
        submitted("", "exit 0"),
        starts("0.head", 3),
        IDLE,
        job_is("0.head", "Q"),
        Asked(f"76-retry-{name}", _shown(0)),
        Asked(f"76-retry-{name}-told", f"cut -d';' -f2,3 {_ACCOUNTING} | sort -u"),
        Asked(f"76-retry-{name}-node", "pbsnodes n1 | grep -vE 'status|mom_'"),
        Asked(f"76-retry-{name}-ended", "qdel 0.head", "user"),
        job_is("0.head", "C"),
        Asked(f"76-retry-{name}-over", _shown(0)),
    ]


# A script, how it ends, and whether the job is over then (else it is tried again).
_KINDS = (
    ("prologue", 1, True),
    ("prologue", 2, False),
    ("prologue.user", 1, True),
    ("prologue.user", 2, False),
    ("prologue.parallel", 1, False),
    ("prologue.parallel", 2, False),
    ("prologue.user.parallel", 1, False),
    ("prologue.user.parallel", 2, False),
    ("epilogue", 1, True),
    ("epilogue.user", 1, True),
    ("epilogue.parallel", 1, True),
    ("epilogue.user.parallel", 1, True),
)


def _failing(number: int, script: str, status: int, over: bool) -> list[Step]:
    """A job that is begun on two hosts, where a script fails; what both moms say of it."""
    job, name = f"{number}.head", f"76-tells-{script.replace('.', '-')}-{status}"
    ends: list[Step] = [job_is(job, "C")]
    if not over:
        again = settings("set server scheduling=true")
        ends = [starts(job, 2), IDLE, job_is(job, "Q"), command(f"qdel {job}"), again]
    return [
        *(in_mom(node, script, _EXIT.format(status)) for node in ("n1", "n2")),
        submitted("-l nodes=n1+n2", "exit 0"),
        *ends,
        Asked(name, "momctl -h n1,n2 -q message"),
        Asked(f"{name}-ends", f"qstat -f {number} | grep -E 'job_state|exit_status'"),
        *(in_mom(node, script, _EXIT.format(0)) for node in ("n1", "n2")),
        command("momctl -h n1,n2 -q clearmsg"),
    ]


STORIES: dict[str, Sequence[Step]] = {
    "a prologue that ends with 2": _tried("exit-2", "prologue", _EXIT.format(2)),
    "a prologue that ends with 3": _tried("exit-3", "prologue", _EXIT.format(3)),
    "a prologue that ends with 255": _tried("exit-255", "prologue", _EXIT.format(255)),
    "a user's prologue that ends with 2": _tried("user", "prologue.user", _EXIT.format(2)),
    "a prologue that all may write": _tried("mode-777", "prologue", _EXIT.format(0), "777"),
    "a prologue that cannot be run": _tried("mode-644", "prologue", _EXIT.format(0), "644"),
    "a user's prologue that is root's": _tried("mode-500", "prologue.user", _EXIT.format(0), "500"),
    "a sister's prologue that fails": [
        with_nodes("n1", "n2"),
        settings("set server down_on_error=False"),
        in_mom("n1", "prologue.parallel", _EXIT.format(1)),
        in_mom("n2", "prologue.parallel", _EXIT.format(1)),
        submitted("-l nodes=n1+n2", "exit 0"),
        starts("0.head", 3),
        IDLE,
        job_is("0.head", "Q"),
        Asked("76-retry-sister", _shown(0)),
        Asked("76-retry-sister-told", f"cut -d';' -f2,3 {_ACCOUNTING} | sort -u"),
    ],
    "a job that may not be rerun and is not started": [
        with_nodes("n1"),
        in_mom("n1", "prologue", _EXIT.format(2)),
        submitted("-r n", "exit 0"),
        starts("0.head", 3),
        IDLE,
        job_is("0.head", "Q"),
        Asked("76-retry-once", _shown(0)),
        Asked("76-retry-once-told", f"cut -d';' -f2,3 {_ACCOUNTING} | sort -u"),
    ],
    "which failures a mom tells of": [
        with_nodes("n1", "n2"),
        settings("set server down_on_error=False"),
        *(step for number, kind in enumerate(_KINDS) for step in _failing(number, *kind)),
        in_mom("n1", "epilogue.precancel", _EXIT.format(1)),
        submitted("-v SLP=300"),
        job_has(f"{len(_KINDS)}.head", "session_id"),
        *deleted(f"{len(_KINDS)}.head"),
        Asked("76-tells-precancel", "momctl -h n1 -q message"),
    ],
}
