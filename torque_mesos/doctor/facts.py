"""What is known of a host, as values. None means: could not be learned, or is not asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from torque_mesos.batch.maui.program import Tables

Side = Literal["server", "agent"]
Kind = Literal["torque", "openpbs", "builtin"]


@dataclass(frozen=True, slots=True)
class Name:
    """A name that must resolve here. `addresses` is empty if it does not.

    `whose`: for a message, as in `the batch server`. `expected`: the address that it has
    elsewhere. `back`: the name that its address resolves to.
    """

    name: str
    whose: str
    addresses: tuple[str, ...]
    expected: str | None = None
    back: str | None = None
    own: bool = False


@dataclass(frozen=True, slots=True)
class Port:
    """A TCP port of this host. `holder`: the program that listens there, None if nobody does.

    `by`: the program that should (an empty text: nobody, it must be free for a mom).
    """

    number: int
    by: str
    holder: str | None


@dataclass(frozen=True, slots=True)
class Reach:
    """A port elsewhere. `error` is empty if a connection came about."""

    host: str
    port: int
    what: str
    error: str


@dataclass(frozen=True, slots=True)
class Socket:
    """trqauthd's socket: whether it is there, whether it takes a connection, whether it runs."""

    path: str
    there: bool
    error: str
    running: bool


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder with its mode; None where it is not there.

    `wanted`: the mode that is right. `exactly`: more bits, or fewer, are wrong; else only
    what group and others may write. `chain`: folders above it that anybody may write to.
    """

    path: str
    mode: int | None
    uid: int | None
    wanted: int
    exactly: bool = False
    chain: tuple[str, ...] = ()
    sandbox: bool = False


@dataclass(frozen=True, slots=True)
class Clock:
    """By how much a clock elsewhere is ahead of ours, and how sure that is."""

    whose: str
    ahead_s: float
    sure_s: float


@dataclass(frozen=True, slots=True)
class Versions:
    """pbs_mom's version here and the server's; `problem` where pbs_mom does not run."""

    mom: str | None
    server: str | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class User:
    """An account. `uid` is None where there is none; `home`: whether its home is there."""

    name: str
    uid: int | None
    gid: int | None = None
    home: bool = False


@dataclass(frozen=True, slots=True)
class Disk:
    """A file system. `files_free`: None where there is no limit."""

    path: str
    free_mb: float
    total_mb: float
    files_free: int | None


@dataclass(frozen=True, slots=True)
class Mom:
    """A pbs_mom that runs here, by the name it tells the server (`-H`, or the host's)."""

    pid: int
    name: str


@dataclass(frozen=True, slots=True)
class Counts:
    """What Maui has limits for."""

    nodes: int
    jobs: int
    queues: int
    properties: int


@dataclass(frozen=True, slots=True)
class Maui:
    """Maui on the server's host. `values`: of its `config`, None where that cannot be read.

    `error`: what its commands said, if it did not answer; `tables`: None where its program
    does not tell; `deferred`: the jobs that it put aside.
    """

    config: str
    running: bool = True
    error: str = ""
    other_key: bool = False
    tables: Tables | None = None
    values: Mapping[str, str] | None = None
    deferred: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PbsSched:
    """pbs_sched's settings by name, None where they cannot be read."""

    config: str
    values: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class Munge:
    """`error` is empty if a credential could be made and read."""

    installed: bool
    needed: bool
    error: str


@dataclass(frozen=True, slots=True)
class Facts:
    """All of one host. `strangers`: moms by another name than their records, by the server's log.

    `others`: accounts of other hosts, by host. `records`: the node records of the server.
    """

    side: Side
    kind: Kind
    host: str
    names: tuple[Name, ...] = ()
    agent_name: str | None = None
    server_error: str = ""
    ports: tuple[Port, ...] = ()
    reaches: tuple[Reach, ...] = ()
    trqauthd: Socket | None = None
    folders: tuple[Folder, ...] = ()
    mom_hierarchy: str | None = None
    clocks: tuple[Clock, ...] = ()
    versions: Versions | None = None
    users: tuple[User, ...] = ()
    others: tuple[tuple[str, tuple[User, ...]], ...] = ()
    moms: tuple[Mom, ...] = ()
    strangers: tuple[tuple[str, str], ...] = ()
    records: frozenset[str] | None = None
    maui: Maui | None = None
    pbs_sched: PbsSched | None = None
    counts: Counts | None = None
    disks: tuple[Disk, ...] = ()
    munge: Munge | None = None
    python: str | None = field(default=None)
