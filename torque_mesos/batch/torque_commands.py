"""TORQUE's commands: what they are given, and which of their answers are failures."""

from __future__ import annotations

from collections.abc import Mapping

from torque_mesos.batch import names
from torque_mesos.batch.base import NewNode, Refused
from torque_mesos.batch.commands import Answer, Runner, check_reached
from torque_mesos.batch.counts import port, slots
from torque_mesos.batch.torque_attributes import parse_attributes
from torque_mesos.batch.torque_settings import TorqueSettings
from torque_mesos.batch.torque_xml import Nodes, parse_nodes

_NO_MOM_PORT = 1
# A server that has no node says the one, a server whose last node was deleted the other.
# (Not "Server has no node list" alone: it also begins what is said when no name resolves.)
_NO_NODES = ("node list is empty", "No nodes found")


class TorqueCalls:
    """The commands of one server. All raise ServerUnreachable where it does not answer."""

    def __init__(self, settings: TorqueSettings, runner: Runner) -> None:
        self._settings = settings
        self._runner = runner

    def run(self, command: str, *arguments: str, timeout_s: float | None = None) -> Answer:
        """Run a command, for as long as commands may take if nothing else is said."""
        return check_reached(
            self._runner.run(
                (str(self._settings.bin_dir / command), *arguments),
                timeout_s=timeout_s or self._settings.command_timeout_s,
            )
        )

    def qmgr(self, command: str) -> Answer:
        """Run a command of qmgr. To delete a node takes the server its time."""
        longest_s = self._settings.delete_timeout_s if command.startswith("delete ") else None
        return self.run("qmgr", "-c", command, timeout_s=longest_s)


def accepted(answer: Answer) -> Answer:
    """Give `answer` back if the command succeeded, raise `Refused` if not."""
    if answer.exit_code != 0:
        raise Refused(str(answer))
    return answer


def unless(answer: Answer, harmless: str) -> None:
    """As `accepted`, but an error whose text has `harmless` in it is none."""
    if harmless not in answer.stderr:
        accepted(answer)


def says_no_nodes(answer: Answer) -> bool:
    """Whether `pbsnodes -x`, which then fails, says that there are no nodes."""
    said = any(text in answer.stderr for text in _NO_NODES)
    return answer.exit_code in (1, 2) and said and not answer.stdout.strip()


def nodes_in(answer: Answer) -> Nodes:
    """What `pbsnodes -x` tells of all nodes. Raises Refused or UnreadableAnswer."""
    if says_no_nodes(answer):
        return Nodes((), (), frozenset())
    return parse_nodes(accepted(answer).stdout)


def server_attributes(answer: Answer) -> Mapping[str, str]:
    """What `qstat -B -f` tells of the one server. Raises Refused or UnreadableAnswer."""
    records = parse_attributes(accepted(answer).stdout, "Server")
    if len(records) != 1:
        raise Refused(f"qstat -B -f tells of {len(records)} servers, not of one")
    return records[0][1]


def node_attributes(node: NewNode, settings: TorqueSettings) -> str:
    """With what a record is made, as qmgr takes it. Raises InvalidName or Refused."""
    service = node.mom_service_port or settings.mom_service_port
    manager = node.mom_manager_port or settings.mom_manager_port
    if node.name == settings.capacity_record:
        service = manager = _NO_MOM_PORT
    attributes = [f"np={slots(node.np)}"]
    if node.gpus:
        attributes.append(f"gpus={slots(node.gpus)}")
    if node.properties:
        properties = sorted(names.property_name(name) for name in node.properties)
        attributes.append(f'properties="{",".join(properties)}"')
    if node.note:
        attributes.append(f'note="{names.note_text(node.note)}"')
    if (service, manager) != (15002, 15003):
        attributes.append(f"mom_service_port={port(service)}")
        attributes.append(f"mom_manager_port={port(manager)}")
    return ",".join(attributes)
