"""Making node records of OpenPBS: many names in one command, and nothing left of a failure.

A `create node` that fails because of a resource leaves a ghost: a record of which a second
try says that it "already exists". It is deleted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from torque_mesos.batch import names
from torque_mesos.batch.base import InvalidName, NewNode, Refused
from torque_mesos.batch.commands import Answer
from torque_mesos.batch.counts import port, slots
from torque_mesos.batch.openpbs_commands import (
    NAMES_A_CALL,
    UNKNOWN_RESOURCE,
    OpenPbsCalls,
    accepted,
    complaints,
)
from torque_mesos.batch.openpbs_nodes import NOTE_RESOURCE
from torque_mesos.batch.openpbs_resources import resource_name
from torque_mesos.batch.openpbs_settings import OpenPbsSettings

_EXISTS = "already exists"
_GHOSTLY = "Unknown resource"
_DEFAULT_PORT = 15002


def note_attributes(note: str) -> str:
    """A note, as `set node` takes it. Raises InvalidName."""
    text = names.note_text(note)
    return f'comment="{text}",resources_available.{NOTE_RESOURCE}="{text}"'


def size_attributes(np: int, gpus: int) -> str:
    """Numbers of cpus and gpus (none if 0), as `set node` takes them. Raises Refused."""
    cpus = f"resources_available.ncpus={slots(np)}"
    return f"{cpus},resources_available.ngpus={slots(gpus)}" if gpus else cpus


class RecordMaker:
    """Makes node records.

    `created` is called before and after each command that makes some: what the server says of
    nodes around it is not true.
    """

    def __init__(
        self, calls: OpenPbsCalls, settings: OpenPbsSettings, created: Callable[[], None]
    ) -> None:
        self._calls = calls
        self._settings = settings
        self._created = created

    def make(self, nodes: Sequence[NewNode]) -> None:
        """See `BatchServer.create_nodes`."""
        failed: list[str] = []
        alike: dict[str, list[NewNode]] = defaultdict(list)
        for node in nodes:
            try:
                names.host_name(node.name)
                for name in node.properties:
                    resource_name(name)
                alike[self._attributes(node)].append(node)
            except (InvalidName, Refused) as error:
                failed.append(str(error))
        made: dict[str, NewNode] = {}
        for attributes, group in alike.items():
            for start in range(0, len(group), NAMES_A_CALL):
                some = {node.name: node for node in group[start : start + NAMES_A_CALL]}
                created, complained = self._create(list(some), attributes)
                made |= {name: some[name] for name in created}
                failed += complained
        failed += self._give_properties(made)
        if failed:
            raise Refused("; ".join(failed))

    def _create(self, wanted: list[str], attributes: str) -> tuple[list[str], list[str]]:
        """Make records that are alike: the names that were made, and what failed."""
        answer = self._create_once(wanted, attributes)
        if answer.exit_code == UNKNOWN_RESOURCE:
            self._calls.make_resource(NOTE_RESOURCE, "string")
            self._delete_ghosts(answer, wanted)
            answer = self._create_once(wanted, attributes)
        complained = {item.name: item.text for item in complaints(answer) if item.name in wanted}
        if not complained:
            accepted(answer)
        self._delete_ghosts(answer, wanted)
        failed = [
            f"{name}: {text}" for name, text in complained.items() if not text.endswith(_EXISTS)
        ]
        return [name for name in wanted if name not in complained], failed

    def _create_once(self, wanted: list[str], attributes: str) -> Answer:
        self._created()
        answer = self._calls.qmgr(f"create node {','.join(wanted)} {attributes}", names=len(wanted))
        self._created()
        return answer

    def _delete_ghosts(self, answer: Answer, wanted: list[str]) -> None:
        """Delete what a creation left of the records that it did not make."""
        # Of a name that exists this is not said, of others' records it must not be thought.
        ghosts = [
            item.name
            for item in complaints(answer)
            if item.name in wanted and item.text.startswith(_GHOSTLY)
        ]
        if ghosts:
            self._calls.qmgr(f"delete node {','.join(ghosts)}", names=len(ghosts))

    def _attributes(self, node: NewNode) -> str:
        attributes = [size_attributes(node.np, node.gpus)]
        if node.note:
            attributes.append(note_attributes(node.note))
        service = node.mom_service_port or self._settings.mom_service_port
        if service != _DEFAULT_PORT:  # the server asks no other port of a mom's
            attributes.append(f"Port={port(service)}")
        return ",".join(attributes)

    def _give_properties(self, made: Mapping[str, NewNode]) -> list[str]:
        """Set the properties of new records; a record that cannot have them is taken back."""
        alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for name, node in made.items():
            if node.properties:
                alike[tuple(sorted(node.properties))].append(name)
        failed = []
        for properties, group in alike.items():
            values = ",".join(f"resources_available.{name}=True" for name in properties)
            for start in range(0, len(group), NAMES_A_CALL):
                some = group[start : start + NAMES_A_CALL]
                answer = self._calls.set_nodes(some, values, properties, "boolean")
                if answer.exit_code != 0:
                    self._calls.qmgr(f"delete node {','.join(some)}", names=len(some))
                    said = " ".join(answer.stderr.split())[:400]
                    failed.append(f"{','.join(some)}: {said}")
        return failed
