"""MUNGE between daemons: with a munged and a key of the test's own."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import time
from collections.abc import Callable

import pytest

from tests.accounts import need_root
from tests.batch.builtin.cluster import MOM_CONFIG, Cluster, install_settings
from tests.batch.builtin.realm import Realm
from tests.waiting import wait_for
from torque_mesos.batch.builtin.munge import Munge, MungeError
from torque_mesos.batch.builtin.seal import Seal, seal_of
from torque_mesos.batch.builtin.wire import BadMessage, encode

pytestmark = pytest.mark.system

N1, N2 = "n1.cluster.test", "n2.cluster.test"


def _frame(data: bytes) -> dict[str, str]:
    (length,) = struct.unpack_from(">I", data)
    found: dict[str, str] = json.loads(data[36 : 36 + length])
    return found


def test_a_credential_carries_a_key_once(realm: Callable[[], Realm]) -> None:
    seal = seal_of(realm().auth, b"")
    assert seal
    key, first = seal.begin()
    message = _frame(first)
    assert key.hex() not in first.hex()
    assert seal.accept(message) == key
    with pytest.raises(BadMessage, match="munge: Replayed credential; somebody sends again"):
        seal.accept(message)


def test_what_is_wrong_with_a_credential_is_said(realm: Callable[[], Realm]) -> None:
    ours, theirs = realm(), realm()
    seal = seal_of(ours.auth, b"")
    _, first = seal_of(theirs.auth, b"").begin()
    with pytest.raises(BadMessage, match="munge: Invalid credential"):
        seal.accept(_frame(first))
    with pytest.raises(BadMessage, match="the other end brings no credential"):
        seal.accept({"op": "status"})
    old = subprocess.run(
        ["munge", f"--socket={ours.socket}", "--ttl=1", "--string=x"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    made = time.time()
    # Who opens it earlier has used it up.
    wait_for(lambda: time.time() > made + 2.5, 60, "the credential is too old")
    with pytest.raises(BadMessage, match="Expired credential; do the clocks of the two hosts"):
        seal.accept({"op": "munge", "credential": old})
    ours.process.terminate()
    ours.process.wait()
    with pytest.raises(OSError, match="munge: "):
        seal.begin()


def test_a_credential_of_an_ordinary_user_is_not_taken(realm: Callable[[], Realm]) -> None:
    need_root("to be another user")
    ours = realm()
    made = subprocess.run(
        ["munge", f"--socket={ours.socket}", f"--string={'x' * 32}"],
        capture_output=True,
        text=True,
        check=True,
        user=65534,
    ).stdout.strip()
    with pytest.raises(BadMessage, match="of uid 65534, no daemon of ours"):
        seal_of(ours.auth, b"").accept({"op": "munge", "credential": made})


def test_settings_that_mean_nothing() -> None:
    with pytest.raises(ValueError, match="auth is 'mung', not munge"):
        seal_of("mung", b"")
    assert not seal_of("", b"")
    assert seal_of("", b"secret").begin() == (b"secret", b"")
    assert not Seal().introduced
    with pytest.raises(MungeError):
        Munge("/nowhere/socket").make(b"x")


def test_jobs_over_hosts_that_share_a_key(
    sealed: tuple[Cluster, Realm], realm: Callable[[], Realm]
) -> None:
    cluster, ours = sealed
    config = f"{MOM_CONFIG}$auth {ours.auth}\n"
    cluster.with_nodes(N1, N2, config=config)
    job_id = cluster.submit("cat $PBS_NODEFILE\n", "-l", "nodes=2:ppn=2", "-N", "two")
    assert cluster.wait_state(job_id, "C")["exit_status"] == "0"
    assert len((cluster.work / "two.o0").read_text().split()) == 4
    # Who has another key, or none, is not heard.
    port = int(install_settings(cluster.home)["server_port"])
    logs = cluster.home / "server_logs"

    def logged(text: str) -> bool:
        return any(text in path.read_text() for path in logs.iterdir())

    for first, text in (
        (seal_of(realm().auth, b"").begin()[1], "munge: Invalid credential"),
        (encode({"op": "obit", "job": job_id}), "the other end brings no credential"),
    ):
        with socket.create_connection(("127.0.0.1", port)) as sock:
            sock.sendall(first)
            assert sock.recv(100) == b""
        wait_for(lambda text=text: logged(text), 60, text)
    _key, first = seal_of(ours.auth, b"").begin()
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(first + encode({"op": "status", "node": N1}, bytes(32)))
        assert sock.recv(100) == b""
    wait_for(lambda: logged("a message with a wrong signature"), 60, "the key signs what follows")
    done = cluster.run("momctl", "-h", N1, "-s", env={"PBS_BUILTIN_AUTH": ours.auth})
    assert done.returncode == 0
    assert cluster.moms[N1].wait(60) == 0
