"""The settings of pools, of schedules, and of what resources cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from torque_mesos.config.checks import attribute_name, days_of_week, pool_name, time_of_day
from torque_mesos.config.kinds import (
    Count,
    Model,
    NotNegative,
    Positive,
    Properties,
    Role,
    Texts,
)
from torque_mesos.config.sections import SafeAllocation
from torque_mesos.decide.pool import Budget, Limit, Pool, Schedule, Share

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


PoolName = Annotated[str, AfterValidator(pool_name)]
Patterns = Annotated[Texts, BeforeValidator(_listed)]
Attribute = Annotated[str, AfterValidator(attribute_name)]


class ScheduleSettings(Model):
    """A floor at some times of some days, by the local clock."""

    days: Annotated[str, AfterValidator(days_of_week)] = Field(
        default="daily", description="`mon-fri`, `sat,sun`, `daily`"
    )
    begin: Annotated[str, AfterValidator(time_of_day)] = Field(description="`07:30`")
    end: Annotated[str, AfterValidator(time_of_day)] = Field(
        description="`09:00`; not after `begin`: of the next day"
    )
    slots: Count = Field(description="the floor then")

    def schedule(self) -> Schedule:
        """What `decide` is told."""
        return Schedule(days_of(self.days), _second(self.begin), _second(self.end), self.slots)


Schedules = Annotated[tuple[ScheduleSettings, ...], Field(strict=False)]


class Cost(Model):
    """What resources cost, in a unit of your own, and what may be spent."""

    per_cpu_hour: NotNegative = Field(default=0.0, description="price of a cpu for an hour")
    budget_per_day: Positive | None = Field(
        default=None, description="what may be spent in a local day"
    )
    budget_per_month: Positive | None = Field(default=None, description="the same, a local month")
    ahead_s: Positive = Field(
        default=3600.0,
        description="how long what is held is taken to be held, and a job without a wall time "
        "to last, when a budget is looked at",
    )

    def budget(self) -> Budget:
        """What `decide` is told."""
        return Budget(self.budget_per_day, self.budget_per_month)


class PoolSettings(Model):
    """Which jobs and agents belong together, and what the pool may hold; its name is yours."""

    queues: Patterns = Field(default=(), description="queues whose jobs are of this pool")
    accounts: Patterns = Field(default=(), description="the same, accounts (`qsub -A`)")
    users: Patterns = Field(default=(), description="the same, users")
    groups: Patterns = Field(default=(), description="the same, groups")
    attributes: Mapping[Attribute, Patterns] = Field(
        default_factory=dict, description='the agents that serve it, as `{kind = "gpu*"}`'
    )
    node_properties: Properties = Field(
        default=(), description="further properties of its nodes, for queues to ask for"
    )
    role: Role | None = Field(
        default=None, description="the role that its resources are taken for; default: `mesos.role`"
    )
    min_slots_held: Count = Field(default=0, description="its floor")
    reserve_slots: Count = Field(default=0, description="its free slots ahead of jobs")
    schedules: Schedules = Field(default=(), description="its floors by the clock")
    per_cpu_hour: NotNegative | None = Field(
        default=None, description="its price; default: `cost.per_cpu_hour`"
    )
    budget_per_day: Positive | None = Field(default=None, description="its budget of a day")
    budget_per_month: Positive | None = Field(default=None, description="the same, of a month")
    safe_allocation: SafeAllocation = Field(
        default_factory=SafeAllocation, description="its limit, with `nodes`, `cpus`, ..."
    )

    @property
    def fallback(self) -> bool:
        """Whether it takes what no other pool takes."""
        return not (self.queues or self.accounts or self.users or self.groups)

    def pool(self, name: str) -> Pool:
        """What `decide` is told."""
        return Pool(
            name=name,
            queues=self.queues,
            accounts=self.accounts,
            users=self.users,
            groups=self.groups,
            attributes=tuple(self.attributes.items()),
            properties=self.node_properties,
            share=Share(
                limit=limit(self.safe_allocation),
                floor_slots=self.min_slots_held,
                reserve_slots=self.reserve_slots,
                schedules=tuple(item.schedule() for item in self.schedules),
                budget=Budget(self.budget_per_day, self.budget_per_month),
            ),
            price=self.per_cpu_hour,
            role=self.role,
        )


def limit(settings: SafeAllocation) -> Limit:
    """What `decide` is told of a limit."""
    return Limit(settings.nodes, settings.cpus, settings.mem_mb, settings.gpus)


def days_of(text: str) -> frozenset[int]:
    """The days (Monday is 0) of `mon-fri,sun`. A range may go over the end of the week."""
    if text == "daily":
        return frozenset(range(7))
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        begin = _DAYS.index(first)
        length = (_DAYS.index(last or first) - begin) % 7
        found.update((begin + more) % 7 for more in range(length + 1))
    return frozenset(found)


def _second(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 3600 + int(minutes) * 60
