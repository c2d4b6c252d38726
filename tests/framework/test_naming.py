"""Agents' names, and what is known by them."""

from __future__ import annotations

from pathlib import Path

import pytest

from torque_mesos.config import ConfigError, load
from torque_mesos.framework.inbox import MasterRead, Message, QueueChanged
from torque_mesos.framework.naming import NameKeeper, Naming, host_names, naming_of, server_of
from torque_mesos.mesos.base import Offers
from torque_mesos.model import Agent, Offer, Resources
from torque_mesos.mom.hosts_file import HostNames

ONE = Resources(1, 1024)


def agent(name: str, address: str, active: bool = True) -> Agent:
    return Agent(f"a-{name}", name, ONE, active=active, address=address)


MAPPED = Naming({"ip-10-0-0-5": "n5"})


def test_a_node_is_called_as_its_agent_or_as_the_settings_say() -> None:
    agents = (agent("ip-10-0-0-5", "10.0.0.5"), agent("n6", "10.0.0.6"))
    message = MAPPED.renamed(MasterRead(agents, ("t1",)))
    assert isinstance(message, MasterRead)
    assert [each.hostname for each in message.agents] == ["n5", "n6"]
    assert message.task_ids == ("t1",)
    offers = MAPPED.renamed(Offers((Offer("o1", "a1", "ip-10-0-0-5", ONE),)))
    assert isinstance(offers, Offers)
    assert offers.offers[0].hostname == "n5"
    assert MAPPED.renamed(QueueChanged()) == QueueChanged()


def test_addresses_and_their_names() -> None:
    table, problems = MAPPED.table((agent("ip-10-0-0-5", "10.0.0.5"), agent("n6", "10.0.0.6")))
    assert table == {"10.0.0.5": ("n5", "ip-10-0-0-5"), "10.0.0.6": ("n6",)}
    assert problems == []


@pytest.mark.parametrize(
    ("agents", "kept", "said"),
    [
        ((agent("10.0.0.7", "10.0.0.7"),), {}, "does not begin with a letter"),
        ((agent("n7 bank", "10.0.0.7"),), {}, "is not allowed"),
        ((agent("n7", ""),), {}, "no address"),
        (
            (agent("n7", "10.0.0.7"), agent("n7", "10.0.0.8")),
            {"10.0.0.7": ("n7",)},
            "two agents are node n7: 10.0.0.7 and 10.0.0.8",
        ),
    ],
)
def test_bad_names_are_told_with_reasons(
    agents: tuple[Agent, ...], kept: dict[str, tuple[str, ...]], said: str
) -> None:
    table, problems = MAPPED.table((*agents, agent("n1", "10.0.0.1")))
    assert table == kept | {"10.0.0.1": ("n1",)}
    assert len(problems) == 1
    assert said in problems[0]


def test_an_agent_that_came_back_with_another_address() -> None:
    gone = agent("n7", "10.0.0.7", active=False)
    assert MAPPED.table((gone, agent("n7", "10.0.0.8"))) == ({"10.0.0.8": ("n7",)}, [])


def test_names_are_known_before_anybody_hears_of_the_agent(tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_text("127.0.0.1 localhost\n")
    heard: list[Message] = []

    def put(message: Message) -> None:
        assert "10.0.0.5 n5 ip-10-0-0-5\n" in file.read_text()
        heard.append(message)

    keeper = NameKeeper(MAPPED, HostNames("a scheduler", str(file)), put)
    keeper.put(MasterRead((agent("ip-10-0-0-5", "10.0.0.5"),)))
    assert len(heard) == 1
    assert keeper.problems == ()
    file.unlink()
    with pytest.raises(FileNotFoundError):  # of the test's own `put`
        keeper.put(MasterRead((agent("n6", "10.0.0.6"),)))
    assert "cannot be changed" in keeper.problems[0]


def settings(tmp_path: Path, text: str):
    path = tmp_path / "torque-mesos.toml"
    path.write_text(text)
    return load(path, {})


def test_what_the_settings_ask_for(tmp_path: Path) -> None:
    plain = settings(tmp_path, "")
    assert not host_names(plain).used
    text = '[mesos]\nname = "my batch"\n[names]\nhosts = true\nnodes = {"ip-1" = "n1"}\n'
    asked = settings(tmp_path, text)
    assert host_names(asked) == HostNames("my-batch scheduler", "/etc/hosts", None)
    assert naming_of(asked).node("ip-1") == "n1"
    hooked = settings(tmp_path, '[names]\nhosts = true\nhook = "/etc/hook"\n')
    assert host_names(hooked) == HostNames("torque-mesos scheduler", None, "/etc/hook")
    local = settings(
        tmp_path, '[batch]\nserver_host = "localhost"\n[mesos]\nmaster = "127.0.0.1"\n'
    )
    assert server_of(local)


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ('{"a" = "5n"}', "begins with a letter"),
        ('{"a" = "localhost"}', "capacity record"),
        ('{"a" = "n1", "b" = "n1"}', "should differ from that of a"),
        ('{"a b" = "n1"}', "host's name"),
    ],
)
def test_bad_names_in_the_settings(tmp_path: Path, nodes: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        settings(tmp_path, f"[names]\nnodes = {nodes}\n")
