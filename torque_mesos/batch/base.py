"""What torque-mesos needs of a batch server: one Protocol, and its errors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torque_mesos.model import Reading


class BatchError(Exception):
    """A batch server did not do what it was asked. Nothing may be concluded from it."""


class ServerUnreachable(BatchError):
    """The server (or its authentication daemon) does not answer."""


class UnreadableAnswer(BatchError):
    """The server answered, but not in its own language; the text is quoted."""


class Refused(BatchError):
    """The server answered with an error: an unknown node, a missing right, ..."""


class InvalidName(BatchError, ValueError):
    """A host name, property, note or job id that must not get near the server."""


@dataclass(frozen=True, slots=True)
class NewNode:
    """A node record to be made. The note is the mark and is set by the same command."""

    name: str
    np: int
    properties: frozenset[str] = frozenset()
    note: str = ""
    mom_service_port: int | None = None
    mom_manager_port: int | None = None
    gpus: int = 0


@dataclass(frozen=True, slots=True)
class Traits:
    """How a server differs from the others, as far as decisions need to know it.

    `capacity_record`: the name of a record that keeps jobs feasible, None where the
    server accepts jobs of any size. `parking`: whether a parked record starts faster
    than a created one.
    """

    capacity_record: str | None = None
    parking: bool = True


@runtime_checkable
class Hears(Protocol):
    """A server that reads less while nobody tells of changes."""

    def changed(self) -> None:
        """Something may have changed. For any thread; does nothing but note it."""

    def renew(self) -> None:
        """The next reading is of everything anew, as after a change of one's own. Notes it, too."""


class BatchServer(Protocol):
    """A running batch server. Every method raises `BatchError` (see its subclasses).

    A method that changes several nodes tries them all, then raises `Refused` naming
    those that failed. Doing again what is done already is not an error.
    """

    @property
    def traits(self) -> Traits:
        """What is special about this kind of server."""

    def read(self) -> Reading:
        """Read all jobs (sub-jobs of arrays apart), nodes and queues."""

    def prepare(self, queues: Sequence[str], max_slots: int) -> None:
        """Set what an elastic cluster needs of the server, once at start."""

    def create_nodes(self, nodes: Sequence[NewNode]) -> None:
        """Create node records, mark included."""

    def delete_node(self, name: str) -> None:
        """Delete a record that has no jobs. (TORQUE: 2 s; it can destroy jobs if it has.)"""

    def set_np(self, name: str, np: int, gpus: int = 0) -> None:
        """Set the number of slots of a node, and that of its gpus (0: as it is)."""

    def set_offline(self, names: Iterable[str], note: str | None) -> None:
        """Take nodes out of scheduling and set their note (None: as it is); their jobs go on."""

    def set_online(self, names: Iterable[str], note: str) -> None:
        """Give nodes to the scheduler, all in one step, and set their note."""

    def wake_scheduler(self) -> None:
        """Ask for a scheduling cycle now."""

    def rerun(self, job_id: str) -> None:
        """Put a job whose node is lost back into its queue, without asking its mom."""
