"""MUNGE between hosts: a server and a mom in network namespaces, each with a munged of its own."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.accounts import need_account
from tests.batch.builtin.realm import PROGRAM
from tests.pelog.hosts import HEAD, Hosts
from tests.waiting import wait_for
from torque_mesos.batch.builtin.install import install

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for namespaces"),
    pytest.mark.skipif(not os.path.exists(PROGRAM), reason="needs munged"),
]

N1 = "n1"
KEY, OTHER_KEY = b"k" * 64, b"o" * 64

# Opens a connection to the server with the credential of its argument, and says what comes back;
# a server that refuses may close before all is sent.
_TELL = """
import socket, sys
sys.path.insert(0, sys.argv[1])
from pbs_builtin.wire import encode
with socket.create_connection((sys.argv[2], 15001), 30) as sock:
    report = {"op": "status", "node": "n1", "status": ["state=free"], "list": True, "jobs": {}}
    try:
        sock.sendall(encode({"op": "munge", "credential": sys.argv[3], "host": ""}))
        sock.sendall(encode(report, b"x" * 32))
        answer = sock.makefile("rb")
        length = int.from_bytes(answer.read(36)[:4], "big")
        print(answer.read(length).decode())
    except ConnectionError:
        print("")
"""


class Site:
    """`head` with the server, `n1` with a mom; credentials are made by each host's munged."""

    def __init__(self) -> None:
        self.hosts = Hosts(1)
        self.hosts.start()
        self.socket = self.hosts.local / "munge.socket"
        self.auth = f"munge:{self.socket}"
        self._munged: dict[str, subprocess.Popen[bytes]] = {}
        for host in (HEAD, N1):
            self.munged(host, KEY)
        installed = install(
            self.hosts.folder / "home",
            server_name=HEAD,
            hosts=self.hosts.addresses,
            delay_scale=0.05,
            auth=self.auth,
        )
        self.home, self._bin, self._sbin = installed.home, installed.bin_dir, installed.sbin_dir
        self.hosts.spawn(HEAD, str(self._sbin / "pbs_server"), "-F", "-t", "create")
        wait_for(lambda: self.run("qstat").returncode == 0, 60, "the server answers")
        for line in (
            "create queue batch queue_type=execution,started=true,enabled=true",
            "set server default_queue=batch,scheduling=true,keep_completed=300",
            f"create node {N1} np=2",
        ):
            assert self.run("qmgr", "-c", line).returncode == 0
        self.hosts.spawn(HEAD, str(self._sbin / "pbs_sched"), PBSDEBUG="1")

    def munged(self, host: str, key: bytes) -> None:
        """A host's munged, with this key from now on."""
        if host in self._munged:
            self.hosts.check(host, "pkill", "-x", "munged")  # its own processes: it has a namespace
            self._munged[host].wait(60)
        folder = self.hosts.seen(host, self.hosts.local)
        (folder / "key").write_bytes(key)
        (folder / "key").chmod(0o600)
        (folder / "munge.socket").unlink(missing_ok=True)
        local = self.hosts.local
        self._munged[host] = self.hosts.spawn(
            *(host, PROGRAM, "--foreground", "--force", f"--socket={self.socket}"),
            *(f"--{name}-file={local / name}" for name in ("key", "pid", "log", "seed")),
        )
        ask = (host, "munge", f"--socket={self.socket}", "--no-input")
        wait_for(lambda: self.hosts.run(*ask).returncode == 0, 60, "munged answers")

    def start_mom(self) -> None:
        """The mom of n1."""
        home = self.hosts.local / "mom"
        seen = self.hosts.seen(N1, home)
        (seen / "mom_priv").mkdir(parents=True)
        config = f"$pbsserver {HEAD}\n$status_update_time 1\n$auth {self.auth}\n"
        (seen / "mom_priv" / "config").write_text(config)
        names = str(self.home / "hosts")
        command = [str(self._sbin / "pbs_mom"), "-F", "-d", str(home), "-H", N1]
        self.hosts.spawn(N1, *command, PBS_BUILTIN_HOSTS=names)

    def run(
        self, command: str, *words: str, user: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        return self.hosts.run(HEAD, str(self._bin / command), *words, user=user)

    def credential(self, host: str, *options: str) -> str:
        """One that a host's munged makes of a key."""
        make = ["munge", f"--socket={self.socket}", f"--string={'x' * 32}", *options]
        return self.hosts.check(host, *make).strip()

    def tell(self, credential: str) -> str:
        """What the server answers to a connection from n1 with this credential."""
        library = str(self.home / "lib")
        program = ["/usr/bin/python3", "-IS", "-c", _TELL, library]
        return self.hosts.check(N1, *program, self.hosts.addresses[HEAD], credential).strip()

    def logged(self, text: str) -> None:
        logs = self.home / "server_logs"
        wait_for(lambda: any(text in path.read_text() for path in logs.iterdir()), 60, text)


@pytest.fixture
def site() -> Iterator[Site]:
    running = Site()
    yield running
    running.hosts.close()


def test_hosts_with_the_same_key_work_together_and_no_others_do(site: Site) -> None:
    account = need_account().pw_name
    site.start_mom()
    wait_for(lambda: "state = free" in site.run("pbsnodes", N1).stdout, 60, "the mom is heard")
    script = Path(site.hosts.folder / "job.sh")
    script.write_text("#!/bin/sh\nexit 7\n")
    script.chmod(0o755)
    submitted = site.run("qsub", "-o", "/dev/null", "-e", "/dev/null", str(script), user=account)
    job = submitted.stdout.strip()
    assert job, submitted.stderr
    assert site.run("qmgr", "-c", "set server scheduling=true").returncode == 0
    wait_for(lambda: "exit_status = 7" in site.run("qstat", "-f", job).stdout, 60, "the job ran")

    used = site.credential(N1)
    assert '"purge":[]' in site.tell(used)
    assert site.tell(used) == ""
    site.logged("munge: Replayed credential")

    old = site.credential(N1, "--ttl=1")
    made = time.time()
    wait_for(lambda: time.time() > made + 2.5, 60, "the credential is too old")
    assert site.tell(old) == ""
    site.logged("munge: Expired credential; do the clocks of the two hosts agree?")

    site.munged(N1, OTHER_KEY)
    assert site.tell(site.credential(N1)) == ""
    site.logged("munge: Invalid credential")
    site.munged(N1, KEY)
    assert '"purge":[]' in site.tell(site.credential(N1))
