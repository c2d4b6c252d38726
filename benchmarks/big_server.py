"""A built-in server with many nodes that are all down, in a temporary folder, and its commands."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from torque_mesos.batch.builtin.install import Installation, install

PATIENCE_S = 600.0

# Run by the user: submits as qsub does, without its start.
_SUBMITTER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from pbs_builtin.wire import ask, connect_unix
connection = connect_unix(sys.argv[2])
script = "#!/bin/sh\\n#PBS -l nodes=1:ppn=2\\n" + "sleep 1\\n" * 20
variables = {"PBS_O_" + key: "/home/somebody/" + key.lower() for key in
             ("HOME", "LANG", "LOGNAME", "PATH", "MAIL", "SHELL", "TZ")}
for number in range(int(sys.argv[3])):
    reply = ask(connection, {"op": "submit", "queue": "", "name": f"job-{number}",
        "script": script, "host": "head", "workdir": "/home/somebody/work",
        "submit_args": f"-N job-{number} -l nodes={number % 9 + 1}:ppn=2 job.sh",
        "resources": [["nodes", f"{number % 9 + 1}:ppn=2"], ["walltime", "01:00:00"]],
        "variables": {**variables, "SLP": str(number)}})
    assert "id" in reply, reply
"""


class BigServer:
    """A server in a temporary folder, and commands of its user."""

    def __init__(self, nodes: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="builtin-size-"))
        self.folder.chmod(0o755)
        self.account = _ordinary()
        names = [f"n{number}" for number in range(nodes)]
        hosts = {"head": "127.0.0.1"}
        hosts.update(
            {name: f"127.1.{place // 250}.{place % 250 + 1}" for place, name in enumerate(names)}
        )
        self.installed: Installation = install(
            self.folder / "home", server_name="head", hosts=hosts, server_port=_free_port()
        )
        records = "".join(f"{name} np=16 mesos\n" for name in names)
        (self.installed.home / "server_priv" / "nodes").write_text(records)
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start the server and the scheduler."""
        sbin = self.installed.sbin_dir
        self.processes.append(_spawn(str(sbin / "pbs_server"), "-F", "-t", "create"))
        deadline = time.monotonic() + PATIENCE_S
        while self.run("qstat", "-B").returncode:
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.05)
        for line in (
            "create queue batch queue_type=execution,started=true,enabled=true",
            "set server default_queue=batch",
            "set server scheduling=true",
            "set server keep_completed=5",
        ):
            done = self.run("qmgr", "-c", line)
            assert done.returncode == 0, done.stderr
        self.processes.append(_spawn(str(sbin / "pbs_sched"), PBSDEBUG="1"))

    def run(self, command: str, *words: str, user: bool = False) -> Any:
        """A command of the server's, as its manager or as the user."""
        program = [str(self.installed.bin_dir / command), *words]
        return self._run(program, user)

    def submit(self, count: int) -> None:
        """Jobs of the user's."""
        library, path = self.installed.home / "lib", self.installed.home / "sock" / "pbs_server"
        program = ["/usr/bin/python3", "-IS", "-c", _SUBMITTER, str(library), str(path), str(count)]
        done = self._run(program, user=True)
        assert done.returncode == 0, done.stderr

    def _run(self, program: list[str], user: bool) -> Any:
        options: dict[str, Any] = {}
        if user and os.geteuid() == 0:
            uid, gid = self.account.pw_uid, self.account.pw_gid
            options = {"user": uid, "group": gid, "extra_groups": []}
        return subprocess.run(
            program,
            capture_output=True,
            check=False,
            cwd="/",
            stdin=subprocess.DEVNULL,
            timeout=PATIENCE_S,
            **options,
        )

    def memory_mb(self) -> float:
        """What pbs_server holds, at most until now."""
        status = Path(f"/proc/{self.processes[0].pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024

    def close(self) -> None:
        """End it."""
        for process in self.processes:
            process.kill()
            process.wait()
        shutil.rmtree(self.folder)


def _ordinary() -> pwd.struct_passwd:
    if os.geteuid():
        return pwd.getpwuid(os.geteuid())
    return next(entry for entry in pwd.getpwall() if 1000 <= entry.pw_uid < 60000)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


def _spawn(*command: str, **environ: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        stderr=sys.stderr,
        env={**os.environ, **environ},
        cwd="/",
    )
