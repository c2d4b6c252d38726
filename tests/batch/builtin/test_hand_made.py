"""What an ordinary user may ask of the server without its commands, over its unix socket."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
from collections.abc import Iterator
from typing import Any
from unittest.mock import MagicMock

import pytest

from tests.accounts import need_root
from tests.batch.builtin.cluster import Cluster, new_cluster
from tests.waiting import wait_for
from torque_mesos.batch.builtin.errors import BADUSER, PERM
from torque_mesos.batch.builtin.home import Home
from torque_mesos.batch.builtin.job_requests import JobRequests
from torque_mesos.batch.builtin.requests import _HANDLERS

N1 = "n1.cluster.test"
_ASK = """
import json, sys
sys.path.insert(0, sys.argv[1])
from pbs_builtin.wire import ask, connect_unix
for line in sys.stdin:
    with connect_unix(sys.argv[2], 60) as connection:
        print(json.dumps(ask(connection, json.loads(line))))
"""
JOB = "ID OF A JOB OF ANOTHER USER"
OWN = "ID OF A JOB OF THE ASKER"
# Each with what it is refused with.
REFUSED: list[tuple[int, dict[str, Any]]] = [
    (PERM, {"op": "attach"}),
    (PERM, {"op": "sched_view"}),
    (PERM, {"op": "sched_do", "id": JOB, "do": "run"}),
    (PERM, {"op": "sched_do", "id": JOB, "do": "delete"}),
    (PERM, {"op": "sched_do", "id": OWN, "do": "run"}),
    (PERM, {"op": "sched_comments", "comments": [[JOB, "mine"]]}),
    (PERM, {"op": "sched_comments", "comments": []}),
    (PERM, {"op": "sched_done"}),
    (PERM, {"op": "terminate"}),
    (PERM, {"op": "mark_node", "names": [N1], "name": N1, "offline": True}),
    (
        PERM,
        {
            "op": "manage",
            "verb": "set",
            "object": "server",
            "name": "",
            "changes": [["managers", "", "+=", "daemon@*"]],
        },
    ),
    (
        BADUSER,
        {
            "op": "submit",
            "name": "x",
            "workdir": "/tmp",
            "variables": {},
            "script": "true\n",
            "resources": [],
            "proxy": "root",
        },
    ),
    (PERM, {"op": "jobs", "id": JOB}),
    (PERM, {"op": "delete", "id": JOB}),
    (PERM, {"op": "delete", "id": JOB, "purge": True}),
    (PERM, {"op": "delete", "id": OWN, "purge": True}),
    (PERM, {"op": "hold", "id": JOB, "letters": "u"}),
    (PERM, {"op": "hold", "id": OWN, "letters": "s"}),
    (PERM, {"op": "release", "id": JOB, "letters": "u"}),
    (PERM, {"op": "rerun", "id": JOB, "force": True}),
    (PERM, {"op": "rerun", "id": OWN}),
    (PERM, {"op": "run", "id": JOB}),
    (PERM, {"op": "run", "id": OWN}),
    (PERM, {"op": "signal", "id": JOB, "signal": "KILL"}),
    (PERM, {"op": "move", "id": JOB, "queue": "other"}),
    (PERM, {"op": "alter", "id": JOB, "changes": {"priority": "9"}}),
    (PERM, {"op": "order", "id": JOB, "other": OWN}),
    (PERM, {"op": "order", "id": OWN, "other": JOB}),
]
# What everybody may ask; `delete_all` deletes his own, and refuses the others'.
OPEN = {"nodes", "queues", "server", "select", "delete_all"}


def test_every_request_is_thought_of() -> None:
    asked = JobRequests(MagicMock(), MagicMock(), MagicMock()).handlers.keys() | _HANDLERS.keys()
    assert asked == {str(message["op"]) for _, message in REFUSED} | OPEN


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A cluster of root's with a node; `other` is a second queue."""
    need_root("to be two users")
    cluster = new_cluster()
    try:
        cluster.with_nodes(N1)
        cluster.work.chmod(0o777)
        cluster.qmgr("create queue other queue_type=execution,enabled=true,started=false")
        yield cluster
    finally:
        cluster.close()


def _answers(cluster: Cluster, uid: int, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the server tells `uid`, each message over a connection of its own."""
    done = subprocess.run(
        [
            "/usr/bin/python3",
            "-IS",
            "-c",
            _ASK,
            str(cluster.home / "lib"),
            Home(str(cluster.home)).socket,
        ],
        input="".join(json.dumps(message) + "\n" for message in messages),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        user=uid,
        group=uid,
        extra_groups=[],
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.system
def test_requests_made_by_hand_are_refused(cluster: Cluster) -> None:
    asker = pwd.getpwnam("daemon").pw_uid
    job = cluster.submit("true\n", "-q", "other")
    done = cluster.run("qsub", "-q", "other", uid=asker, text="true\n")
    assert done.returncode == 0, done.stderr
    own = done.stdout.strip()
    names = {JOB: job, OWN: own}
    text = json.dumps([message for _, message in REFUSED])
    for name, job_id in names.items():
        text = text.replace(name, job_id)
    messages = json.loads(text)
    before = cluster.job(job)
    order = cluster.run("qselect").stdout
    answers = _answers(cluster, asker, messages)
    for (code, _), message, answer in zip(REFUSED, messages, answers, strict=True):
        assert answer.get("error") == code, (message, answer)
    assert cluster.run("qselect").stdout == order
    assert _answers(cluster, asker, [{"op": "delete_all"}])[0]["error"] == PERM
    assert cluster.job(own)["job_state"] == "C"
    now = cluster.job(job)
    for name in ("job_state", "queue", "comment", "Hold_Types", "Priority"):
        assert now.get(name) == before.get(name), name
    # The scheduler is the server's still, and the node is as it was.
    cluster.wait_state(cluster.submit("true\n"), "C")
    assert cluster.states(N1) == {"free"}
    assert "daemon" not in cluster.run("qmgr", "-c", "print server").stdout


@pytest.mark.system
def test_a_second_scheduler_ends_and_the_first_goes_on(cluster: Cluster) -> None:
    first = cluster.scheduler
    assert first is not None
    lock = cluster.home / "sched_priv" / "sched.lock"
    wait_for(lambda: lock.read_text() == f"{first.pid}\n", 60, "the scheduler has its lock")
    for env in ({"PBSDEBUG": "1"}, {}):
        done = subprocess.run(
            [str(cluster.installed.sbin_dir / "pbs_sched")],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={"PATH": os.environ["PATH"], **env},
        )
        assert (done.returncode, "another scheduler running" in done.stderr) == (1, True)
    assert lock.read_text() == f"{first.pid}\n"
    cluster.wait_state(cluster.submit("true\n"), "C")
    first.kill()
    first.wait()
    cluster.start_scheduler()
    assert cluster.scheduler is not None
    mine = f"{cluster.scheduler.pid}\n"
    wait_for(lambda: lock.read_text() == mine, 60, "another has the lock")
    cluster.wait_state(cluster.submit("true\n"), "C")
