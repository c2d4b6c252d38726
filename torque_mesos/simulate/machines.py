"""The hosts of a simulated cluster, from a file.

One line for each kind of host, fields by white space, `#` and `;` begin a comment::

    id  name  count  cpus  speed  memory_kb  [property ...]

Hosts are named NAME1 to NAMEcount. `speed` is read and not used. Each host has the
properties NAME, cl_NAME and nodecpusCPUS besides those of its line, as sites that publish
traces in this form name them. A word `KEY=VALUE` gives its agent that attribute (pools choose
agents by them), and its node the property VALUE; but `gpus=N` gives it so many gpus.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from torque_mesos.model import Resources, frozen_map


class FormatError(ValueError):
    """A file that is not as it should be. The text names file and line, and quotes it."""


@dataclass(frozen=True, slots=True)
class Machine:
    """One host: its name, what it has, and the words that requests may use for it."""

    name: str
    cpus: int
    mem_mb: float
    properties: frozenset[str] = frozenset()
    attributes: Mapping[str, str] = field(default_factory=frozen_map)
    gpus: int = 0

    @property
    def resources(self) -> Resources:
        """What its agent offers."""
        return Resources(float(self.cpus), self.mem_mb, self.gpus)

    def slots(self, slot: Resources) -> int:
        """How many slots it has."""
        return self.resources.slots(slot)

    def with_properties(self, words: frozenset[str]) -> Machine:
        """The same host with more properties."""
        return replace(self, properties=self.properties | words)


def read_machines(path: Path) -> tuple[Machine, ...]:
    """Read a file of machines.

    Raises:
        FormatError: a line cannot be read, a name comes twice, or there is none.
        OSError: the file cannot be read.
    """
    machines: dict[str, Machine] = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        text = line.split("#")[0].split(";")[0].strip()
        if not text:
            continue
        for machine in _row(text, f"{path.name}:{number}"):
            if machine.name in machines:
                raise FormatError(f"{path.name}:{number}: a second host {machine.name}")
            machines[machine.name] = machine
    if not machines:
        raise FormatError(f"{path.name}: no machine in it")
    return tuple(machines.values())


def _row(text: str, where: str) -> list[Machine]:
    fields = text.split()
    try:
        name, count, cpus, memory_kb = fields[1], int(fields[2]), int(fields[3]), int(fields[5])
    except (IndexError, ValueError):
        raise FormatError(
            f"{where}: {text!r} is not `id name count cpus speed memory_kb [property ...]`"
        ) from None
    if count < 1 or cpus < 1 or memory_kb < 1:
        raise FormatError(f"{where}: {text!r}: count, cpus and memory must be positive")
    pairs = [word.partition("=") for word in fields[6:]]
    if any(equals and not (key and value) for key, equals, value in pairs):
        raise FormatError(f"{where}: {text!r}: an attribute is KEY=VALUE")
    gpus = [value for key, equals, value in pairs if equals and key == "gpus"]
    if any(not value.isdecimal() for value in gpus):
        raise FormatError(f"{where}: {text!r}: gpus={gpus[0]} is no number")
    pairs = [pair for pair in pairs if pair[0] != "gpus" or not pair[1]]
    attributes = frozen_map({key: value for key, equals, value in pairs if equals})
    own = {value if equals else key for key, equals, value in pairs}
    words = frozenset({name, f"cl_{name}", f"nodecpus{cpus}", *own})
    names = (f"{name}{number}" for number in range(1, count + 1))
    mem_mb, many = memory_kb / 1024, int(gpus[0]) if gpus else 0
    return [Machine(each, cpus, mem_mb, words, attributes, many) for each in names]
