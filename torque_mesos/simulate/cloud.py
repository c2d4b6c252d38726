"""Mesos: agents, offers, filters, and a second framework that takes its fair share.

Allocation is event-driven, as in Mesos 1.11: what becomes free is offered at once, to the
framework with the smaller dominant share of those that want it (DRF), agents in random order
(`HierarchicalAllocatorProcess::__allocate` shuffles them). Expired filters are noticed at the
allocation interval.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random

from torque_mesos.model import Agent, Offer, Resources, frozen_map
from torque_mesos.simulate.account import Account
from torque_mesos.simulate.clock import Clock, Delays

_LEAST = Resources(0.01, 32.0)  # less than that is not offered
OTHER_TASK_CPUS = 8.0
OTHER_TASK_S = 4 * 3600.0


@dataclass(slots=True, eq=False)
class Host:
    """One agent. `free` is what neither tasks nor offers hold; `refused` our filters."""

    agent: Agent
    free: Resources
    offer: Offer | None = None
    refused: list[tuple[Resources, float]] = field(default_factory=list)
    retry_s: float = float("inf")


def other_task(total: Resources, most_cpus: float) -> Resources:
    """What a task of the second framework takes of an agent: never parts of a task.

    (If it took what is left anywhere, ever smaller tasks would come to be on every host.)
    """
    cpus = min(OTHER_TASK_CPUS, total.cpus, most_cpus)
    return Resources(cpus, round(total.mem_mb * (cpus / total.cpus), 3))


class Cloud:
    """The master. `on_offers` is told that there are new offers for us."""

    def __init__(
        self,
        clock: Clock,
        delays: Delays,
        account: Account,
        on_offers: Callable[[], None],
        other_share: float = 0.0,
        seed: int = 0,
    ) -> None:
        self._clock, self._delays, self._account = clock, delays, account
        self._on_offers = on_offers
        self._other_share = other_share
        self._random = Random(f"other {seed}")  # noqa: S311
        self.hosts: dict[str, Host] = {}
        self._by_id: dict[str, Host] = {}
        self.suppressed = False
        self._numbers = itertools.count()
        self._agents: tuple[Agent, ...] | None = None
        self._offers: tuple[Offer, ...] | None = None
        self._total = Resources()
        self._ours = Resources()  # held or offered
        self._others = Resources()

    def add_agent(self, name: str, total: Resources, attributes: Mapping[str, str]) -> None:
        """An agent registers."""
        agent = Agent(f"agent-{name}", name, total, frozen_map(attributes))
        self.hosts[name] = self._by_id[agent.agent_id] = Host(agent, total)
        self._total += total
        self._agents = None

    # -- what we are told ----------------------------------------------------------

    @property
    def agents(self) -> tuple[Agent, ...]:
        """The master's list."""
        if self._agents is None:
            self._agents = tuple(host.agent for host in self.hosts.values())
        return self._agents

    @property
    def offers(self) -> tuple[Offer, ...]:
        """The offers that wait for our answer."""
        if self._offers is None:
            self._offers = tuple(host.offer for host in self.hosts.values() if host.offer)
        return self._offers

    # -- what we do ------------------------------------------------------------------

    def accept(self, agent_id: str, used: Resources, refuse_s: float) -> bool:
        """Use a part of an agent's offer; the rest is filtered. False: the offer is gone."""
        host = self._by_id[agent_id]
        if host.offer is None or not host.offer.resources.holds(used):
            return False
        rest = host.offer.resources - used
        self._take_back(host, rest)
        self._refuse(host, rest, refuse_s)
        self.allocate(host)
        return True

    def decline(self, offer: Offer, refuse_s: float) -> None:
        """Decline an offer."""
        host = self._by_id[offer.agent_id]
        if host.offer is not offer:
            return
        self._take_back(host, offer.resources)
        self._refuse(host, offer.resources, refuse_s)
        self.allocate(host)

    def release(self, agent_id: str, resources: Resources) -> None:
        """A task of ours has ended."""
        host = self._by_id[agent_id]
        host.free += resources
        self._ours -= resources
        self.allocate(host)

    def revive(self) -> None:
        """Clear our filters, and offer again."""
        self.suppressed = False
        for host in self.hosts.values():
            host.refused.clear()
        self.allocate_all()

    def suppress(self) -> None:
        """No more offers."""
        self.suppressed = True

    def _take_back(self, host: Host, rest: Resources) -> None:
        host.offer = None
        self._offers = None
        host.free += rest
        self._ours -= rest

    def _refuse(self, host: Host, resources: Resources, refuse_s: float) -> None:
        if refuse_s > 0:
            host.refused.append((resources, self._clock.now_s + refuse_s))

    # -- allocation --------------------------------------------------------------------

    def allocate_all(self) -> None:
        """Allocate what is free anywhere."""
        for host in self._shuffled():
            self.allocate(host)

    def _shuffled(self) -> list[Host]:
        """All hosts, in an order that matters only where somebody else wants them, too."""
        hosts = list(self.hosts.values())
        if self._other_share:
            self._random.shuffle(hosts)
        return hosts

    def allocate(self, host: Host) -> None:
        """Give what is free on one agent to whoever is due."""
        if not host.agent.active or host.offer is not None:
            return
        while host.free.holds(_LEAST):
            ours = self._we_may(host)
            task = self._other_task(host)
            if task is None or (ours and self._share(self._ours) <= self._share(self._others)):
                break
            self._give_other(host, task)
        else:
            return
        if not ours:
            return
        offer = host.offer = Offer(
            f"offer-{next(self._numbers)}",
            host.agent.agent_id,
            host.agent.hostname,
            host.free,
            host.agent.attributes,
            self._clock.now_s,
        )
        self._ours += offer.resources
        host.free = Resources()
        self._offers = None
        self._account.count("offers")
        self._on_offers()

    def _we_may(self, host: Host) -> bool:
        """Whether we want offers, and have not refused what this one would hold."""
        if self.suppressed:
            return False
        now_s = self._clock.now_s
        host.refused = [item for item in host.refused if item[1] > now_s]
        until = [at_s for refused, at_s in host.refused if refused.holds(host.free)]
        if not until:
            return True
        # Mesos looks at its interval: at the first one after the last filter that holds it off.
        step_s = self._delays.allocation_s or 1e-3
        last_s = max(until)
        retry_s = math.ceil(last_s / step_s) * step_s if math.isfinite(last_s) else last_s
        if retry_s < host.retry_s:
            host.retry_s = retry_s
            self._clock.at(retry_s, lambda: self._retry(host, retry_s))
        return False

    def _retry(self, host: Host, retry_s: float) -> None:
        if host.retry_s == retry_s:
            host.retry_s = float("inf")
            self.allocate(host)

    def _share(self, resources: Resources) -> float:
        """The dominant share."""
        return max(resources.cpus / self._total.cpus, resources.mem_mb / self._total.mem_mb)

    def _other_task(self, host: Host) -> Resources | None:
        """What the second framework would start on a host; None if it wants or fits no more."""
        if not self._other_share:
            return None
        most = self._other_share * self._total.cpus
        task = other_task(host.agent.total, most)
        wanted = self._others.cpus + task.cpus <= most + 1e-6
        return task if wanted and host.free.holds(task) else None

    def _give_other(self, host: Host, task: Resources) -> None:
        """The second framework starts a task on what it is offered."""
        host.free -= task
        self._others += task
        self._account.count("tasks of the second framework")
        length_s = self._random.expovariate(1.0 / OTHER_TASK_S)
        self._clock.at(self._clock.now_s + length_s, lambda: self._other_ended(host, task))

    def _other_ended(self, host: Host, task: Resources) -> None:
        host.free += task
        self._others -= task
        self.allocate_all()  # its next task may find a place anywhere

    # -- faults --------------------------------------------------------------------------

    def lose(self, name: str) -> None:
        """An agent is gone; its offer is rescinded."""
        host = self.hosts[name]
        self._set_active(host, False)
        if host.offer is not None:
            self._take_back(host, host.offer.resources)

    def back(self, name: str) -> None:
        """The agent is there again."""
        host = self.hosts[name]
        self._set_active(host, True)
        self.allocate(host)

    def _set_active(self, host: Host, active: bool) -> None:
        host.agent = replace(host.agent, active=active)
        self._agents = None

    def plan(self, name: str, unavailable_s: float | None) -> None:
        """Tell when an agent's next maintenance begins, in seconds since 1970; None: no more."""
        host = self.hosts[name]
        host.agent = replace(host.agent, unavailable_s=unavailable_s)
        self._agents = None
