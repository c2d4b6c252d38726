"""Queues: their limits, who may use them, routes, and jobs that are moved."""

from __future__ import annotations

from collections.abc import Sequence

from tests.conformance.steps import IDLE, NO_MANAGER, Asked, Step, deleted, settings, submitted

_EXECUTION = "queue_type=execution,started=true"


def _made(name: str, line: str) -> Asked:
    return Asked(f"56-queue-{name}", f"qmgr -c '{line}'")


def _submitted(name: str, options: str) -> Asked:
    return Asked(f"56-queue-{name}", f"qsub {options} -v SLP=1 j/sleep.sh", "user")


def _moved(name: str, words: str, who: str = "user") -> Asked:
    return Asked(f"57-qmove-{name}", f"qmove {words}".strip(), who)


STORIES: dict[str, Sequence[Step]] = {
    "queues": [
        IDLE,
        NO_MANAGER,
        _made("second", f"create queue second {_EXECUTION},enabled=true"),
        _made("closed", f"create queue closed {_EXECUTION},enabled=false"),
        _made(
            "limited", f"create queue limited {_EXECUTION},enabled=true,resources_max.walltime=60"
        ),
        _made("one", f"create queue one {_EXECUTION},enabled=true,max_queuable=1"),
        _made(
            "priv",
            f"create queue priv {_EXECUTION},enabled=true,acl_user_enable=true,acl_users=mgruser",
        ),
        _made("route", "create queue route queue_type=route,route_destinations=limited"),
        _made("route-on", "set queue route enabled=true,started=true"),
        _made(
            "stopped",
            "create queue rstop queue_type=route,route_destinations=second,started=false",
        ),
        _made("stopped-on", "set queue rstop enabled=true"),
        _made("list", "list queue route"),
        _made("print", "print queue priv"),
        _submitted("to-second", "-q second"),
        _submitted("to-closed", "-q closed"),
        _submitted("to-limited", "-q limited -l walltime=61"),
        _submitted("to-one", "-q one"),
        _submitted("to-one-more", "-q one"),
        _submitted("to-priv", "-q priv"),
        _submitted("to-unknown", "-q nosuch"),
        _submitted("to-server", "-q batch@head"),
        _submitted("to-elsewhere", "-q batch@nosuch"),
        Asked("56-queue-qstat-queue", "qstat second"),
        Asked("56-queue-qstat-Q-one", "qstat -Q second"),
        Asked("56-queue-qstat-Qf", "qstat -Qf route"),
        Asked("56-queue-qstat-unknown", "qstat nosuch"),
        Asked("56-queue-qstat-at-server", "qstat @head"),
        _made("delete-busy", "delete queue second"),
        _made("delete", "delete queue closed"),
        _made("delete-unknown", "delete queue closed"),
        _made("unset", "unset queue limited resources_max.walltime"),
        _made("unset-print", "print queue limited"),
        _made("bad-value", "set queue batch max_running=x"),
        _made("bad-attribute", "set queue batch nosuch=1"),
        _made("disable", "set queue batch enabled=false"),
        _submitted("to-disabled", ""),
        _made("again", f"create queue second {_EXECUTION},enabled=true"),
        _made("no-type", "create queue bare enabled=true"),
        _made("bad-type", "create queue bare queue_type=other"),
        _made("no-destination", "create queue route queue_type=route,started=true,enabled=true"),
    ],
    "jobs that are moved": [
        settings(
            "set server scheduling=false",
            "set server managers -= mgruser@head",
            f"create queue second {_EXECUTION},enabled=true",
            f"create queue closed {_EXECUTION},enabled=false",
            f"create queue limited {_EXECUTION},enabled=true,resources_max.walltime=60",
            f"create queue priv {_EXECUTION},enabled=true,acl_user_enable=true,acl_users=mgruser",
        ),
        submitted("-v SLP=1"),
        _moved("noargs", ""),
        _moved("one-arg", "second"),
        _moved("other", "second 0.head", "manager"),
        _moved("nosuch", "nosuch 0.head"),
        _moved("closed", "closed 0.head"),
        _moved("limited", "limited 0.head"),
        _moved("priv", "priv 0.head"),
        _moved("same", "batch 0.head"),
        _moved("unknown", "second 99999"),
        _moved("bad-id", "second abc"),
        _moved("moved", "second 0.head"),
        Asked("57-qmove-show", "qstat -f 0"),
        _moved("back", "batch@head 0.head"),
        _moved("root", "second 0.head", "root"),
        Asked("57-qmove-qstat", "qstat"),
        *deleted("0.head"),
        _moved("done", "batch 0.head"),
    ],
}
