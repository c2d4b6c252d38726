"""The built-in server with 20,000 queued jobs and 2,000 nodes.

Jobs are submitted by an ordinary user through the socket that `qsub` uses, some by `qsub`
itself; then the commands that the framework calls are timed, each a process of its own.
Beside them TORQUE's recorded time: 2000 jobs in 0.158 s for `qstat -x -t`, 215 nodes in
0.0156 s for `pbsnodes -x`, 500 qsub in 2.58 s. All nodes are down: nothing runs, and the
scheduler looks at every job again whenever one is submitted.
"""

from __future__ import annotations

import os
import pwd
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.result import Result
from torque_mesos.batch.builtin.install import Installation, install

NEEDS_TORQUE = False

JOBS = 20_000
NODES = 2_000
QSUBS = 50
ROUNDS = 3
TORQUE_QSTAT_S = 0.158 / 2000
TORQUE_PBSNODES_S = 0.0156 / 215
TORQUE_QSUB_S = 2.58 / 500
PATIENCE_S = 300.0

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


class _Server:
    """A server in a temporary folder, and commands of its user."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="builtin-size-"))
        self.folder.chmod(0o755)
        self.account = _ordinary()
        names = [f"n{number}" for number in range(NODES)]
        hosts = {"head": "127.0.0.1"}
        hosts.update(
            {name: f"127.1.{place // 250}.{place % 250 + 1}" for place, name in enumerate(names)}
        )
        self.installed: Installation = install(
            self.folder / "home", server_name="head", hosts=hosts, server_port=_free_port()
        )
        nodes = "".join(f"{name} np=16 mesos\n" for name in names)
        (self.installed.home / "server_priv" / "nodes").write_text(nodes)
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


def _timed(server: _Server, command: str, *words: str) -> tuple[float, int, float]:
    """Seconds (median), bytes of the answer, and the processor time of the command."""
    times, cpu, size = [], [], 0
    for _ in range(ROUNDS):
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        begin = time.perf_counter()
        done = server.run(command, *words)
        times.append(time.perf_counter() - begin)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu.append(after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime)
        assert done.returncode == 0, done.stderr
        size = len(done.stdout)
    return statistics.median(times), size, statistics.median(cpu)


def run() -> Iterable[Result]:
    """Fill a server, and measure."""
    server = _Server()
    try:
        server.start()
        begin = time.perf_counter()
        server.submit(JOBS - QSUBS)
        seconds = time.perf_counter() - begin
        yield _result("submit_s_per_job", seconds / (JOBS - QSUBS), "500 qsub", TORQUE_QSUB_S)
        script = server.folder / "job.sh"
        script.write_text("#!/bin/sh\nsleep 1\n")
        begin = time.perf_counter()
        for _ in range(QSUBS):
            done = server.run("qsub", str(script), user=True)
            assert done.returncode == 0, done.stderr
        seconds = time.perf_counter() - begin
        yield _result("qsub_s_at_full_queue", seconds / QSUBS, "500 qsub", TORQUE_QSUB_S)
        seconds, size, cpu = _timed(server, "qstat", "-x", "-t")
        yield _result(
            "qstat_s_per_job", seconds / JOBS, "2000 jobs", TORQUE_QSTAT_S,
            f"{JOBS} jobs, {size / 1e6:.0f} MB in {seconds:.2f} s, {cpu:.2f} s of them qstat's own",
        )  # fmt: skip
        seconds, size, _ = _timed(server, "qstat")
        yield _result("qstat_plain_s_per_job", seconds / JOBS, "2000 jobs", 0.0367 / 2000)
        seconds, size, _ = _timed(server, "pbsnodes", "-x")
        yield _result(
            "pbsnodes_s_per_node", seconds / NODES, "215 nodes", TORQUE_PBSNODES_S,
            f"{NODES} nodes, {size / 1e6:.1f} MB in {seconds:.2f} s",
        )  # fmt: skip
        yield Result("pbs_server_memory", server.memory_mb(), "MB", size=f"{JOBS} jobs")
    finally:
        server.close()


def _result(name: str, value: float, what: str, torque: float, size: str = "") -> Result:
    return Result(name, value, "s", f"TORQUE's {what}", value / torque, size)
