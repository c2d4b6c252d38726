"""What OpenPBS answers, recorded and made up."""

from __future__ import annotations

from tests.batch.recorded import recorded as recorded_of
from tests.batch.recorded import said
from torque_mesos.batch.commands import Answer

WAKE = ("qmgr", "-c", "set server scheduling=True")
PARKED = "torque-mesos:parked"
NOTE = f'comment="{PARKED}",resources_available.torque_mesos="{PARKED}"'


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def recorded(name: str) -> Answer:
    """The recorded answer of that name."""
    return recorded_of(name, "openpbs")


def node_list(**states: str) -> Answer:
    """What pbsnodes says of nodes in these states."""
    nodes = ",".join(f'"{name}":{{"state":"{state}"}}' for name, state in states.items())
    return said(stdout=f'{{"pbs_server":"head","nodes":{{{nodes}}}}}')
