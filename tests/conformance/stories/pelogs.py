"""Prologues and epilogues: when each runs, as whom, with what, and what its end does."""

from __future__ import annotations

from collections.abc import Sequence

from tests.conformance.steps import (
    Asked,
    Step,
    deleted,
    in_mom,
    job_has,
    job_is,
    submitted,
    with_nodes,
)

_PRIV = "/var/spool/torque/mom_priv"
_TOLD = f"cat {_PRIV}/told"
_PROLOGUE = f"""#!/bin/sh
echo "$(basename $0) as $(id -un): $# id=$1 user=$2 group=$3 name=$4 limits=$5 queue=$6 \
account=$7" >> {_PRIV}/told
"""
_EPILOGUE = f"""#!/bin/sh
echo "$(basename $0) as $(id -un): $# id=$1 user=$2 group=$3 name=$4 session=${{5:+given}} \
limits=$6 used=${{7:+given}} queue=$8 account=$9 exit=${{10}}" >> {_PRIV}/told
"""
_KINDS = ("", ".user", ".parallel", ".user.parallel")


def _ends(number: int) -> str:
    return f"qstat -f {number} | grep -E 'job_state|exit_status|comment'"


def _scripts(node: str) -> list[Step]:
    """All scripts of a mom, and the file that they write."""
    return [
        in_mom(node, "told", "", "666"),
        *(in_mom(node, f"prologue{kind}", _PROLOGUE) for kind in _KINDS),
        *(in_mom(node, f"epilogue{kind}", _EPILOGUE) for kind in _KINDS),
        in_mom(node, "epilogue.precancel", _EPILOGUE),
    ]


def _ended(name: str, script: str) -> list[Step]:
    """A job with a script that exits with 1; the mom tells of it, and its node is down then."""
    return [
        with_nodes("n1"),
        in_mom("n1", script, "#!/bin/sh\nexit 1\n"),
        submitted("", "exit 0"),
        job_is("0.head", "C"),
        Asked(f"72-pelog-{name}", _ends(0)),
    ]


STORIES: dict[str, Sequence[Step]] = {
    "prologues and epilogues": [
        with_nodes("n1", "n2"),
        *_scripts("n1"),
        *_scripts("n2"),
        submitted("-N both -A proj -l nodes=n1:ppn=2+n2", "exit 3"),
        job_is("0.head", "C"),
        Asked("72-pelog-first", _TOLD, "root", "n1"),
        Asked("72-pelog-sister", _TOLD, "root", "n2"),
        in_mom("n1", "told", "", "666"),
        submitted("-N stopped -v SLP=300 -l nodes=n1"),
        job_has("1.head", "session_id"),
        *deleted("1.head"),
        Asked("72-pelog-deleted", _TOLD, "root", "n1"),
    ],
    "a prologue that ends a job": _ended("exit-1", "prologue"),
    "a user's prologue that ends a job": _ended("user-exit-1", "prologue.user"),
    "an epilogue that fails": _ended("epilogue-exit-1", "epilogue"),
}
