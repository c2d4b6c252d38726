"""The processes of a site: moms, executors and the batch server's daemons."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from dev.demo.site import Site

KINDS = ("mom", "executor")
DAEMONS = ("pbs_server", "pbs_sched", "maui", "trqauthd", "pbs_comm")


class SiteProcesses:
    """Finds the processes of a site, and cuts their power."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def processes(self) -> Iterator[tuple[psutil.Process, list[str]]]:
        """Everything that runs below this test process, with its command line."""
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                yield process, process.cmdline()

    def workers(self, host: str | None = None) -> list[tuple[str, int]]:
        """Moms and executors of this site, of all hosts or one: ("mom" or "executor", pid)."""
        found = []
        for process, command in self.processes():
            with suppress(psutil.Error):
                kind = _kind(command)
                where = f"{self.site.folder}/mesos/{host}/" if host else f"{self.site.folder}/"
                if kind and f"{process.cwd()}/".startswith(where):
                    found.append((kind, process.pid))
        return found

    def pid_of(self, kind: str, host: str) -> int:
        """The process of the "mom", the "executor" or the executor's "guard" of a host."""
        pids = {known: [pid for k, pid in self.workers(host) if k == known] for known in KINDS}
        mom = min(pids["mom"])  # its children are moms, too, until they become jobs
        executor = psutil.Process(mom).ppid()
        guard = psutil.Process(executor).ppid()
        assert {executor, guard} <= set(pids["executor"])
        return {"mom": mom, "executor": executor, "guard": guard}[kind]

    def kill_host(self, host: str) -> None:
        """A power cut: agent, executor, mom and jobs of a host at once."""
        guard = psutil.Process(self.pid_of("guard", host))
        processes = [guard, *guard.children(recursive=True)]
        self.site.cluster.kill(host)
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def daemons(self) -> list[tuple[str, int]]:
        """The batch server's daemons: ("pbs_server" or "pbs_sched", pid)."""
        found = []
        for process, command in self.processes():
            for word in command:
                path = Path(word)
                if path.parent in self.site.sbin_dirs and self.site.is_here(process.pid):
                    found.append((path.name.removesuffix(".bin"), process.pid))
        return [(name, pid) for name, pid in found if name in DAEMONS]

    def server_pid(self) -> int | None:
        """The process of pbs_server, if it runs."""
        return dict(self.daemons()).get("pbs_server")


def _kind(command: list[str]) -> str:
    for word in command:
        if word.endswith("/pbs_mom"):
            return "mom"
        if word.endswith("/torque-mesos-executor"):
            return "executor"
    return ""
