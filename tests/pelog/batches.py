"""The batch servers that jobs over several hosts are tried with: how each is set up and asked.

TORQUE and OpenPBS must be installed here; where, two variables tell.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol
from xml.etree import ElementTree

import pytest

from tests.pelog.hosts import HEAD, Hosts
from tests.waiting import wait_for
from torque_mesos.batch import openpbs_jobs, openpbs_nodes, torque_xml
from torque_mesos.batch.maui import program as maui
from torque_mesos.model import Job, Node

PLACES = {
    "torque": ("TORQUE_MESOS_DEV_TORQUE", "/opt/torque"),
    "openpbs": ("TORQUE_MESOS_DEV_OPENPBS", "/opt/pbs"),
    "maui": ("TORQUE_MESOS_DEV_MAUI", "/opt/maui"),
}
"""The variable that tells where programs are, and where they are without it."""


def place_of(kind: str) -> Path:
    """The folder with `bin` and `sbin` of what is installed; skips the test without."""
    variable, usual = PLACES[kind]
    folder = Path(os.environ.get(variable) or usual)
    if not (folder / "sbin" / ("maui" if kind == "maui" else "pbs_server")).exists():
        pytest.skip(f"no {kind} in {folder} (another place: set {variable})")
    return folder


def _programs(place: Path) -> str:
    return f'bin_dir = "{place}/bin"\nsbin_dir = "{place}/sbin"\n'


class Batch(Protocol):
    """One kind of server. Commands run on `head`."""

    kind: str
    bin_dir: Path
    environment: Mapping[str, str]
    pbs_mom: str
    """Of the agents; empty: the framework's own."""

    def prepare(self, hosts: Hosts) -> None:
        """Before the framework starts."""

    def settings(self, hosts: Hosts) -> str:
        """The lines of the section `[batch]`, and what comes after it."""

    def asked(self, job_id: str) -> list[str]:
        """The words after `qstat` that ask for one job, complete ones as well."""

    def told(self, answer: str) -> tuple[str, int]:
        """A job's state (C: complete) and exit status, from what `qstat` says."""

    array_option: str
    """Of `qsub`."""

    jobs_asked: tuple[str, ...]
    """The words that ask for all jobs."""

    def jobs_told(self, answer: str) -> list[Job]:
        """The jobs, from the answer to that."""

    nodes_asked: tuple[str, ...]
    """The words that ask for all nodes."""

    def nodes_told(self, answer: str) -> list[Node]:
        """The nodes, from the answer to that."""


class Builtin:
    """The small server that comes with the framework."""

    kind = "builtin"
    environment: Mapping[str, str] = {}
    pbs_mom = ""
    array_option = "-t"
    jobs_asked = ("qstat", "-x", "-t")
    nodes_asked = ("pbsnodes", "-x")

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

    def jobs_told(self, answer: str) -> list[Job]:
        """From XML."""
        return list(torque_xml.parse_jobs(answer).jobs)

    def nodes_told(self, answer: str) -> list[Node]:
        """From XML."""
        return list(torque_xml.parse_nodes(answer).nodes)


class Torque(Builtin):
    """A real TORQUE, started by the framework from an empty home."""

    kind = "torque"
    scheduler = "pbs_sched"
    maui: Path | None = None
    home = Path("/var/spool/torque")

    def __init__(self, state: Path) -> None:
        self.place = place_of(self.kind)
        self.bin_dir = self.place / "bin"
        self.pbs_mom = str(self.place / "sbin" / "pbs_mom")

    def schedule_with(self, scheduler: str) -> None:
        """By `pbs_sched`, as it is without this, or `maui`."""
        self.scheduler = scheduler
        self.maui = place_of("maui") if scheduler == "maui" else None

    def prepare(self, hosts: Hosts) -> None:
        """Give `head` a home of its own: the folders of the installation's, and no records."""
        if self.maui is not None:
            home = maui.compiled_home(self.maui)
            assert home is not None, f"{self.maui} does not tell its home"
            copied = hosts.folder / "maui"
            hosts.check(HEAD, "cp", "-a", str(home), str(copied))
            hosts.check(HEAD, "mount", "--bind", str(copied), str(home))
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
        """Where its programs are, and the scheduler, also where both are installed."""
        which = f'scheduler = "{self.scheduler}"\n'
        where = f'maui_dir = "{self.maui}"\n' if self.maui else ""
        return which + where + _programs(self.place)


class OpenPbs:
    """A real OpenPBS, with our hook."""

    kind = "openpbs"
    array_option = "-J"
    jobs_asked = ("qstat", "-t", "-f", "-F", "json")
    nodes_asked = ("pbsnodes", "-a", "-v", "-F", "json")

    def __init__(self, state: Path) -> None:
        self.place = place_of(self.kind)
        self.bin_dir = self.place / "bin"
        self.pbs_mom = str(self.place / "sbin" / "pbs_mom")
        self.home = state / "pbs"
        databases = [str(path) for path in Path("/usr/lib/postgresql").glob("*/bin")]
        self.environment = {"PATH": ":".join([*databases, "/usr/sbin:/usr/bin:/sbin:/bin"])}

    def prepare(self, hosts: Hosts) -> None:
        """Make its database, start its daemons, import the hook."""
        self.lay_out(hosts).write_text(self.pbs_conf(server=True))
        self.home.parent.mkdir(parents=True, exist_ok=True)
        words = ("server", "", str(self.place), str(self.home), "", "sameconf")
        self._check(hosts, f"{self.place}/libexec/pbs_postinstall", *words)
        self._check(hosts, f"{self.place}/libexec/pbs_habitat")
        for name in ("pbs_comm", "pbs_sched", "pbs_server"):
            self._check(hosts, f"{self.place}/sbin/{name}")
        wait_for(lambda: self._qmgr(hosts, "list server"), 60, "the server answers")
        hook = hosts.folder / "openpbs_hook.py"  # which the hosts see, wherever the checkout is
        shutil.copy(Path(__file__).resolve().parents[2] / "prologue" / hook.name, hook)
        events = "execjob_begin,execjob_launch,execjob_preterm,execjob_end"
        for line in (
            "set server job_history_enable=True",
            "set server flatuid=True",
            "create hook torque_mesos alarm=260",
            f'set hook torque_mesos event="{events}"',
            f"import hook torque_mesos application/x-python default {hook}",
        ):
            assert self._qmgr(hosts, line), line

    def lay_out(self, hosts: Hosts) -> Path:
        """Give `head` an /etc of its own; where its pbs.conf goes, which is not there.

        Nor may it meet another database's socket, whose port is always the same, or the process
        that a user's `qsub` leaves behind for a minute, which listens in /var/tmp.
        """
        hosts.check(HEAD, "mount", "--bind", "/tmp", "/var/tmp")
        sockets = hosts.folder / "postgresql"
        hosts.check(HEAD, "install", "-d", "-o", "postgres", str(sockets), "/run/postgresql")
        hosts.check(HEAD, "mount", "--bind", str(sockets), "/run/postgresql")
        own = hosts.folder / "etc"
        hosts.check(HEAD, "cp", "-a", "/etc", str(own))
        (own / "pbs.conf").unlink(missing_ok=True)
        hosts.check(HEAD, "mount", "--bind", str(own), "/etc")
        return own / "pbs.conf"

    def settings(self, hosts: Hosts) -> str:
        """Others start it."""
        return f'mode = "existing"\nhome = "{self.home}"\n{_programs(self.place)}'

    def pbs_conf(self, *, server: bool) -> str:
        """The lines of /etc/pbs.conf: of the server's host, or of a client."""
        start = "".join(f"PBS_START_{name}={int(server)}\n" for name in ("SERVER", "SCHED", "COMM"))
        return (
            f"PBS_EXEC={self.place}\nPBS_HOME={self.home}\nPBS_SERVER={HEAD}\n"
            f"{start}PBS_START_MOM=0\n"
        )

    def asked(self, job_id: str) -> list[str]:
        """In JSON, with jobs that have ended."""
        return ["-x", "-f", "-F", "json", job_id]

    def told(self, answer: str) -> tuple[str, int]:
        """F is complete, here."""
        (job,) = json.loads(answer)["Jobs"].values()
        return job["job_state"].replace("F", "C"), int(job.get("Exit_status", 0))

    def jobs_told(self, answer: str) -> list[Job]:
        """From JSON."""
        return list(openpbs_jobs.parse_jobs(answer).jobs)

    def nodes_told(self, answer: str) -> list[Node]:
        """From JSON."""
        return [record.node for record in openpbs_nodes.parse_nodes(answer).nodes]

    def _check(self, hosts: Hosts, *words: str) -> None:
        done = hosts.run(HEAD, *words, environment=self.environment)
        assert done.returncode == 0, done

    def _qmgr(self, hosts: Hosts, line: str) -> bool:
        words = (str(self.bin_dir / "qmgr"), "-c", line)
        return hosts.run(HEAD, *words, environment=self.environment).returncode == 0


BATCHES: dict[str, type[Builtin] | type[OpenPbs]] = {
    kind.kind: kind for kind in (Builtin, Torque, OpenPbs)
}
