"""How jobs end: exit statuses, records of accounting, how long they stay known."""

from __future__ import annotations

from collections.abc import Sequence

from tests.conformance.steps import (
    IDLE,
    Asked,
    Step,
    command,
    deleted,
    forgotten,
    job_has,
    job_is,
    mom_dead,
    node_is,
    settings,
    submitted,
    with_nodes,
)

_ACCOUNTING = "cat /var/spool/torque/server_priv/accounting/*"


def _ends(number: int) -> str:
    return f"qstat -f {number} | grep -E 'job_state|exit_status|exec_host|comment|start_count'"


def _ended(number: int, name: str, options: str, script: str) -> list[Step]:
    """A job that ends by itself, and what is said of it then."""
    return [
        submitted(f"-N {name} {options}", script),
        job_is(f"{number}.head", "C"),
        Asked(f"67-end-{name}", _ends(number)),
    ]


_LOOP = "while :; do :; done"
_SCRIPTS = (
    ("zero", "", "exit 0"),
    ("three", "", "exit 3"),
    ("high", "", "exit 255"),
    ("killed", "", "kill -9 $$"),
    ("terminated", "", "kill -TERM $$"),
    ("last", "", "true\nfalse"),
    ("empty", "", "# nothing"),
    ("nocommand", "", "no_such_command_at_all"),
    ("walltime", "-l walltime=1", "sleep 300"),
    ("cput", "-l cput=1", _LOOP),
    ("noshell", "-S /no/such/shell", "exit 0"),
)

STORIES: dict[str, Sequence[Step]] = {
    "exit statuses": [
        with_nodes("n1"),
        *(step for n, (name, *rest) in enumerate(_SCRIPTS) for step in _ended(n, name, *rest)),
        Asked("67-end-walltime-told", "cat walltime.e8", "user"),
        Asked("67-end-cput-told", "cat cput.e9", "user"),
        submitted("-v SLP=300"),
        job_has("11.head", "session_id"),
        *deleted("11.head"),
        Asked("67-end-deleted", _ends(11)),
        submitted("-h"),
        *deleted("12.head"),
        Asked("67-end-never-run", _ends(12)),
    ],
    "records of accounting": [
        with_nodes("n1", "n2"),
        IDLE,
        submitted("-N plain -A proj -l nodes=n1:ppn=2", "exit 3"),
        command("qrun 0.head"),
        job_is("0.head", "C"),
        submitted("-N held -h"),
        *deleted("1.head"),
        submitted("-N again -v SLP=300 -l nodes=n2"),
        command("qrun 2.head"),
        job_has("2.head", "session_id"),
        command("qrerun 2.head"),
        job_is("2.head", "Q"),
        command("qrun 2.head"),
        job_has("2.head", "start_count", "2"),
        job_has("2.head", "session_id"),
        *deleted("2.head"),
        submitted("-N many -h -t 0-1"),
        command("qdel 3[]", "user"),
        job_is("3[1].head", "C"),
        submitted("-N gone -h"),
        command("qdel -p 4.head"),
        forgotten("4.head"),
        Asked("68-accounting", _ACCOUNTING),
    ],
    "how long jobs stay known": [
        with_nodes("n1"),
        settings("set server keep_completed=1"),
        submitted("", "exit 3"),
        forgotten("0.head"),
        Asked("69-keep-gone", "qstat 0.head"),
        Asked("69-keep-gone-f", "qstat -f 0.head"),
        Asked("69-keep-gone-qdel", "qdel 0.head", "user"),
        settings("set queue batch keep_completed=600"),
        submitted("", "exit 3"),
        job_is("1.head", "C"),
        Asked("69-keep-queue", "qstat -f 1.head | grep -E 'job_state|exit_status|Walltime'"),
        Asked("69-keep-qstat", "qstat"),
        Asked("69-keep-qstat-a", "qstat -a"),
        Asked("69-keep-qstat-r", "qstat -r"),
        Asked("69-keep-qstat-i", "qstat -i"),
        Asked("69-keep-qstat-Q", "qstat -Q batch"),
        settings("unset queue batch keep_completed", "set server keep_completed=0"),
        submitted("", "exit 3"),
        forgotten("2.head"),
        Asked("69-keep-nothing", "qstat 2.head"),
        Asked("69-keep-bad", "qmgr -c 'set server keep_completed=x'"),
        Asked("69-keep-list", "qmgr -c 'list server keep_completed'"),
    ],
    "a lost node's job": [
        with_nodes("n1", "n2"),
        settings("set server node_check_rate=20"),
        submitted("-l nodes=n1 -v SLP=300"),
        submitted("-l nodes=1:ppn=2 -v SLP=300"),
        job_has("0.head", "session_id"),
        job_has("1.head", "session_id"),
        Asked("70-lost-before", _ends(0)),
        mom_dead("n1"),
        node_is("n1", "down"),
        Asked("70-lost-down", "qstat"),
        Asked("70-lost-show", _ends(0)),
        IDLE,
        Asked("70-lost-qrerun-f", "qrerun -f 0.head"),
        job_is("0.head", "Q"),
        Asked("70-lost-again-show", _ends(0)),
        command("qdel 1.head"),
        job_is("1.head", "C"),
        command("qalter -l nodes=1 0.head"),
        command("qrun -H n2 0.head"),
        job_has("0.head", "session_id"),
        Asked("70-lost-elsewhere", _ends(0)),
    ],
}
