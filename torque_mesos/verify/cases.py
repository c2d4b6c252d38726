"""The jobs that are submitted, and what each of them must print."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from torque_mesos.decide.worker import CAPACITY_NOTE, own_note
from torque_mesos.model import Node

SLOTS_MOST = 4  # of the job of many slots, where nobody says how many
_WALLTIME = "walltime=00:10:00"
_SCRIPT = """\
#!/bin/sh
say() {{ echo "{token} $*"; }}
say begin
say user "$(id -un)"
while read -r node; do say slot "$node"; done < "$PBS_NODEFILE"
{everywhere}
say end
say error >&2
exit {exit_status}
"""

# The server's host has it where its commands are, an agent maybe elsewhere.
_EVERYWHERE = """\
pbsdsh={pbsdsh}; [ -x "$pbsdsh" ] || pbsdsh=pbsdsh
"$pbsdsh" /bin/echo {token} task"""


@dataclass(frozen=True, slots=True)
class Case:
    """A job of `slots` slots on each of `hosts` hosts, which ends with `exit_status`."""

    name: str
    hosts: int
    slots: int
    exit_status: int = 0
    node_property: str = ""

    @property
    def request(self) -> str:
        """As `qsub -l` takes it."""
        nodes = f"nodes={self.hosts}:ppn={self.slots}"
        return f"{nodes}{f':{self.node_property}' if self.node_property else ''},{_WALLTIME}"

    def script(self, token: str, pbsdsh: str) -> str:
        """The job. Each line that it prints begins with `token`, so that others' do not count."""
        run = _EVERYWHERE.format(pbsdsh=shlex.quote(pbsdsh), token=token) if self.hosts > 1 else ""
        return _SCRIPT.format(token=token, everywhere=run, exit_status=self.exit_status)


@dataclass(frozen=True, slots=True)
class Choice:
    """The jobs to submit, and a sentence for each kind that cannot be."""

    cases: tuple[Case, ...]
    left_out: tuple[tuple[str, str], ...]


def ours(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """The node records of the framework, without the one that keeps jobs feasible."""
    return tuple(node for node in nodes if own_note(node.note) not in ("", CAPACITY_NOTE))


def choose(
    nodes: Sequence[Node], expect_nodes: int | None, properties: Sequence[str] = ()
) -> Choice:
    """The jobs for a cluster with these node records.

    `expect_nodes`: how many hosts the job of several hosts gets; None: two, if there are two.
    `properties` of the framework's nodes: asked for where there are nodes of others, too.
    """
    own = ours(nodes)
    sizes = sorted((node.np for node in own), reverse=True)
    foreign = any(not own_note(node.note) for node in nodes)
    word = properties[0] if foreign and properties else ""
    hosts = expect_nodes if expect_nodes is not None else min(2, len(own))
    cases = [Case("one", 1, 1, exit_status=7, node_property=word)]
    left_out = []
    if sizes and sizes[0] > 1:
        cases.append(Case("many", 1, min(SLOTS_MOST, sizes[0]), node_property=word))
    else:
        left_out.append(("many", "no node record has more than one slot"))
    if hosts > 1:
        fits = sizes[hosts - 1] if len(sizes) >= hosts else 1
        cases.append(Case("hosts", hosts, min(SLOTS_MOST, fits), node_property=word))
    else:
        left_out.append(("hosts", "only one host is there, or expected"))
    return Choice(tuple(cases), tuple(left_out))
