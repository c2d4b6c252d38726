"""What `decide` takes and gives: a Snapshot, a Memory, and a Plan of actions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from torque_mesos.decide.budget import Spending
from torque_mesos.decide.reason import Reason
from torque_mesos.model import Agent, InverseOffer, Offer, Reading, Resources, Worker, frozen_map

_ROW = 100  # failed starts that are remembered


@dataclass(frozen=True, slots=True)
class Failures:
    """Failed starts of an agent in a row, until when it is left alone, and the last one's cause."""

    count: int
    until_s: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class Protection:
    """Starts that failed since one worked: their agents. Growth pauses when there are many.

    `pauses`: how often it did in a row, `until_s` the present one's end. `new`: there is a
    failure that was not judged yet. `failed_s`: when the last one was.
    """

    row: tuple[str, ...] = ()
    pauses: int = 0
    until_s: float = float("-inf")
    new: bool = False
    failed_s: float = float("-inf")


@dataclass(frozen=True, slots=True)
class Spare:
    """Slots of a node with jobs that could be given back, all of them since a time."""

    slots: int
    since_s: float


@dataclass(frozen=True, slots=True)
class Tries:
    """How often offers for a request were given back, as the rest did not come.

    No offer is kept for it until `until_s`, unless it is of a host that is not in `hosts` (each
    with the slots that it offered).
    """

    count: int
    until_s: float
    hosts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Memory:
    """What one turn tells the next. Losing it costs time, never a job.

    By node: when it was first seen idle, down, or without its agent, what of it is idle beside
    jobs, when its creation was last asked for, and np when its jobs began, where it was less.
    By executor id: when its end was asked for; by task id: when that of a single grant was. By
    job id: when its rerun was. By agent id: its failures. By the key of a request: its tries to
    get all its hosts.
    """

    idle_since: Mapping[str, float] = field(default_factory=frozen_map)
    spare: Mapping[str, Spare] = field(default_factory=frozen_map)
    down_since: Mapping[str, float] = field(default_factory=frozen_map)
    unseen_since: Mapping[str, float] = field(default_factory=frozen_map)
    killed_at: Mapping[str, float] = field(default_factory=frozen_map)
    created_at: Mapping[str, float] = field(default_factory=frozen_map)
    rerun_at: Mapping[str, float] = field(default_factory=frozen_map)
    failures: Mapping[str, Failures] = field(default_factory=frozen_map)
    tries: Mapping[str, Tries] = field(default_factory=frozen_map)
    np_at_start: Mapping[str, Mapping[str, int]] = field(default_factory=frozen_map)
    protection: Protection = Protection()
    woken_s: float = float("-inf")
    revived_for: frozenset[str] = frozenset()
    revived_s: float = float("-inf")
    spending: Spending = Spending()

    def with_failure(self, agent_id: str, now_s: float, why: str = "") -> Memory:
        """The same with one more failure of this agent: it is left alone for 5 s, then twice that.

        What fails while it is left alone was begun before, with what failed then: it does not
        count again.
        """
        before = self.failures.get(agent_id)
        if before is not None and now_s < before.until_s:
            return self
        count = before.count + 1 if before else 1
        until_s = now_s + min(600.0, 5.0 * 2 ** min(count - 1, 10))
        failures = {**self.failures, agent_id: Failures(count, until_s, why)}
        row = (*self.protection.row, agent_id)[-_ROW:]
        protection = replace(self.protection, row=row, new=True, failed_s=now_s)
        return replace(self, failures=frozen_map(failures), protection=protection)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that is known at the start of a turn.

    `reading` is None when the server could not be read; `fresh` is False when it is of an
    earlier turn. `mesos_ready`: subscribed, and every task of ours is in `workers`.
    `wall_s`: seconds since 1970, None where only `now_s` is known; `offset_s`: what the local
    clock is ahead of UTC now.
    """

    now_s: float
    reading: Reading | None
    fresh: bool
    mesos_ready: bool
    agents: tuple[Agent, ...] = ()
    offers: tuple[Offer, ...] = ()
    workers: tuple[Worker, ...] = ()
    suppressed: bool = False
    memory: Memory = Memory()
    wall_s: float | None = None
    offset_s: float = 0.0
    inverse_offers: tuple[InverseOffer, ...] = ()


@dataclass(frozen=True, slots=True)
class CreateNode:
    """Make a node record, with our mark."""

    name: str
    np: int
    properties: frozenset[str]
    note: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class DeleteNode:
    """Delete a parked record."""

    name: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class SetNp:
    """Set a node's number of slots, and that of its gpus (0: as it is)."""

    name: str
    np: int
    reason: Reason
    gpus: int = 0


@dataclass(frozen=True, slots=True)
class Offline:
    """Take a node out of scheduling, with a note that says why (None: leave its note)."""

    name: str
    note: str | None
    reason: Reason


@dataclass(frozen=True, slots=True)
class Online:
    """Give nodes to the batch scheduler, all in one step."""

    names: tuple[str, ...]
    reason: Reason


@dataclass(frozen=True, slots=True)
class Wake:
    """Ask the batch scheduler for a cycle."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Rerun:
    """Put a job back into its queue: its host or its mom is lost."""

    job_id: str
    name: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Part:
    """What one of the grants of a launch has."""

    slots: int
    resources: Resources


@dataclass(frozen=True, slots=True)
class Launch:
    """Take offers of one agent: start a mom there, with grants of `slots` together.

    `parts`: what each grant has of it; a further grant may be of memory or gpus only, without
    slots. `executor_id`: the running executor whose worker gets further grants; None: a new
    one.
    """

    name: str
    agent_id: str
    offer_ids: tuple[str, ...]
    slots: int
    resources: Resources
    reason: Reason
    parts: tuple[Part, ...]
    executor_id: str | None = None


@dataclass(frozen=True, slots=True)
class Kill:
    """End grants of a worker. With the last one its mom stops."""

    name: str
    agent_id: str
    task_ids: tuple[str, ...]
    reason: Reason


@dataclass(frozen=True, slots=True)
class Decline:
    """Decline offers; the same resources do not come back for `refuse_s`."""

    offer_ids: tuple[str, ...]
    refuse_s: float
    reason: Reason


@dataclass(frozen=True, slots=True)
class AcceptInverse:
    """Tell Mesos that agents may be maintained."""

    offer_ids: tuple[str, ...]
    reason: Reason


@dataclass(frozen=True, slots=True)
class Revive:
    """Ask Mesos for offers, to `roles` (none named: to all), and for none to `silent`."""

    reason: Reason
    roles: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Suppress:
    """Ask Mesos for no offers."""

    reason: Reason


Action = (
    CreateNode
    | DeleteNode
    | SetNp
    | Offline
    | Online
    | Wake
    | Rerun
    | Launch
    | Kill
    | Decline
    | AcceptInverse
    | Revive
    | Suppress
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, in this order, and why; and why each job waits and each node is as it is.

    `wants_fresh`: something was left undone because the reading was of an earlier turn.
    `again_s`: when a timer of this plan runs out and a new turn is due, if nothing happens
    before. `protected`: why no mom is started anywhere; None if one may be.
    """

    actions: tuple[Action, ...] = ()
    jobs: Mapping[str, Reason] = field(default_factory=frozen_map)
    nodes: Mapping[str, Reason] = field(default_factory=frozen_map)
    memory: Memory = Memory()
    wants_fresh: bool = False
    again_s: float | None = None
    protected: Reason | None = None
