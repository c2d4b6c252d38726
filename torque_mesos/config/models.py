"""The settings as frozen models. `sources.load` makes them from a file and variables.

Keys that end in `_s` are seconds, those in `_mb` are 2**20 bytes. Where a key is None,
the property of `Settings` that is named in its text tells what is used instead.
"""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from torque_mesos.config.address import own_address, own_name
from torque_mesos.config.checks import (
    absolute,
    attribute_name,
    host_name,
    ip_address,
    master_address,
    one_line,
    property_name,
    role_name,
)
from torque_mesos.config.crosscheck import CrossError, cross_problems
from torque_mesos.model import Resources

if TYPE_CHECKING:
    from torque_mesos.decide import Policy
    from torque_mesos.mesos.credentials import Credentials

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]
Port = Annotated[int, Field(ge=1, le=65535)]
AbsolutePath = Annotated[Path, Field(strict=False), AfterValidator(absolute)]
HostName = Annotated[str, AfterValidator(host_name)]
Address = Annotated[str, AfterValidator(ip_address)]
Line = Annotated[str, AfterValidator(one_line)]
Text = Annotated[str, Field(min_length=1), AfterValidator(one_line)]
Texts = Annotated[tuple[Text, ...], Field(strict=False)]
Properties = Annotated[
    tuple[Annotated[str, AfterValidator(property_name)], ...], Field(strict=False)
]
Attributes = Annotated[
    tuple[Annotated[str, AfterValidator(attribute_name)], ...], Field(strict=False)
]

DAY_S = 86400.0
_FURTHER_FOLDERS = ("/usr/local", "/opt/torque", "/usr")


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Amount(_Model):
    """What one slot is: what Mesos must give for it."""

    cpus: Positive = Field(default=1.0, description="cpus of one slot")
    mem_mb: Positive = Field(default=1024.0, description="memory of one slot")


class SafeAllocation(_Model):
    """The limit: what may be held of Mesos at most. None: no such limit."""

    nodes: Count | None = Field(default=None, description="nodes (hosts) at most")
    cpus: NotNegative | None = Field(default=None, description="cpus at most")
    mem_mb: NotNegative | None = Field(default=None, description="memory at most")


class Mesos(_Model):
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
    role: Annotated[str, AfterValidator(role_name)] = Field(
        default="*", description="the role that resources are taken for"
    )
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


class Batch(_Model):
    """Which batch server, and where."""

    kind: Literal["torque", "openpbs", "builtin"] = Field(
        default="torque",
        description="`torque`, `openpbs`, or `builtin`: the small one for trying",
    )
    mode: Literal["managed", "existing"] = Field(
        default="managed",
        description="`managed`: start the server and its scheduler if they do not run; "
        "`existing`: they are started by others (the only way for `openpbs`)",
    )
    scheduler: Literal["pbs_sched", "none"] = Field(
        default="pbs_sched",
        description="the batch scheduler that `managed` starts; `none`: another one (Maui) runs",
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
    hosts: Mapping[HostName, Address] = Field(
        default_factory=dict,
        description="addresses of hosts by name (`builtin` only, which then needs no DNS)",
    )
    delay_scale: NotNegative = Field(
        default=1.0, description="TORQUE's own delays times this (`builtin` only; 0: none)"
    )


class Executor(_Model):
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


class Http(_Model):
    """Where agents fetch the executor from, and where health is told."""

    host: HostName | None = Field(
        default=None,
        description="an address of this host that agents can reach; "
        "default: `mesos.hostname`, or the address on the way to the master",
    )
    port: Annotated[int, Field(ge=0, le=65535)] = Field(default=0, description="0: any free one")


class Settings(_Model):
    """All settings. Raises pydantic's ValidationError when made of wrong values."""

    min_compute_node: Amount = Field(
        default_factory=Amount, description="what Mesos must give for one slot"
    )
    min_slots_held: Count = Field(
        default=0, description="the floor: slots kept even when nothing waits"
    )
    safe_allocation: SafeAllocation = Field(
        default_factory=SafeAllocation, description="the limit: what may be held at most"
    )
    queues: Texts = Field(
        default=("*",), description="the queues whose jobs count; `*` and `?` as in the shell"
    )
    grace_s: NotNegative = Field(default=60.0, description="how long an idle node is kept")
    poll_interval_s: Positive = Field(
        default=5.0, description="how often the queue is read when nothing seems to happen"
    )
    offer_hold_s: NotNegative = Field(default=5.0, description="no offer is kept longer")
    start_timeout_s: Positive = Field(
        default=120.0,
        description="a mom that is not ready by then is given up, its agent left alone",
    )
    dead_after_s: Positive = Field(
        default=60.0, description="a node that is down so long is lost: its jobs are run again"
    )
    park: bool = Field(
        default=True,
        description="keep node records of stopped moms (starts in 0.1 s instead of 11 s)",
    )
    forget_after_s: Positive = Field(
        default=7 * DAY_S, description="records of agents that are gone so long are deleted"
    )
    node_properties: Properties = Field(
        default=("mesos",), description="properties that every node of ours has"
    )
    attribute_properties: Attributes = Field(
        default=(), description="agents' attributes whose values become properties of their nodes"
    )
    state_dir: AbsolutePath = Field(
        default=Path("/var/lib/torque-mesos"), description="framework id, journal, status socket"
    )
    journal_snapshots: bool = Field(
        default=False,
        description="write what each turn knew to `snapshots.jsonl`, for `torque-mesos replay`",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="`debug`, `info`, `warning` or `error`"
    )
    log_format: Literal["text", "json"] = Field(default="text", description="`text` or `json`")
    mesos: Mesos = Field(default_factory=Mesos)
    batch: Batch = Field(default_factory=Batch)
    executor: Executor = Field(default_factory=Executor)
    http: Http = Field(default_factory=Http)

    @model_validator(mode="after")
    def _keys_fit(self) -> Self:
        problems = tuple(cross_problems(self))
        if problems:
            raise CrossError(problems)
        return self

    # --- what is used where a key is None ------------------------------------------

    @property
    def hostname(self) -> str:
        """This host's name."""
        return self.mesos.hostname or own_name()

    @property
    def http_host(self) -> str:
        """An address of this host that agents can reach."""
        return self.http.host or self.mesos.hostname or own_address(self.mesos.master)

    @property
    def user(self) -> str:
        """The account that executors run as."""
        return self.mesos.user or pwd.getpwuid(os.geteuid()).pw_name

    @property
    def http_bind(self) -> str:
        """What to listen on: `http.host` where it is set, all addresses otherwise."""
        return self.http.host or "0.0.0.0"  # noqa: S104

    @property
    def server_host(self) -> str:
        """The batch server's name, as moms use it."""
        return self.batch.server_host or self.hostname

    @property
    def pbs_home(self) -> Path:
        """The batch server's home."""
        if self.batch.home is not None:
            return self.batch.home
        if self.batch.kind == "builtin":
            return self.state_dir / "batch"
        return Path("/var/spool/pbs" if self.batch.kind == "openpbs" else "/var/spool/torque")

    @property
    def bin_dir(self) -> Path:
        """Where the batch server's client commands are."""
        return self.batch.bin_dir or self._folder_of("qstat", "bin")

    @property
    def sbin_dir(self) -> Path:
        """Where the batch server's daemons are."""
        return self.batch.sbin_dir or self._folder_of("pbs_server", "sbin")

    @property
    def ready_timeout_s(self) -> float:
        """How long a mom may take to be ready. OpenPBS' server answers it after 2 s."""
        usual_s = 15.0 if self.batch.kind == "openpbs" else 2.0
        return self.executor.ready_timeout_s or usual_s

    @property
    def status_socket(self) -> Path:
        """Where the running framework tells its status."""
        return self.state_dir / "status.sock"

    @property
    def slot(self) -> Resources:
        """What Mesos must give for one slot."""
        return Resources(self.min_compute_node.cpus, self.min_compute_node.mem_mb)

    @property
    def executor_share(self) -> Resources:
        """The executor's own share, carved out of a worker's first grant."""
        return Resources(self.executor.cpus, self.executor.mem_mb)

    def policy(self, generation: str, capacity_record: str | None) -> Policy:
        """What `decide` needs of this.

        `generation`: of executors that get new grants; `capacity_record`: as in
        `Traits` of the batch server.
        """
        from torque_mesos.decide import Limit, Policy

        limit = self.safe_allocation
        return Policy(
            slot=self.slot,
            floor_slots=self.min_slots_held,
            limit=Limit(nodes=limit.nodes, cpus=limit.cpus, mem_mb=limit.mem_mb),
            queues=self.queues,
            properties=self.node_properties,
            attribute_properties=self.attribute_properties,
            generation=generation,
            park=self.park,
            grace_s=self.grace_s,
            offer_hold_s=self.offer_hold_s,
            start_timeout_s=self.start_timeout_s,
            dead_after_s=self.dead_after_s,
            forget_after_s=self.forget_after_s,
            capacity_record=capacity_record,
        )

    def credentials(self) -> Credentials | None:
        """Who we are to the master; None where that is not asked. Reads `mesos.secret_file`.

        Raises CredentialsError, also when the file is of another principal.
        """
        if self.mesos.secret_file is None:
            return None
        from torque_mesos.mesos.credentials import CredentialsError, read_credentials

        found = read_credentials(self.mesos.secret_file)
        if found.principal != self.mesos.principal:
            raise CredentialsError(
                f"{self.mesos.secret_file} is of {found.principal!r}, "
                f"mesos.principal is {self.mesos.principal!r}"
            )
        return found

    def effective(self) -> dict[str, Any]:
        """All keys by section, in TOML's types, with what is used where a key was None."""
        values = self.model_dump(mode="json")
        values["mesos"] |= {"hostname": self.hostname, "user": self.user}
        values["batch"] |= {
            "home": str(self.pbs_home),
            "bin_dir": str(self.bin_dir),
            "sbin_dir": str(self.sbin_dir),
            "server_host": self.server_host,
        }
        values["executor"]["ready_timeout_s"] = self.ready_timeout_s
        values["http"]["host"] = self.http_host
        return values

    def _folder_of(self, command: str, kind: str) -> Path:
        if self.batch.kind == "builtin":
            return self.pbs_home / kind
        if self.batch.kind == "openpbs":  # TORQUE's commands, which may be there, have its names
            return Path("/opt/pbs") / kind
        found = shutil.which(command)
        if found:
            return Path(found).parent
        folders = [Path(prefix) / kind for prefix in _FURTHER_FOLDERS]
        return next((item for item in folders if (item / command).exists()), folders[0])


def keys(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[tuple[str, Any, str]]:
    """Every key that a file may have: its dotted name, its default, its description."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from keys(kind, f"{prefix}{name}.")
        else:
            yield (
                f"{prefix}{name}",
                field.get_default(call_default_factory=True),
                str(field.description),
            )
