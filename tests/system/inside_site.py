"""A site on namespaced hosts: Mesos, the framework and a batch server that is installed here."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dev.demo.site import Site
from dev.mesos.cluster import Cluster
from dev.supervised import Daemons
from tests.pelog.batches import BATCHES, Batch, OpenPbs, Torque
from tests.pelog.hosts import HEAD, Hosts
from tests.pelog.site import SETTINGS, TOOLS
from tests.system.inside import InsideCluster, InsideDaemons, child_of
from tests.system.kinds import Kind

MODE = "TORQUE_MESOS_BATCH__MODE"
# As the other servers have it from the start.
FIRST_QUEUE = (
    "create queue batch queue_type=execution,enabled=true,started=true",
    "set server default_queue=batch",
)


class InsideSite(Site):
    """See `Site`. Skips the test where there can be none."""

    def __init__(self, kind: Kind, agents: int, *arguments: Any, **more: Any) -> None:
        if os.geteuid() != 0:
            pytest.skip(f"{kind} needs namespaced hosts, and they need root")
        if missing := [name for name in TOOLS if not shutil.which(name)]:
            pytest.skip(f"namespaced hosts need {', '.join(missing)}")
        # (A real pbs_mom wants no home below /var/tmp, where anybody may write.)
        self.hosts = Hosts(agents, parent="/var/lib")
        try:
            self.hosts.start()
            self.server: Batch = BATCHES[kind.batch](self.hosts.folder / "state")
            if isinstance(self.server, Torque):
                self.server.schedule_with(kind.scheduler)
            super().__init__(*arguments, hostnames=self.hosts.names[1:], **more)
        except BaseException:
            self.hosts.close()
            raise

    def _make_folder(self) -> Path:
        return self.hosts.folder

    def _make_cluster(self, *arguments: Any, **more: Any) -> Cluster:
        return InsideCluster(self.hosts, *arguments, **more)

    def _make_daemons(self) -> Daemons:
        return InsideDaemons(self.hosts)

    def _at_head(self, *words: str) -> list[str]:
        return self.hosts.command(HEAD, words)

    def start_mesos(self) -> None:
        """Start the master and the agents, and what the batch server needs before it starts."""
        super().start_mesos()
        if not isinstance(self.server, OpenPbs):
            self.server.prepare(self.hosts)
            return
        for node in self.hosts.names[1:]:  # where jobs' folders are
            self.hosts.check(node, "mount", "--bind", "/tmp", "/var/tmp")
        if self.variables.get(MODE) == "managed":  # the framework makes and starts all
            self.server.lay_out(self.hosts)
            return
        self.server.prepare(self.hosts)
        for line in FIRST_QUEUE:
            self.hosts.check(HEAD, str(self.bin_dir / "qmgr"), "-c", line)
        self.variables[MODE] = "managed"  # found, and started again when they end

    @property
    def bin_dir(self) -> Path:
        """See `Site`."""
        return self.server.bin_dir

    @property
    def sbin_dirs(self) -> tuple[Path, ...]:
        """See `Site`."""
        maui = getattr(self.server, "maui", None)
        places = [self.bin_dir.parent, *([maui] if maui else [])]
        return tuple(place / "sbin" for place in places)

    def is_here(self, process: int) -> bool:
        """See `Site`."""
        network = os.readlink(f"/proc/{process}/ns/net")
        return any(os.readlink(self.hosts.namespace(n, "net")) == network for n in self.hosts.names)

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), **self.server.environment}

    def _settings(self) -> str:
        return SETTINGS.format(
            state=self.state,
            work=self.jobs,
            head=self.hosts.addresses[HEAD],
            pbs_mom=f'pbs_mom = "{self.server.pbs_mom}"' if self.server.pbs_mom else "",
            executor="",
            kind=self.server.kind,
            batch=self.server.settings(self.hosts),
        )

    def start_tool(self, *arguments: str) -> subprocess.Popen[str]:
        """See `Site.start_tool`: what is returned sends signals to the tool itself."""
        started = super().start_tool(*arguments)

        def send_signal(number: int) -> None:
            if child := child_of(started.pid):
                child.send_signal(number)

        started.send_signal = send_signal  # type: ignore[method-assign]
        return started

    def close(self) -> None:
        """Power off."""
        self.cluster.stop()
        self.hosts.close(keep=self._keep)
