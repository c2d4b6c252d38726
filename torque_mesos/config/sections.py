"""The sections of the settings, as frozen models.

Keys that end in `_s` are seconds, those in `_mb` are 2**20 bytes. Where a key is None,
the property of `Settings` that is named in its text tells what is used instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from torque_mesos.config.checks import master_address
from torque_mesos.config.kinds import (
    DAY_S,
    AbsolutePath,
    Address,
    Count,
    HostName,
    Line,
    Model,
    NodeName,
    NotNegative,
    Port,
    Positive,
    Role,
    Text,
    Texts,
)


class Amount(Model):
    """What one slot is: what Mesos must give for it."""

    cpus: Positive = Field(default=1.0, description="cpus of one slot")
    mem_mb: Positive = Field(default=1024.0, description="memory of one slot")


class SafeAllocation(Model):
    """The limit: what may be held of Mesos at most. None: no such limit."""

    nodes: Count | None = Field(default=None, description="nodes (hosts) at most")
    cpus: NotNegative | None = Field(default=None, description="cpus at most")
    mem_mb: NotNegative | None = Field(default=None, description="memory at most")
    gpus: Count | None = Field(default=None, description="gpus at most")


class Mesos(Model):
    """Where Mesos is, and who we are there."""

    master: Annotated[str, AfterValidator(master_address)] | None = Field(
        default=None,
        description="`HOST:PORT`, or `zk://HOST:PORT,.../PATH`; `torque-mesos run MASTER` wins",
    )
    name: Text = Field(default="torque-mesos", description="the framework's name")
    user: Text | None = Field(
        default=None,
        description="the account that executors (and moms) run as; "
        "default: the one that runs the framework",
    )
    role: Role = Field(default="*", description="the role that resources are taken for")
    principal: Text | None = Field(default=None, description="whom to authenticate as")
    secret_file: AbsolutePath | None = Field(
        default=None,
        description="a file as Mesos' `--credential` takes it (`PRINCIPAL SECRET`, or JSON), "
        "mode 0600",
    )
    failover_timeout_s: Positive = Field(
        default=21 * DAY_S, description="how long the master keeps the nodes of a stopped framework"
    )
    hostname: HostName | None = Field(
        default=None, description="this host's name, for Mesos' pages and agents; default: its FQDN"
    )
    webui_url: Line = Field(default="", description="a link that Mesos' pages show")
    gpus: bool = Field(
        default=False,
        description="take agents that have gpus, and grant gpus to jobs that ask for them",
    )


class Batch(Model):
    """Which batch server, and where."""

    kind: Literal["torque", "openpbs", "builtin"] = Field(
        default="torque",
        description="`torque`, `openpbs`, or `builtin`: the small one for trying",
    )
    mode: Literal["managed", "existing"] = Field(
        default="managed",
        description="`managed`: start the server and its scheduler if they do not run; "
        "`existing`: they are started by others",
    )
    scheduler: Literal["auto", "pbs_sched", "maui", "none"] = Field(
        default="auto",
        description="the batch scheduler, which `managed` starts: `pbs_sched`, `maui`, or `none`: "
        "it runs elsewhere; `auto`: the one that runs here, else `maui` where it is installed, "
        "else `pbs_sched`",
    )
    maui_dir: AbsolutePath | None = Field(
        default=None,
        description="where `sbin/maui` and `bin/showq` are; default: found on PATH, in "
        "`/usr/local/maui`, `/opt/maui`, `/usr/local`, `/usr`",
    )
    maui_config: AbsolutePath | None = Field(
        default=None,
        description="the `maui.cfg` of the Maui that schedules: its priorities decide on the "
        "order of jobs; default, for `maui`: the one in the home that is compiled into it",
    )
    home: AbsolutePath | None = Field(
        default=None,
        description="PBS home; default: `/var/spool/torque`, for `openpbs` `/var/spool/pbs`, "
        "for `builtin` `<state_dir>/batch`",
    )
    bin_dir: AbsolutePath | None = Field(
        default=None,
        description="where `qstat` is; default: found on PATH, in `/usr/local/bin`, "
        "`/opt/torque/bin`; for `openpbs` `/opt/pbs/bin`; for `builtin` `<home>/bin`",
    )
    sbin_dir: AbsolutePath | None = Field(
        default=None,
        description="where `pbs_server` is; default: found like `bin_dir`; "
        "for `builtin` `<home>/sbin`",
    )
    server_host: HostName | None = Field(
        default=None, description="the server's name, as moms use it; default: this host's"
    )
    server_port: Port = Field(
        default=15001, description="the server's port, as moms use it (and the one of `builtin`)"
    )
    mom_service_port: Port = Field(default=15002, description="the moms' port for the server")
    mom_manager_port: Port = Field(default=15003, description="the moms' port for each other")
    command_timeout_s: Positive = Field(
        default=30.0, description="a command of the server that takes longer has failed"
    )
    calls: Literal["auto", "library", "commands"] = Field(
        default="auto",
        description="how the server is called: by its C `library` (`libtorque`, `libpbs`, beside "
        "`bin_dir` in `lib`), which a process of its own keeps connected, or by its `commands`; "
        "`auto`: the library where there is one, and the commands whenever it fails",
    )
    watch: Literal["auto", "poll", "accounting", "hook"] = Field(
        default="auto",
        description="how changes of the queue are noticed at once: by the server's `accounting` "
        "files, by a `hook` (`openpbs` only; `setup-server` makes it), by all that there is "
        "(`auto`), or only every `poll_interval_s` (`poll`), which is the net of the others",
    )
    hosts: Mapping[HostName, Address] = Field(
        default_factory=dict,
        description="addresses of hosts by name (`builtin` only, which then needs no DNS)",
    )
    auth: Literal["", "munge"] = Field(
        default="",
        description="how hosts know each other: `munge`, which commands on other hosts need; "
        "empty: moms by a privileged port, and no such commands (`builtin` only)",
    )
    delay_scale: NotNegative = Field(
        default=1.0, description="TORQUE's own delays times this (`builtin` only; 0: none)"
    )


class Executor(Model):
    """What runs on an agent, and how it gets there."""

    delivery: Literal["uri", "path"] = Field(
        default="uri", description="`uri`: agents fetch it from us; `path`: it is installed there"
    )
    path: AbsolutePath | None = Field(
        default=None, description='the launcher on the agent, for `delivery = "path"`'
    )
    python: Text = Field(
        default="python3", description='Python 3.9 or later on the agent, for `delivery = "uri"`'
    )
    cpus: NotNegative = Field(
        default=0.1, description="the executor's own share of a worker's first slot"
    )
    mem_mb: NotNegative = Field(default=64.0, description="the same, memory")
    pbs_mom: AbsolutePath | None = Field(
        default=None, description="`pbs_mom` on the agent; default: looked for there"
    )
    momctl: AbsolutePath | None = Field(
        default=None, description="`momctl` on the agent; default: beside `pbs_mom`"
    )
    mom_home: AbsolutePath | None = Field(
        default=None, description="the mom's home on the agent; default: in the task's sandbox"
    )
    usecp: Texts = Field(
        default=("*:/home /home",), description="`$usecp` lines: folders that all hosts share"
    )
    mom_config: Texts = Field(default=(), description="further lines of `mom_priv/config`")
    launch: Literal["tm", "ssh", "none"] = Field(
        default="tm",
        description="how `mpirun` reaches a job's further hosts: `tm`: their moms start the "
        "ranks; `ssh`: with a key for each job; `none`: nothing is set",
    )
    scratch: AbsolutePath = Field(
        default=Path("/tmp"),  # noqa: S108 (what is made there is made with care)
        description="the folder on the agents in which every job gets a folder of its own",
    )
    site_scripts: AbsolutePath = Field(
        default=Path("/etc/torque-mesos"),
        description="the folder on the agents with the site's `prologue.d`, `epilogue.d` and so on",
    )
    site_script_timeout_s: Positive = Field(
        default=60.0, description="how long each of the site's scripts may take"
    )
    ready_timeout_s: Positive | None = Field(
        default=None,
        description="a mom that is not ready by then is restarted (and then given twice that); "
        "default: 2, for `openpbs` 15",
    )
    stop_grace_s: NotNegative = Field(
        default=10.0, description="from SIGTERM to SIGKILL for jobs that must end"
    )
    environment: Mapping[str, Line] = Field(
        default_factory=dict, description="further variables for moms; jobs may see them"
    )


class Names(Model):
    """What agents are called as nodes, and who makes those names known."""

    nodes: Mapping[HostName, NodeName] = Field(
        default_factory=dict,
        description="nodes' names by the names that agents give themselves, where they differ",
    )
    hosts: bool = Field(
        default=False,
        description="make agents (and on them the server) known by name, on both sides: where DNS"
        " does not",
    )
    hosts_file: AbsolutePath = Field(
        default=Path("/etc/hosts"), description="where that is written, in a marked block"
    )
    hook: AbsolutePath | None = Field(
        default=None,
        description="a command that is called instead: `HOOK keep MARK` with lines of"
        " `ADDRESS NAME...`, and `HOOK remove MARK`",
    )

    @property
    def file(self) -> Path | None:
        """The file that is written; None where none is."""
        return self.hosts_file if self.hosts and self.hook is None else None

    @property
    def command(self) -> Path | None:
        """The command that is called; None where none is."""
        return self.hook if self.hosts else None


class Http(Model):
    """Where agents fetch the executor from, and where health is told."""

    host: HostName | None = Field(
        default=None,
        description="an address of this host that agents can reach; "
        "default: `mesos.hostname`, or the address on the way to the master",
    )
    port: Annotated[int, Field(ge=0, le=65535)] = Field(default=0, description="0: any free one")
