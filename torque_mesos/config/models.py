"""All settings, as one frozen model. `sources.load` makes it from a file and variables."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, get_args, get_origin

from pydantic import BaseModel, Field, model_validator

from torque_mesos.config.address import own_address, own_name
from torque_mesos.config.checks import is_pattern
from torque_mesos.config.crosscheck import CrossError, cross_problems
from torque_mesos.config.kinds import (
    DAY_S,
    AbsolutePath,
    Attributes,
    Count,
    Model,
    NotNegative,
    Positive,
    Properties,
    Texts,
)
from torque_mesos.config.pools import Cost, PoolName, PoolSettings, Schedules, limit
from torque_mesos.config.sections import Amount, Batch, Executor, Http, Mesos, Names, SafeAllocation
from torque_mesos.model import Resources

if TYPE_CHECKING:
    from torque_mesos.decide import Policy
    from torque_mesos.mesos.credentials import Credentials

_FURTHER_FOLDERS = ("/usr/local", "/opt/torque", "/usr")


class Settings(Model):
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
    reserve_slots: Count = Field(
        default=0, description="slots kept free ahead of jobs, so that the next ones start at once"
    )
    schedules: Schedules = Field(
        default=(),
        description='floors by the local clock, as `[{days = "mon-fri", begin = "07:30", '
        'end = "09:00", slots = 16}]`',
    )
    queues: Texts = Field(
        default=("*",), description="the queues whose jobs count; `*` and `?` as in the shell"
    )
    grace_s: NotNegative = Field(default=2.0, description="how long an idle node is kept")
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
    names: Names = Field(default_factory=Names)
    cost: Cost = Field(default_factory=Cost)
    pools: Mapping[PoolName, PoolSettings] = Field(
        default_factory=dict,
        description="jobs and agents that belong together; the first pool that fits takes them",
    )

    @model_validator(mode="after")
    def _keys_fit(self) -> Self:
        problems = tuple(cross_problems(self))
        if problems:
            raise CrossError(problems)
        return self

    # --- what is used where a key is None ------------------------------------------

    @property
    def named_queues(self) -> tuple[str, ...]:
        """The queues that count by their names, not by patterns."""
        return tuple(queue for queue in self.queues if not is_pattern(queue))

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
        from torque_mesos.decide import Policy

        return Policy(
            slot=self.slot,
            floor_slots=self.min_slots_held,
            limit=limit(self.safe_allocation),
            queues=self.queues,
            properties=self.node_properties,
            attribute_properties=self.attribute_properties,
            generation=generation,
            gpus=self.mesos.gpus,
            park=self.park,
            grace_s=self.grace_s,
            offer_hold_s=self.offer_hold_s,
            start_timeout_s=self.start_timeout_s,
            dead_after_s=self.dead_after_s,
            forget_after_s=self.forget_after_s,
            capacity_record=capacity_record,
            pools=tuple(pool.pool(name) for name, pool in self.pools.items()),
            reserve_slots=self.reserve_slots,
            schedules=tuple(item.schedule() for item in self.schedules),
            price=self.cost.per_cpu_hour,
            budget=self.cost.budget(),
            budget_ahead_s=self.cost.ahead_s,
            role=self.mesos.role,
        )

    @property
    def roles(self) -> tuple[str, ...]:
        """Every role that resources are taken for."""
        own = [pool.role for pool in self.pools.values() if pool.role is not None]
        return tuple(dict.fromkeys((self.mesos.role, *own)))

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
        elif (named := _model_by_name(kind)) is not None:
            yield from keys(named, f"{prefix}{name}.NAME.")
        else:
            yield (
                f"{prefix}{name}",
                field.get_default(call_default_factory=True),
                str(field.description),
            )


def _model_by_name(annotation: Any) -> type[BaseModel] | None:
    """The model of a section's parts that have names of the user's own."""
    kind = get_args(annotation)[-1] if get_origin(annotation) is Mapping else None
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
