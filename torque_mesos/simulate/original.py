"""The rule of the first framework of this kind (2010), as far as it decided anything.

Once a second: nodes wanted = the sum of `nodect` of all jobs that are not complete. Too few:
take that many offers, one slot on a host, and create a node (usable after TORQUE's delay).
Too many: delete nodes at once, without grace. It took busy ones too; here only idle ones.
"""

from __future__ import annotations

import math

from torque_mesos.model import Resources
from torque_mesos.simulate.account import Account
from torque_mesos.simulate.clock import Clock, Delays
from torque_mesos.simulate.cloud import Cloud, Host
from torque_mesos.simulate.scheduler import Scheduler
from torque_mesos.simulate.server import Record, Server
from torque_mesos.simulate.trace import Trace

PERIOD_S = 1.0
_FOR_EVER_S = math.inf  # it said 1 s; here what was refused comes back when more is wanted
_SCHEDULER_ITERATION_S = 5.0


class Original:
    """That rule on the models. It looks only when something changed since its last look."""

    def __init__(
        self, clock: Clock, delays: Delays, account: Account, trace: Trace, slot: Resources
    ) -> None:
        self._clock, self._delays, self._account = clock, delays, account
        self._slot = slot
        self._properties = {machine.name: machine.properties for machine in trace.machines}
        self._held: dict[str, Host] = {}
        self._due = False
        self._wanted = 0

    def attach(self, server: Server, scheduler: Scheduler, cloud: Cloud) -> None:
        """What it works with."""
        self._server, self._scheduler, self._cloud = server, scheduler, cloud

    def poke(self) -> None:
        """Something is news: it is seen at the next second."""
        if not self._due:
            self._due = True
            self._clock.at(math.floor(self._clock.now_s / PERIOD_S + 1) * PERIOD_S, self._look)

    def _look(self) -> None:
        self._due = False
        jobs = [*self._server.waiting.values(), *(r.job for r in self._server.running.values())]
        wanted = sum(job.request.hosts for job in jobs)
        surplus = len(self._held) - wanted
        for name in list(self._held):
            if surplus > 0 and not self._server.records[name].slots:
                surplus -= 1
                self._stop(name)
        for offer in self._cloud.offers:
            name = offer.hostname
            if len(self._held) < wanted and name not in self._server.records:
                self._start(name, offer.agent_id)
            else:
                self._cloud.decline(offer, _FOR_EVER_S)
        if wanted > self._wanted and len(self._held) < wanted:
            self._cloud.revive()
        self._wanted = wanted

    def _start(self, name: str, agent_id: str) -> None:
        self._cloud.accept(agent_id, self._slot, _FOR_EVER_S)
        self._held[name] = self._cloud.hosts[name]
        self._account.count("starts")
        self._account.add(held=self._slot.cpus, nodes=1)
        record = Record(name, 1, self._properties[name])
        self._server.create(record)
        self._clock.after(self._delays.register_s + 1.0, lambda: self._usable(record))

    def _usable(self, record: Record) -> None:
        if self._server.records.get(record.name) is record:
            self._server.set_up(record.name, True)
            self._scheduler.want(_SCHEDULER_ITERATION_S / 2)
            self.poke()

    def _stop(self, name: str) -> None:
        host = self._held.pop(name)
        self._server.delete(name)
        self._account.count("stops")

        def gone() -> None:
            self._account.add(held=-self._slot.cpus, nodes=-1)
            self._cloud.release(host.agent.agent_id, self._slot)
            self.poke()

        self._clock.after(self._delays.delete_s, gone)
