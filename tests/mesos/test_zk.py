"""Who leads, by ZooKeeper (a small stand-in for it)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from kazoo.exceptions import ConnectionLoss, NoNodeError
from kazoo.handlers.threading import KazooTimeoutError

from tests.mesos.conftest import Seen
from tests.mesos.scripted import ScriptedMaster, closes, subscribes
from tests.waiting import wait_for
from torque_mesos.mesos import zk
from torque_mesos.mesos.backoff import Backoff
from torque_mesos.mesos.base import Disconnected, Rescinded, Subscribed
from torque_mesos.mesos.link import PymesosLink
from torque_mesos.mesos.zk import LeaderWatch, leader_address


def test_the_address_in_a_znode() -> None:
    data = b'{"address":{"hostname":"m2","ip":"10.0.0.2","port":5050},"id":"x","version":"1.11.0"}'
    assert leader_address(data) == "10.0.0.2:5050"


@pytest.mark.parametrize("data", [None, b"", b"\xff", b"{}", b'{"address":{"ip":"1.2.3.4"}}', b"7"])
def test_a_znode_that_cannot_be_read_is_no_leader(data: bytes | None) -> None:
    assert leader_address(data) is None


class Keeper:
    """A ZooKeeper with the znodes of one path, None while there is no such path."""

    def __init__(self) -> None:
        self.nodes: dict[str, str] | None = None
        self.starts: list[Exception | None] = []
        self.losses = 0
        self.clients = 0
        self.hosts = ""
        self.reads = 0
        self._watches: list[Callable[[object], None]] = []

    def change(self, nodes: dict[str, str] | None) -> None:
        self.nodes = nodes
        watches, self._watches = self._watches, []
        for watch in watches:
            watch(None)

    def change_and_be_read(self, nodes: dict[str, str] | None) -> None:
        """Change, and wait until what that leads to has been told."""
        self.change(nodes)
        before = self.reads
        wait_for(lambda: self.reads >= before + 2, 60, "two more reads")

    # What is used of kazoo's client.

    def __call__(self, hosts: str) -> Keeper:
        self.hosts = hosts
        self.clients += 1
        return self

    def start(self, timeout: float) -> None:
        if self.starts and (error := self.starts.pop(0)) is not None:
            raise error

    def stop(self) -> None:
        self.clients -= 1

    def close(self) -> None:
        pass

    def get_children(self, path: str, watch: Callable[[object], None]) -> list[str]:
        assert path == "/some/mesos"
        self.reads += 1
        if self.losses:
            self.losses -= 1
            raise ConnectionLoss
        if self.nodes is None:
            raise NoNodeError
        self._watches.append(watch)
        return list(self.nodes)

    def get(self, path: str) -> tuple[bytes, None]:
        assert self.nodes is not None
        ip, _, port = self.nodes[path.rpartition("/")[2]].partition(":")
        return f'{{"address": {{"ip": "{ip}", "port": {port}}}}}'.encode(), None


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeper]:
    keeper = Keeper()
    monkeypatch.setattr(zk, "KazooClient", keeper)
    monkeypatch.setattr(zk, "_POLL_S", 0.02)
    yield keeper
    wait_for(lambda: keeper.clients == 0, 60, "the client's end")


def test_the_lowest_number_leads_and_every_change_is_told_once(keeper: Keeper) -> None:
    told: list[str | None] = []
    watch = LeaderWatch("z1:2181,z2:2181/some/mesos", told.append)
    watch.start()
    masters = {"log_replicas": "", "json.info_0000000008": "m2:2", "json.info_0000000003": "m1:1"}
    steps: list[dict[str, str] | None] = [masters, {**masters, "json.info_0000000009": "m3:3"}]
    steps += [{"json.info_0000000008": "m2:2"}, {"log_replicas": ""}, None]
    steps += [{"json.info_0000000010": "m4:4"}]
    for nodes, last in zip(steps, ["m1:1", "m1:1", "m2:2", None, None, "m4:4"], strict=True):
        keeper.change(nodes)
        wait_for(lambda last=last: told and told[-1] == last, 60, f"{last} leads")  # type: ignore[misc]
    watch.stop()
    assert told == ["m1:1", "m2:2", None, "m4:4"]
    assert keeper.hosts == "z1:2181,z2:2181"


def test_a_zookeeper_that_is_not_there_yet_is_tried_again(keeper: Keeper) -> None:
    keeper.starts = [KazooTimeoutError(), OSError("no such host"), None]
    keeper.losses = 2
    keeper.nodes = {"json.info_1": "m1:1"}
    told: list[str | None] = []
    watch = LeaderWatch("z1:2181/some/mesos", told.append)
    watch.start()
    wait_for(lambda: told == ["m1:1"], 60, "a leader")
    watch.stop()


def test_a_link_follows_the_leader_and_stays_while_nobody_leads(
    keeper: Keeper, seen: Seen, make_link: Callable[..., PymesosLink]
) -> None:
    with ScriptedMaster([subscribes()]) as one, ScriptedMaster([subscribes()]) as other:
        link = make_link("zk://z1:2181/some/mesos")
        keeper.change({"json.info_1": one.address})
        assert seen.wait(Subscribed).master == one.address
        keeper.change_and_be_read({})
        one.say({"type": "RESCIND", "rescind": {"offer_id": {"value": "O1"}}})
        seen.wait(Rescinded)
        keeper.change({"json.info_2": other.address})
        assert seen.wait(Subscribed, 2).master == other.address
        assert len(seen.of(Disconnected)) == 1
        keeper.change_and_be_read(None)
        link.revive()
        assert len(other.calls) == 1
        link.stop()


def test_a_new_leader_ends_the_wait(
    keeper: Keeper, seen: Seen, make_link: Callable[..., PymesosLink]
) -> None:
    with ScriptedMaster([closes]) as one, ScriptedMaster([subscribes()]) as other:
        make_link("zk://z1:2181/some/mesos", backoff=Backoff(first_s=60, most_s=60))
        keeper.change({"json.info_1": one.address})
        wait_for(lambda: one.subscriptions, 60, "an attempt")
        keeper.change({"json.info_2": other.address})
        seen.wait(Subscribed, deadline_s=60)
