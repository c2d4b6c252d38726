"""A loop with a fake server, a fake Mesos and a clock that a test moves."""

from __future__ import annotations

from collections.abc import Callable

from tests.framework.fake_server import CAPACITY, FakeServer
from torque_mesos.decide import Policy
from torque_mesos.framework.execute import Executor
from torque_mesos.framework.inbox import Deleted, Inbox, MasterRead, QueueChanged
from torque_mesos.framework.loop import Loop, Timing
from torque_mesos.framework.published import Published
from torque_mesos.framework.recipe import Recipe
from torque_mesos.framework.spending import SpendingFile
from torque_mesos.framework.view import View
from torque_mesos.mesos.base import (
    Event,
    MesosLink,
)
from torque_mesos.mesos.fake import FakeLink
from torque_mesos.model import Resources, TaskState
from torque_mesos.mom.settings import MomSettings

NODES = ("n1.cluster.test", "n2.cluster.test")
RECIPE = Recipe(
    template=MomSettings(server_host="head", node="template"),
    share=Resources(0.1, 64),
    content="digest",
    uri="http://head/bundle.tar.gz",
)


class Poller:
    """Reads the fake master's lists when poked."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def poke(self, link: MesosLink, framework_id: str | None) -> None:
        if not self._site.master_answers:
            return
        tasks = link.live_tasks(framework_id) if framework_id else None
        self._site.inbox.put(MasterRead(link.agents(), tasks))


class Site:
    """A loop with a fake server and a fake Mesos, and a clock that a test moves."""

    def __init__(self, server: FakeServer | None = None, **policy: object) -> None:
        self.now_s = 1000.0
        self.server = server or FakeServer()
        self.inbox = Inbox()
        self.links: list[FakeLink] = []
        self.agents: dict[str, str] = {}
        self.remembered: list[str | None] = []
        self.remember: Callable[[str | None], None] = self.remembered.append
        self.published: list[Published] = []
        self.spending: SpendingFile | None = None
        self.master_answers = True  # to questions for its lists
        values: dict[str, object] = {
            "slot": Resources(1, 512),
            "generation": RECIPE.generation,
            "capacity_record": CAPACITY,
            "grace_s": 5.0,
        }
        self.policy = Policy(**{**values, **policy})  # type: ignore[arg-type]

    @property
    def link(self) -> FakeLink:
        return self.links[-1]

    def make_link(self, framework_id: str | None) -> FakeLink:
        sink: Callable[[Event], None] = self.inbox.put
        link = FakeLink(sink, lambda: self.now_s, framework_id)
        if self.links:  # the same master
            link._hosts, link.tasks = self.link._hosts, self.link.tasks
            link._numbers = self.link._numbers
        else:
            self.agents = {name: link.add_agent(name, Resources(2, 1024)) for name in NODES}
        self.links.append(link)
        return link

    def start(self, framework_id: str | None = None) -> Site:
        view = View()
        self.view = view
        self.loop = Loop(
            server=self.server,
            make_link=self.make_link,
            remember_id=self.remember,
            framework_id=framework_id,
            executor=Executor(
                self.server,
                view,
                RECIPE,
                (15002, 15003),
                lambda name, error: self.inbox.put(Deleted(name, error)),
            ),
            view=view,
            policy=self.policy,
            inbox=self.inbox,
            poller=Poller(self),  # type: ignore[arg-type]
            publish=self.published.append,
            journal=lambda _: None,
            timing=Timing(poll_s=1.0),
            spending=self.spending,
            clock=lambda: self.now_s,
        )
        self.loop.start()
        return self

    def steps(self, count: int = 6, seconds: float = 0.1) -> None:
        for _ in range(count):
            self.now_s += seconds
            self.link.offer()
            self.loop.step()

    def parked(self) -> Site:
        """Until every agent has a parked record."""
        self.steps()
        self.server.registered()
        self.steps(20)
        assert self.published[-1].turn_errors == 0, self.published[-1].last_turn_error
        return self

    def running(self, nodes: str = "1") -> Site:
        """Until the job "1.head" runs, on all nodes that it asks for."""
        self.start().parked()
        self.submit("1.head", nodes)
        self.steps(3)
        self.moms_up()
        self.steps(3)
        return self

    def submit(self, job_id: str, nodes: str = "1") -> None:
        self.server.submit(job_id, nodes)
        self.inbox.put(QueueChanged())

    def live(self) -> list[str]:
        return [key for key, task in self.link.tasks.items() if not task.state.terminal]

    def held(self) -> dict[str, int]:
        """The slots that Mesos gave, by node."""
        workers, _ = self.view.workers()
        return {worker.node: worker.slots for worker in workers}

    def moms_up(self) -> None:
        for key in self.live():
            if self.link.tasks[key].state is TaskState.STAGING:
                self.server.mom(key.split(":")[1], up=True)
                self.link.update(key, TaskState.RUNNING)

    def did(self, what: str) -> list[tuple[object, ...]]:
        return [call for call in self.server.calls if call[0] == what]

    def end_killed(self) -> None:
        for call in [call for call in self.link.calls if call[0] == "kill"]:
            if call[1] in self.live():
                self.server.mom(call[1].split(":")[1], up=False)
                self.link.update(call[1], TaskState.KILLED)
