"""Why: the closed list of reasons that every decision carries."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from torque_mesos.model import frozen_map


class Code(enum.Enum):
    """A reason's code. Values are what `--json` prints; they do not change."""

    # jobs
    RUNS_SOON = "runs-soon"
    STARTING_NODES = "starting-nodes"
    WAITING_FOR_OFFERS = "waiting-for-offers"
    AT_LIMIT = "at-limit"
    POOL_LIMIT = "pool-limit"
    BUDGET = "budget"
    NEVER_TOO_LARGE = "never-too-large"
    NEVER_OVER_LIMIT = "never-over-limit"
    NEVER_NO_SUCH_NODE = "never-no-such-node"
    MALFORMED = "malformed"
    HELD = "held"
    DEPENDENT = "dependent"
    ARRAY_LIMIT = "array-limit"
    START_TIME = "start-time"
    RUN_LIMIT = "run-limit"
    BEHIND_ANOTHER = "behind-another"
    NOT_STARTABLE = "not-startable"
    QUEUE_STOPPED = "queue-stopped"
    QUEUE_NOT_WATCHED = "queue-not-watched"
    NO_AGENTS = "no-agents"
    # nodes and workers
    NEW_AGENT = "new-agent"
    BAD_NAME = "bad-name"
    KEEPS_JOBS_FEASIBLE = "keeps-jobs-feasible"
    NOTHING_RUNS_HERE = "nothing-runs-here"
    FULL_SIZE = "full-size"
    AS_GRANTED = "as-granted"
    JOB_WANTS = "job-wants"
    FLOOR = "floor"
    READY = "ready"
    IDLE = "idle"
    SPARE = "spare"
    MAKES_ROOM = "makes-room"
    DRAINED = "drained"
    LATE = "late"
    SILENT = "silent"
    OLD_GENERATION = "old-generation"
    MAINTENANCE = "maintenance"
    MOM_LOST = "mom-lost"
    HOST_LOST = "host-lost"
    AGENT_GONE = "agent-gone"
    NO_DEMAND = "no-demand"
    IN_USE = "in-use"
    REGISTERING = "registering"
    SIDELINED = "sidelined"
    MOM_DOWN = "mom-down"
    AGENT_AWAY = "agent-away"
    # offers
    NOTHING_WANTED = "nothing-wanted"
    TOO_SMALL = "too-small"
    ALREADY_HELD = "already-held"
    NOT_PARKED = "not-parked"
    BACKED_OFF = "backed-off"
    PROTECTED = "protected"
    NOT_OURS = "not-ours"
    NO_POOL = "no-pool"
    OTHER_ROLE = "other-role"
    INCOMPLETE = "incomplete"
    NOT_CONNECTED = "not-connected"
    SERVER_UNREADABLE = "server-unreadable"


HOPELESS = frozenset(
    {Code.NEVER_TOO_LARGE, Code.NEVER_OVER_LIMIT, Code.NEVER_NO_SUCH_NODE, Code.MALFORMED}
)
"""Of jobs that will not run as things are: somebody has to be told."""

HOLD_MARK = "Held: "
"""How the comment begins of a job that the framework has put a hold on."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A code, one sentence for a person, and the figures in it."""

    code: Code
    text: str
    numbers: Mapping[str, float] = field(default_factory=frozen_map)

    def __str__(self) -> str:
        return self.text


_NO_NUMBERS: Mapping[str, float] = frozen_map()


def because(code: Code, text: str, **numbers: float) -> Reason:
    """A reason."""
    return Reason(code, text, frozen_map(numbers) if numbers else _NO_NUMBERS)


def counted(many: float, what: str) -> str:
    """`1 slot`, `2 slots`."""
    return f"{many:g} {what}" if many == 1 else f"{many:g} {what}s"
