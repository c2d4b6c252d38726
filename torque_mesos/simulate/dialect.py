"""Requests of traces in the words of TORQUE's `-l nodes=`.

Some sites write more than that grammar has. What is read here besides it:

- `ppn=1.5`: a share of a slot; the next whole number is taken.
- `^NAME`: not on that host or property; every other host gets a property `not.NAME`.
- `host=NAME`, and names with a domain: the host of that name.
- `#excl` and `#shared` at the end: left out (a property of every host, to TORQUE).
- `mem=3gb` within a part: left out; slots are what is simulated.
- words that no machine has: all machines get them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from torque_mesos.simulate.machines import FormatError, Machine


class Dialect:
    """Translates requests, and gathers what the machines must be called for them."""

    def __init__(self, machines: Sequence[Machine]) -> None:
        self._machines = machines
        self._hosts = {machine.name for machine in machines}
        self._known = frozenset().union(*(machine.properties for machine in machines))
        self._largest = max(machine.cpus for machine in machines)
        self._avoided: set[str] = set()
        self._words: set[str] = set()
        self._counts: Counter[str] = Counter()
        self._cache: dict[str, str] = {}

    def translate(self, text: str) -> str:
        """A request in TORQUE's own words. Raises FormatError where it makes no sense."""
        if text not in self._cache:
            specification, *suffixes = text.split("#")
            parts = [self._part(part) for part in specification.split("+")]
            kept = [suffix for suffix in suffixes if suffix not in ("excl", "shared")]
            self._cache[text] = "#".join(["+".join(parts), *kept])
        return self._cache[text]

    def spread(self, processors: int) -> str:
        """A request for so many processors on as few hosts as can hold them."""
        if processors < 1:
            raise FormatError(f"{processors} processors")
        hosts = math.ceil(processors / self._largest)
        each, more = divmod(processors, hosts)
        if not more:
            return f"{hosts}:ppn={each}"
        return f"{more}:ppn={each + 1}+{hosts - more}:ppn={each}"

    def _part(self, part: str) -> str:
        words = []
        for index, word in enumerate(part.split(":")):
            if index == 0 and word.isascii() and word.isdigit():
                words.append(word)
                continue
            key, equals, value = word.partition("=")
            if equals and key == "ppn":
                words.append(f"ppn={self._slots(value)}")
            elif equals and key in ("mem", "pmem", "vmem", "pvmem"):
                self._counts["memory of a part left out"] += 1
            elif equals and key == "host":
                words.append(self._name(value))
            elif equals:
                raise FormatError(f"{part!r}: {word!r} is not known")
            elif word.startswith("^"):
                words.append(self._avoid(self._name(word[1:])))
            else:
                words.append(self._name(word))
        return ":".join(dict.fromkeys(words)) or "1"

    def _slots(self, value: str) -> int:
        try:
            number = float(value)
        except ValueError:
            raise FormatError(f"ppn={value!r} is no number") from None
        if not 0 < number < 1e6:
            raise FormatError(f"ppn={value!r} is no number of slots")
        if number != int(number):
            self._counts["a broken ppn rounded up"] += 1
        return math.ceil(number)

    def _name(self, word: str) -> str:
        """A host where the word, or its part before the first dot, is one; else a property."""
        for name in (word, word.partition(".")[0]):
            if name in self._hosts:
                return name
        if word not in self._known:
            self._words.add(word)
        return word

    def _avoid(self, name: str) -> str:
        self._avoided.add(name)
        return f"not.{name}"

    def machines(self) -> tuple[Machine, ...]:
        """The machines with all the words that the translated requests use for them."""
        found = []
        for machine in self._machines:
            has = machine.properties | {machine.name} | self._words
            others = {f"not.{name}" for name in self._avoided if name not in has}
            found.append(machine.with_properties(frozenset(self._words | others)))
        return tuple(found)

    def notes(self) -> tuple[str, ...]:
        """What was read otherwise than it was written."""
        notes = [f"{what}: {count} requests" for what, count in sorted(self._counts.items())]
        if self._words:
            notes.append(f"all machines are taken to have: {', '.join(sorted(self._words))}")
        return tuple(notes)
