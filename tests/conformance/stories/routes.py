"""Jobs that come through routing queues."""

from __future__ import annotations

from collections.abc import Sequence

from tests.conformance.steps import (
    IDLE,
    NO_MANAGER,
    Asked,
    Step,
    asked,
    job_has,
    settings,
    submitted,
)

_EXECUTION = "queue_type=execution,started=true"
_SHOW = "grep -E 'queue|state|Hold|comment'"


def _route(name: str, destinations: str, more: str = "enabled=true,started=true") -> str:
    return f"create queue {name} queue_type=route,route_destinations='{destinations}',{more}"


STORIES: dict[str, Sequence[Step]] = {
    "routes": [
        IDLE,
        NO_MANAGER,
        settings(
            f"create queue short {_EXECUTION},enabled=true,resources_max.walltime=60",
            f"create queue long {_EXECUTION},enabled=true,resources_min.walltime=61",
            f"create queue closed {_EXECUTION},enabled=false",
            f"create queue one {_EXECUTION},enabled=true,max_queuable=1",
            f"create queue only {_EXECUTION},enabled=true,from_route_only=true",
            _route("both", "short,long"),
            _route("shut", "closed"),
            _route("full", "one"),
            _route("still", "short", "enabled=true,started=false"),
            _route("inner", "only"),
            _route("small", "short"),
        ),
        Asked("65-route-short", "qsub -q both -l walltime=30 j/sleep.sh", "user"),
        job_has("0.head", "queue", "short"),
        Asked("65-route-long", "qsub -q both -l walltime=300 j/sleep.sh", "user"),
        job_has("1.head", "queue", "long"),
        Asked("65-route-short-show", f"qstat -f 0 | {_SHOW}"),
        Asked("65-route-long-show", f"qstat -f 1 | {_SHOW}"),
        *asked(
            "65-route",
            "user",
            ("shut", "qsub -q shut j/sleep.sh"),
            ("too-long", "qsub -q small -l walltime=100 j/sleep.sh"),
            ("only-directly", "qsub -q only j/sleep.sh"),
            ("only", "qsub -q inner j/sleep.sh"),
            ("still", "qsub -q still -l walltime=30 j/sleep.sh"),
            ("held", "qsub -h -q both -l walltime=30 j/sleep.sh"),
            ("waiting", "qsub -a 12312359 -q both -l walltime=30 j/sleep.sh"),
        ),
        Asked("65-route-qstat", "qstat"),
        Asked("65-route-qstat-Q", "qstat -Q"),
        Asked("65-route-move", "qmove both 0.head", "user"),
        Asked("65-route-move-still", "qmove still 1.head", "user"),
        job_has("0.head", "queue", "short"),
        Asked("65-route-moved", "qstat"),
        Asked("65-route-delete-busy", "qmgr -c 'delete queue still'"),
        Asked("65-route-one", "qsub -q full j/sleep.sh", "user"),
        Asked("65-route-two", "qsub -q full j/sleep.sh", "user"),
        Asked("65-route-full", "qstat"),
        Asked("65-route-list", "qmgr -c 'list queue full'"),
    ],
    "a route that is started late": [
        IDLE,
        settings(
            f"create queue short {_EXECUTION},enabled=true,resources_max.walltime=60",
            _route("still", "short", "enabled=true,started=false"),
        ),
        submitted("-q still -l walltime=30"),
        submitted("-h -q still -l walltime=30"),
        Asked("66-late-waits", "qstat"),
        Asked("66-late-qrun", "qrun 0.head"),
        Asked("66-late-start", "qmgr -c 'set queue still started=true'"),
        job_has("0.head", "queue", "short"),
        job_has("1.head", "queue", "short"),
        Asked("66-late-moved", "qstat"),
        Asked("66-late-qrls", "qrls 1.head", "user"),
        Asked("66-late-released", "qstat"),
        Asked("66-late-show", f"qstat -f 1 | {_SHOW}"),
    ],
}
