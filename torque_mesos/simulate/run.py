"""One simulation, from a trace to what happened."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from torque_mesos.decide import Policy
from torque_mesos.decide.packing import Host, Tier, place
from torque_mesos.decide.request import Request
from torque_mesos.model import Resources
from torque_mesos.simulate.account import Account
from torque_mesos.simulate.clock import Clock, Delays
from torque_mesos.simulate.cloud import Cloud, other_task
from torque_mesos.simulate.elastic import Framework
from torque_mesos.simulate.faults import Faults, Rates
from torque_mesos.simulate.ledger import Use
from torque_mesos.simulate.machines import Machine
from torque_mesos.simulate.maintenance import Maintenance, Window
from torque_mesos.simulate.original import Original
from torque_mesos.simulate.outages import Outages
from torque_mesos.simulate.scheduler import Kind, Scheduler
from torque_mesos.simulate.server import Record, Server
from torque_mesos.simulate.trace import Trace, TraceJob

Mode = Literal["static", "elastic", "original"]
CAPACITY_RECORD = "localhost"
LEAD_S = 60.0  # the cluster is there so long before the first job
STALLED_S = 86400.0  # nothing starts or ends for so long, with no job to come: it is over


@dataclass(frozen=True, slots=True)
class Options:
    """What a simulation is told besides trace and policy."""

    mode: Mode = "elastic"
    scheduler: Kind = "fifo"
    delays: Delays = Delays()
    other_share: float = 0.0
    faults: int | None = None
    rates: Rates = Rates()
    maintenance: tuple[Window, ...] = ()
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """What happened. Of this computer: `wall_s`, `cpu_s`, and `decide_s` of that in `decide`.

    `beside`: jobs that did not end, and do not fit beside the second framework's full share.
    """

    options: Options
    policy: Policy
    account: Account
    never: tuple[TraceJob, ...]
    span_s: float
    slots: int
    beside: tuple[TraceJob, ...] = ()
    turns: int = 0
    cycles: int = 0
    events: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    decide_s: float = 0.0
    slowest_s: float = 0.0
    uses_cpu_s: Mapping[Use, float] = field(default_factory=dict)  # of what is held; elastic only


def simulate(trace: Trace, policy: Policy, options: Options) -> Run:
    """Run every job of a trace that the machines can ever run."""
    with _rarely_collected():
        return _simulated(trace, policy, options)


@contextlib.contextmanager
def _rarely_collected() -> Iterator[None]:
    """All that is kept of a run is kept until its end: looking for garbage in it costs a lot."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, 50, 1000)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _simulated(trace: Trace, policy: Policy, options: Options) -> Run:
    started_s, started_cpu_s = time.perf_counter(), time.process_time()
    can, never = _sorted_out(trace, policy.slot)
    clock = Clock(options.seed, options.delays.jitter)
    account = Account(clock)
    world = _WORLDS[options.mode](clock, account, trace, policy, options)
    server, scheduler, framework = world.server, world.scheduler, world.framework
    for job in can:
        clock.at(LEAD_S + job.submit_s, lambda job=job: server.submit(job))  # type: ignore[misc]
    _play(clock, account, server, last_s=LEAD_S + max((job.submit_s for job in can), default=0.0))
    account.close()
    return Run(
        options=options,
        policy=policy,
        account=account,
        never=never,
        span_s=clock.now_s,
        slots=sum(machine.slots(policy.slot) for machine in trace.machines),
        beside=_no_room_beside(trace, policy.slot, options.other_share, account),
        turns=framework.turns if framework else 0,
        cycles=scheduler.cycles,
        events=clock.events,
        wall_s=time.perf_counter() - started_s,
        cpu_s=time.process_time() - started_cpu_s,
        decide_s=framework.decide_s if framework else 0.0,
        slowest_s=framework.slowest_s if framework else 0.0,
        uses_cpu_s=framework.ledger.close() if framework else {},
    )


def _play(clock: Clock, account: Account, server: Server, last_s: float) -> None:
    """Run events until every job has ended and what was held is given back, or all stalls."""
    progress_s = last_s
    seen = len(server.waiting), len(server.running)
    while clock.step():
        now = len(server.waiting), len(server.running)
        if now != seen:
            seen, progress_s = now, max(clock.now_s, last_s)
        done = clock.now_s > last_s and not any(now)
        if done and (not account.nodes or server.records_stay):
            return
        if clock.now_s > progress_s + STALLED_S and not server.running:
            return


def _sorted_out(trace: Trace, slot: Resources) -> tuple[tuple[TraceJob, ...], tuple[TraceJob, ...]]:
    """The jobs that the machines could run, and those that they never can."""
    hosts = _hosts(trace, slot)
    verdicts: dict[Request, bool] = {}
    can: list[TraceJob] = []
    never: list[TraceJob] = []
    for job in trace.jobs:
        if job.request not in verdicts:
            verdicts[job.request] = place(job.request, hosts) is not None
        (can if verdicts[job.request] else never).append(job)
    return tuple(can), tuple(never)


def _hosts(trace: Trace, slot: Resources) -> list[Host]:
    return [
        Host(
            machine.name,
            machine.slots(slot),
            Tier.OFFERED,
            machine.properties | {machine.name},
            slot_mb=slot.mem_mb,
            mem_mb=machine.mem_mb,
            gpus=machine.gpus,
        )
        for machine in trace.machines
    ]


def _no_room_beside(
    trace: Trace, slot: Resources, other_share: float, account: Account
) -> tuple[TraceJob, ...]:
    """The jobs that never ran and do not fit beside what the second framework would hold.

    With one of them on whole hosts, it would find no place on the others for one of the tasks
    that it always has.
    """
    left = [outcome.job for outcome in account.outcomes.values() if outcome.end_s is None]
    if not other_share or not left:
        return ()
    most = other_share * sum(machine.cpus for machine in trace.machines)
    tasks = {m.name: other_task(m.resources, most).cpus for m in trace.machines}
    hosts = _hosts(trace, slot)
    found = []
    for job in left:
        placement = place(job.request, hosts)
        slots = placement.slots if placement else {}
        free = {m.name: m.cpus - slots.get(m.name, 0) * slot.cpus for m in trace.machines}
        room = sum(free[name] // cpus * cpus for name, cpus in tasks.items())
        if room <= most - max(tasks.values()):
            found.append(job)
    return tuple(found)


def without_share(machines: Sequence[Machine], share: float) -> list[Machine]:
    """The machines that are left when somebody has this share of each kind, for ever."""
    kinds: dict[Resources, list[Machine]] = {}
    for machine in machines:
        kinds.setdefault(machine.resources, []).append(machine)
    return [each for kind in kinds.values() for each in kind[: round(len(kind) * (1 - share))]]


class _Static:
    """Every host is a node, always; beside a second framework, those that are not its own."""

    framework: Framework | None = None

    def __init__(
        self, clock: Clock, account: Account, trace: Trace, policy: Policy, options: Options
    ) -> None:
        self.server = Server(clock, options.delays, account, lambda: None)
        self.server.records_stay = True
        self.scheduler = Scheduler(clock, self.server, options.scheduler)
        for machine in without_share(trace.machines, options.other_share):
            slots = machine.slots(policy.slot)
            record = Record(machine.name, slots, machine.properties, gpus=machine.gpus)
            self.server.add_record(record)
            cpus = float(slots) * policy.slot.cpus
            account.add(held=cpus, nodes=1, mem_mb=machine.mem_mb, gpus=machine.gpus)


class _Elastic:
    """The framework as it is, with Mesos beside it."""

    framework: Framework | None

    def __init__(
        self, clock: Clock, account: Account, trace: Trace, policy: Policy, options: Options
    ) -> None:
        delays = options.delays
        words = sorted(frozenset().union(*(machine.properties for machine in trace.machines)))
        keys = {word: f"word{number}" for number, word in enumerate(words)}
        policy = replace(
            policy,
            attribute_properties=(*policy.attribute_properties, *keys.values()),
            capacity_record=CAPACITY_RECORD,
            gpus=policy.gpus or any(machine.gpus for machine in trace.machines),
        )
        start_s = trace.start_s - LEAD_S
        framework = self.framework = Framework(clock, delays, account, policy, start_s)
        self.server = Server(clock, delays, account, framework.queue_changed)
        self.scheduler = Scheduler(clock, self.server, options.scheduler)
        cloud = _cloud(clock, account, trace, options, framework.offers_came, keys)
        framework.attach(self.server, self.scheduler, cloud)
        outages = Outages(clock, delays, framework, self.server, cloud)
        if options.faults is not None:
            Faults(clock, account, outages, options.faults, options.rates)
        Maintenance(clock, account, outages, options.maintenance, start_s + LEAD_S)
        clock.at(0.0, cloud.allocate_all)
        framework.poke(0.0)


class _OriginalRule:
    """The first framework's rule in place of ours."""

    framework: Framework | None = None

    def __init__(
        self, clock: Clock, account: Account, trace: Trace, policy: Policy, options: Options
    ) -> None:
        rule = Original(clock, options.delays, account, trace, policy.slot)
        self.server = Server(clock, options.delays, account, rule.poke)
        self.scheduler = Scheduler(clock, self.server, options.scheduler)
        cloud = _cloud(clock, account, trace, options, rule.poke, {})
        rule.attach(self.server, self.scheduler, cloud)
        clock.at(0.0, cloud.allocate_all)


def _cloud(
    clock: Clock,
    account: Account,
    trace: Trace,
    options: Options,
    on_offers: Callable[[], None],
    keys: dict[str, str],
) -> Cloud:
    cloud = Cloud(clock, options.delays, account, on_offers, options.other_share, options.seed)
    for machine in trace.machines:
        words = {keys[word]: word for word in sorted(machine.properties) if word in keys}
        cloud.add_agent(machine.name, machine.resources, {**words, **machine.attributes})
    return cloud


_WORLDS: dict[Mode, type[_Static] | type[_Elastic] | type[_OriginalRule]] = {
    "static": _Static,
    "elastic": _Elastic,
    "original": _OriginalRule,
}
