"""Commands that come from other hosts: whose they are by MUNGE, and what they may do."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.batch.builtin.cluster import MOM_CONFIG, Cluster, install_settings
from tests.batch.builtin.realm import Realm
from tests.waiting import wait_for
from torque_mesos.batch.builtin.seal import seal_of
from torque_mesos.batch.builtin.wire import ask

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be several users"),
]

N1 = "n1.cluster.test"
OTHER_UID = 65534
RUN = "import sys; sys.path.insert(0, {!r}); from pbs_builtin.{} import {} as c; sys.exit(c({!r}))"
Sealed = tuple[Cluster, Realm]


class Elsewhere:
    """A host with commands alone: all that it knows is the server's name."""

    def __init__(self, cluster: Cluster, auth: str) -> None:
        self._cluster = cluster
        self._auth = auth
        self.port = install_settings(cluster.home)["server_port"]
        with open(cluster.home / "hosts", "a") as hosts:
            # So that the name of this machine is not that of where the commands come from.
            hosts.write(f"127.0.0.99 {socket.gethostname()}\n")
        self.home = cluster.folder / "elsewhere"
        self.home.mkdir(exist_ok=True)
        (self.home / "server_name").write_text(f"# The server's host\nlocalhost:{self.port}\n")

    def run(
        self, command: str, *words: str, uid: int, text: str = "", function: str = "main"
    ) -> subprocess.CompletedProcess[str]:
        library = str(self._cluster.home / "lib")
        program = RUN.format(library, command, function, str(self.home))
        return subprocess.run(
            ["/usr/bin/python3", "-IS", "-c", program, *words],
            input=text,
            capture_output=True,
            text=True,
            timeout=60,
            cwd=self._cluster.work,
            env={"PATH": "/usr/bin:/bin", "PBS_BUILTIN_AUTH": self._auth, "LOGNAME": "x"},
            user=uid,
            group=uid,
            extra_groups=[],
        )


def test_a_user_submits_sees_and_deletes_from_elsewhere(sealed: Sealed) -> None:
    cluster, realm = sealed
    cluster.with_nodes(N1, config=f"{MOM_CONFIG}$auth {realm.auth}\n")
    away, uid = Elsewhere(cluster, realm.auth), cluster.account.pw_uid
    made = away.run("qsub", "-N", "away", "-j", "oe", uid=uid, text="id -un\n")
    assert made.returncode == 0, made.stderr
    job_id = made.stdout.strip()
    job = cluster.wait_state(job_id, "C")
    assert job["exit_status"] == "0"
    assert job["Job_Owner"] == f"{cluster.account.pw_name}@127.0.0.1"
    held = away.run("qsub", "-h", "-N", "held", uid=uid, text="true\n").stdout.strip()
    assert f"Job Id: {held}" in away.run("qstat", "-f", uid=uid).stdout
    assert held not in away.run("qstat", "-f", uid=OTHER_UID).stdout
    denied = away.run("qdel", held, uid=OTHER_UID, function="qdel")
    assert "Unauthorized Request" in denied.stderr
    assert cluster.job(held)["job_state"] == "H"
    assert away.run("qdel", held, uid=uid, function="qdel").returncode == 0
    cluster.wait_state(held, "C")


def test_root_elsewhere_is_no_manager_unless_it_is_named_one(sealed: Sealed) -> None:
    cluster, realm = sealed
    away = Elsewhere(cluster, realm.auth)
    change = ("-c", "set server keep_completed=77")
    assert "Unauthorized Request" in away.run("qmgr", *change, uid=0).stderr
    assert "keep_completed = 60" in away.run("qmgr", "-c", "list server", uid=0).stdout
    cluster.qmgr("set server managers += root@127.0.0.1")
    assert away.run("qmgr", *change, uid=0).returncode == 0
    key, first = seal_of(realm.auth, b"").begin("command")
    with socket.create_connection(("127.0.0.1", int(away.port))) as sock:
        sock.sendall(first)
        assert ask(sock, {"op": "attach"}, key)["error"]


def test_a_wrong_key_and_no_munge_are_told(
    sealed: Sealed, realm: Callable[[], Realm], tmp_path: Path
) -> None:
    cluster, ours = sealed
    uid = cluster.account.pw_uid
    theirs = Elsewhere(cluster, realm().auth).run("qstat", uid=uid)
    assert theirs.returncode != 0
    logs = cluster.home / "server_logs"
    wait_for(
        lambda: any("munge: Invalid credential" in path.read_text() for path in logs.iterdir()),
        60,
        "the server tells why",
    )
    none = Elsewhere(cluster, "munge:/nowhere/socket").run("qstat", uid=uid)
    assert none.returncode != 0
    assert "munge: " in none.stderr
    assert "/nowhere/socket" in none.stderr
    away = Elsewhere(cluster, ours.auth)
    (away.home / "server_name").write_text("")
    unnamed = away.run("qstat", uid=uid)
    assert "no server is named" in unnamed.stderr


def test_without_munge_nobody_is_heard_from_elsewhere(
    cluster: Cluster, realm: Callable[[], Realm]
) -> None:
    done = Elsewhere(cluster, realm().auth).run("qstat", uid=cluster.account.pw_uid)
    assert done.returncode != 0
    assert "cannot connect to server" in done.stderr.lower()
