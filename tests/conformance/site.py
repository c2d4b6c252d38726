"""Where the suite's commands run: TORQUE's own, or the built-in server's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from tests.conformance.transcript import Answer
from tests.waiting import wait_for

QUEUE = (
    "create queue batch queue_type=execution",
    "set queue batch started=true",
    "set queue batch enabled=true",
    "set queue batch resources_default.nodes=1",
    "set queue batch resources_default.walltime=3600",
    "set server default_queue=batch",
    "set server keep_completed=60",
    "set server log_level=2",
    "set server scheduling=true",
    "set server managers = root@head",
    "set server managers += mgruser@head",
    "set server operators = root@head",
)
SCRIPT = "#!/bin/bash\n#PBS -S /bin/bash\nsleep ${SLP:-5}\n"
PATIENCE_S = 120.0


class Site(Protocol):
    """A server on the host `head`, and hosts n1, n2, ... that a mom can be started on.

    Accounts are root, the manager `mgruser` and the ordinary user `batchuser`, by those
    names in commands and answers, whoever they are. Commands run in a folder of
    `batchuser`'s with the script `j/sleep.sh` in it. `/var/spool/torque/server_priv` and
    `/var/spool/torque/mom_priv` are the daemons' folders, wherever they are.
    """

    kind: str
    """`builtin` or `torque`."""

    has_roles: bool
    """Whether there are several accounts; else all run as one, who may do everything."""

    def fresh(self, slow: bool = False) -> None:
        """A new server and scheduler; no nodes, no jobs, no moms.

        With `slow` its delays are long enough for what passes meanwhile to be seen.
        """

    def run(self, argv: Sequence[str], who: str = "root", host: str = "head") -> Answer:
        """What a command says, in neutral names. `who`: root, manager or user."""

    def start_mom(self, node: str) -> None:
        """Start a mom that reports every 5 s, without scripts of its own."""

    def put(self, node: str, name: str, text: str, mode: str) -> None:
        """Write a file into a mom's `mom_priv`, root's, with that mode (octal)."""

    def kill_mom(self, node: str) -> None:
        """Kill a mom (its jobs' processes live on)."""

    def stop_server(self) -> None:
        """Kill pbs_server with signal 9."""

    def server_ended(self) -> None:
        """Wait until a server that was told to end has ended."""

    def start_server(self) -> None:
        """Start it again, and wait until it answers."""

    def stop_authority(self) -> bool:
        """Stop trqauthd; False where there is no such daemon."""

    def start_authority(self) -> None:
        """Start trqauthd again."""

    def close(self) -> None:
        """End all that was started."""


def until(condition: Callable[[], object], what: str, timeout_s: float = PATIENCE_S) -> None:
    """Wait until `condition` gives something true. Raises AssertionError."""
    wait_for(condition, timeout_s, what)


def qmgr(site: Site, *commands: str) -> None:
    """Commands of qmgr, as root, that must succeed. Raises AssertionError."""
    for command in commands:
        answer = site.run(["qmgr", "-c", command])
        assert answer.code == 0, (command, answer)


def states(site: Site) -> dict[str, set[str]]:
    """The words of every node's state."""
    text = site.run(["pbsnodes"]).out
    found: dict[str, set[str]] = {}
    name = ""
    for line in text.splitlines():
        if line and not line.startswith(" "):
            name = line
        elif line.strip().startswith("state = "):
            found[name] = set(line.partition(" = ")[2].split(","))
    return found


def nodes(site: Site, *names: str, np: int = 2, properties: str = "") -> None:
    """Nodes with moms, all free.

    First all records, then the moms: each is told of its sisters when it starts, and one
    that does not know them refuses their part in its jobs.
    """
    more = f",properties={properties}" if properties else ""
    for name in names:
        qmgr(site, f"create node {name} np={np}{more}")
    for name in names:
        site.start_mom(name)
    until(lambda: all(states(site)[name] == {"free"} for name in names), f"{names} are free")


def records(site: Site, *names: str, np: int = 2) -> None:
    """Nodes without moms, down."""
    for name in names:
        qmgr(site, f"create node {name} np={np}")
    until(lambda: all(states(site)[name] == {"down"} for name in names), f"{names} are down")


def submit(site: Site, *options: str) -> str:
    """A job of `batchuser`'s; its id."""
    answer = site.run(["qsub", *options, "j/sleep.sh"], "user")
    assert answer.code == 0, answer
    return answer.out.strip()


def attribute(site: Site, job: str, name: str) -> str:
    """An attribute of a job from `qstat -f`, empty where it has none or is gone."""
    for line in site.run(["qstat", "-f", job]).out.splitlines():
        key, equals, value = line.strip().partition(" = ")
        if equals and key == name:
            return value
    return ""


def reaches(site: Site, job: str, state: str, timeout_s: float = PATIENCE_S) -> None:
    """Wait until a job is in a state (one letter)."""
    until(lambda: attribute(site, job, "job_state") == state, f"{job} is {state}", timeout_s)
