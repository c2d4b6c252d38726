"""What agents are called as nodes, and the names that both sides must know."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import structlog

from torque_mesos.batch import names
from torque_mesos.batch.base import InvalidName
from torque_mesos.config import Settings
from torque_mesos.config.address import own_address
from torque_mesos.framework.inbox import MasterRead, Message
from torque_mesos.mesos.base import Offers
from torque_mesos.model import Agent, frozen_map
from torque_mesos.mom.hosts_file import HostNames, NamesError
from torque_mesos.mom.names import encode_names

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Naming:
    """Nodes' names by the names that agents give themselves; the others keep theirs."""

    nodes: Mapping[str, str] = field(default_factory=frozen_map)

    def node(self, hostname: str) -> str:
        """What an agent is called as a node."""
        return self.nodes.get(hostname, hostname)

    def renamed(self, message: Message) -> Message:
        """The same message with nodes' names in the place of agents' own."""
        if not self.nodes:
            return message
        if isinstance(message, Offers):
            offers = (replace(each, hostname=self.node(each.hostname)) for each in message.offers)
            return Offers(tuple(offers))
        if isinstance(message, MasterRead):
            agents = (replace(each, hostname=self.node(each.hostname)) for each in message.agents)
            return replace(message, agents=tuple(agents))
        return message

    def table(self, agents: tuple[Agent, ...]) -> tuple[dict[str, tuple[str, ...]], list[str]]:
        """Each agent's address with its names, and what is wrong with some.

        The node's name comes first, so that the address resolves to it; an agent's own name
        follows. `agents` have their own names still.
        """
        found: dict[str, tuple[str, ...]] = {}
        where: dict[str, str] = {}
        problems = []
        for agent in sorted(agents, key=lambda each: (not each.active, each.hostname)):
            node = self.node(agent.hostname)
            try:
                names.node_name(node)
                names.host_name(agent.hostname)
            except InvalidName as error:
                problems.append(f"no name for agent {agent.agent_id}: {error}")
                continue
            if not agent.address:
                problems.append(f"agent {agent.hostname}: the master tells no address of it")
            elif where.setdefault(node, agent.address) != agent.address:
                if agent.active:
                    problems.append(
                        f"two agents are node {node}: {where[node]} and {agent.address};"
                        " start them with another --hostname each, or map them in [names]"
                    )
            elif agent.address not in found:
                found[agent.address] = tuple(dict.fromkeys((node, agent.hostname)))
        return found, problems


class NameKeeper:
    """Gives messages nodes' names, and keeps agents' names known on this host.

    `problems` is what is wrong now; `told` is what executors are told. `server` is the batch
    server's address and name. Messages come from several threads.
    """

    def __init__(
        self,
        naming: Naming,
        host_names: HostNames,
        put: Callable[[Message], None],
        server: tuple[str, str] = ("", ""),
    ) -> None:
        self.problems: tuple[str, ...] = ()
        self.told = ""
        self._naming = naming
        self._host_names = host_names
        self._put = put
        self._server = server
        self._lock = threading.Lock()

    def put(self, message: Message) -> None:
        """Hand a message on. New agents are known here before anybody hears of them."""
        if isinstance(message, MasterRead) and self._host_names.used:
            with self._lock:
                self._keep(message.agents)
        self._put(self._naming.renamed(message))

    def _keep(self, agents: tuple[Agent, ...]) -> None:
        table, problems = self._naming.table(agents)
        try:
            self._host_names.keep(table)
        except NamesError as error:
            problems.append(f"names of agents: {error}")
        if problems and tuple(problems) != self.problems:
            _log.warning("names of agents", problems=problems)
        self.problems = tuple(problems)
        address, name = self._server
        everybody = dict(table)
        if address:
            everybody[address] = tuple(dict.fromkeys((*table.get(address, ()), name)))
        self.told = encode_names(everybody)


def naming_of(settings: Settings) -> Naming:
    """As the settings map names."""
    return Naming(frozen_map(settings.names.nodes))


def host_names(settings: Settings) -> HostNames:
    """What keeps names on the framework's host."""
    file, hook = settings.names.file, settings.names.command
    return HostNames(
        f"{mark(settings.mesos.name)} scheduler",
        None if file is None else str(file),
        None if hook is None else str(hook),
    )


def mark(name: str) -> str:
    """A framework's name, as far as it can mark a block."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name)


def server_of(settings: Settings) -> tuple[str, str]:
    """The batch server's address, as agents can use it, and its name."""
    name = settings.server_host
    try:
        found = socket.gethostbyname(name)
    except OSError:
        found = "127.0.0.1"
    if found.startswith("127."):
        found = own_address(settings.mesos.master)
    return (found, name) if names.is_ipv4(found) and found != name else ("", "")
