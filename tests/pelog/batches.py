"""The batch servers that jobs over several hosts are tried with: how each is set up and asked."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol
from xml.etree import ElementTree

from tests.pelog.hosts import HEAD, Hosts
from tests.waiting import wait_for

BATCH_VARIABLE = "TORQUE_MESOS_DEV_BATCH"
"""Which one: builtin (the default), torque or openpbs. The latter must be installed here."""


class Batch(Protocol):
    """One kind of server. Commands run on `head`."""

    kind: str
    bin_dir: Path
    environment: Mapping[str, str]

    def prepare(self, hosts: Hosts) -> None:
        """Before the framework starts."""

    def settings(self, hosts: Hosts) -> str:
        """The lines of the section `[batch]`, and what comes after it."""

    def asked(self, job_id: str) -> list[str]:
        """The words after `qstat` that ask for one job, complete ones as well."""

    def told(self, answer: str) -> tuple[str, int]:
        """A job's state (C: complete) and exit status, from what `qstat` says."""


class Builtin:
    """The small server that comes with the framework."""

    kind = "builtin"
    environment: Mapping[str, str] = {}

    def __init__(self, state: Path) -> None:
        self.bin_dir = state / "batch" / "bin"

    def prepare(self, hosts: Hosts) -> None:
        """Nothing: the framework lays it out."""

    def settings(self, hosts: Hosts) -> str:
        """With the hosts' names; its delays are a tenth of TORQUE's."""
        names = "\n".join(f'"{name}" = "{where}"' for name, where in hosts.addresses.items())
        return f"delay_scale = 0.1\n[batch.hosts]\n{names}\n"

    def asked(self, job_id: str) -> list[str]:
        """As TORQUE."""
        return ["-x", job_id]

    def told(self, answer: str) -> tuple[str, int]:
        """As TORQUE."""
        found = ElementTree.fromstring(answer).find("Job")
        assert found is not None
        return found.findtext("job_state", ""), int(found.findtext("exit_status", "0"))


class Torque(Builtin):
    """A real TORQUE, started by the framework from an empty home."""

    kind = "torque"
    home = Path("/var/spool/torque")

    def __init__(self, state: Path) -> None:
        self.bin_dir = Path("/opt/torque/bin")

    def prepare(self, hosts: Hosts) -> None:
        """Give `head` a home of its own: the folders of the installation's, and no records."""
        own = hosts.folder / "spool"
        for source in (self.home, *(path for path in self.home.rglob("*") if path.is_dir())):
            target = own / source.relative_to(self.home)
            target.mkdir(parents=True)
            target.chmod(source.stat().st_mode & 0o7777)
        for path in (self.home / "sched_priv").iterdir():
            if path.is_file():
                shutil.copy(path, own / "sched_priv")
        (own / "server_name").write_text(f"{HEAD}\n")
        (own / "pbs_environment").write_text("PATH=/usr/bin:/bin\nLANG=C\n")
        hosts.check(HEAD, "mount", "--bind", str(own), str(self.home))

    def settings(self, hosts: Hosts) -> str:
        """With its own scheduler, also where Maui is installed."""
        return 'scheduler = "pbs_sched"\n'


class OpenPbs:
    """A real OpenPBS, with our hook."""

    kind = "openpbs"
    bin_dir = Path("/opt/pbs/bin")

    def __init__(self, state: Path) -> None:
        self._home = state / "pbs"
        self.environment = {"PATH": "/usr/lib/postgresql/15/bin:/usr/sbin:/usr/bin:/sbin:/bin"}

    def prepare(self, hosts: Hosts) -> None:
        """Make its database, start its daemons, import the hook."""
        own = hosts.folder / "etc"
        hosts.check(HEAD, "cp", "-a", "/etc", str(own))
        (own / "pbs.conf").write_text(
            f"PBS_EXEC=/opt/pbs\nPBS_HOME={self._home}\nPBS_SERVER={HEAD}\n"
            "PBS_START_SERVER=1\nPBS_START_SCHED=1\nPBS_START_COMM=1\nPBS_START_MOM=0\n"
        )
        hosts.check(HEAD, "mount", "--bind", str(own), "/etc")
        self._home.parent.mkdir(parents=True, exist_ok=True)
        words = ("server", "", "/opt/pbs", str(self._home), "", "sameconf")
        self._check(hosts, "/opt/pbs/libexec/pbs_postinstall", *words)
        self._check(hosts, "/opt/pbs/libexec/pbs_habitat")
        for name in ("pbs_comm", "pbs_sched", "pbs_server"):
            self._check(hosts, f"/opt/pbs/sbin/{name}")
        wait_for(lambda: self._qmgr(hosts, "list server"), 60, "the server answers")
        hook = Path(__file__).resolve().parents[2] / "prologue" / "openpbs_hook.py"
        events = "execjob_begin,execjob_launch,execjob_preterm,execjob_end"
        for line in (
            "set server job_history_enable=True",
            "create hook torque_mesos alarm=260",
            f'set hook torque_mesos event="{events}"',
            f"import hook torque_mesos application/x-python default {hook}",
        ):
            assert self._qmgr(hosts, line), line

    def settings(self, hosts: Hosts) -> str:
        """Others start it."""
        return 'mode = "existing"\n'

    def asked(self, job_id: str) -> list[str]:
        """In JSON, with jobs that have ended."""
        return ["-x", "-f", "-F", "json", job_id]

    def told(self, answer: str) -> tuple[str, int]:
        """F is complete, here."""
        (job,) = json.loads(answer)["Jobs"].values()
        return job["job_state"].replace("F", "C"), int(job.get("Exit_status", 0))

    def _check(self, hosts: Hosts, *words: str) -> None:
        done = hosts.run(HEAD, *words, environment=self.environment)
        assert done.returncode == 0, done

    def _qmgr(self, hosts: Hosts, line: str) -> bool:
        words = (str(self.bin_dir / "qmgr"), "-c", line)
        return hosts.run(HEAD, *words, environment=self.environment).returncode == 0


BATCHES: dict[str, type[Builtin] | type[OpenPbs]] = {
    kind.kind: kind for kind in (Builtin, Torque, OpenPbs)
}
