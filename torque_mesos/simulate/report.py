"""Figures of a simulation: waits, slowdown, what was held and used, and what it cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from torque_mesos.simulate.account import Outcome
from torque_mesos.simulate.run import Run

_SHORT_S = 10.0  # shorter jobs count as this long for the slowdown
_CLASSES = ((1, "1 slot"), (8, "2 to 8"), (32, "9 to 32"), (math.inf, "more than 32"))


@dataclass(frozen=True, slots=True)
class Prices:
    """What things cost: a held cpu for an hour, and the cpu-seconds that a start is worth."""

    cpu_hour: float = 1.0
    start_cpu_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Waits:
    """Waiting times of some jobs, in seconds; and their bounded slowdown in the mean."""

    jobs: int
    mean_s: float
    p50_s: float
    p95_s: float
    p99_s: float
    most_s: float
    slowdown: float


@dataclass(frozen=True, slots=True)
class Report:
    """All figures of one run. cpus are held, slots are used.

    `unended`: jobs that never came to run, or to their end, though they fit; `beside`: those
    that never fit beside the second framework. `uses_cpu_h`: where the held cpu-hours went
    (`ledger.Use`); empty but for `elastic`.
    """

    mode: str
    scheduler: str
    jobs: int
    ended: int
    unended: int
    beside: int
    never: int
    span_s: float
    waits: Waits
    by_size: dict[str, Waits]
    utilisation: float
    held_cpu_h: float
    used_cpu_h: float
    wasted_cpu_h: float
    lost_cpu_h: float
    held_per_used: float
    uses_cpu_h: dict[str, float]
    held_node_h: float
    held_mem_gb_h: float
    held_gpu_h: float
    used_gpu_h: float
    starts: int
    stops: int
    cost: float
    counts: dict[str, int]
    turns: int
    cycles: int
    wall_s: float
    cpu_s: float
    decide_s: float
    slowest_turn_s: float

    def to_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return asdict(self)


def report(run: Run, prices: Prices | None = None) -> Report:
    """The figures of a run."""
    prices = prices or Prices()
    account = run.account
    ended = [outcome for outcome in account.outcomes.values() if outcome.end_s is not None]
    used_h = account.used_cpu_s * run.policy.slot.cpus / 3600
    held_h = account.held_cpu_s / 3600
    lost_h = account.lost_cpu_s * run.policy.slot.cpus / 3600
    starts = account.counts.get("starts", 0)
    whole_h = run.slots * run.policy.slot.cpus * run.span_s / 3600
    cpu_h = held_h + starts * prices.start_cpu_s / 3600
    return Report(
        mode=run.options.mode,
        scheduler=run.options.scheduler,
        jobs=len(account.outcomes) + len(run.never),
        ended=len(ended),
        unended=len(account.outcomes) - len(ended) - len(run.beside),
        beside=len(run.beside),
        never=len(run.never),
        span_s=run.span_s,
        waits=waits(ended),
        by_size={
            name: waits(found)
            for least, (most, name) in zip(_least(), _CLASSES, strict=True)
            if (found := [o for o in ended if least < o.job.request.slots <= most])
        },
        utilisation=used_h / whole_h if whole_h else 0.0,
        held_cpu_h=held_h,
        used_cpu_h=used_h,
        wasted_cpu_h=held_h - used_h,
        lost_cpu_h=lost_h,
        held_per_used=held_h / used_h if used_h else math.inf,
        uses_cpu_h={use.value: cpu_s / 3600 for use, cpu_s in run.uses_cpu_s.items()},
        held_node_h=account.held_node_s / 3600,
        held_mem_gb_h=account.held_mem_mb_s / 1024 / 3600,
        held_gpu_h=account.held_gpu_s / 3600,
        used_gpu_h=account.used_gpu_s / 3600,
        starts=starts,
        stops=account.counts.get("stops", 0),
        cost=cpu_h * prices.cpu_hour,
        counts=dict(sorted(account.counts.items())),
        turns=run.turns,
        cycles=run.cycles,
        wall_s=run.wall_s,
        cpu_s=run.cpu_s,
        decide_s=run.decide_s,
        slowest_turn_s=run.slowest_s,
    )


def _least() -> tuple[float, ...]:
    return (0, *(most for most, _ in _CLASSES[:-1]))


def waits(outcomes: Sequence[Outcome]) -> Waits:
    """The waiting times of jobs that have ended."""
    times = sorted(outcome.waited_s for outcome in outcomes)
    slowdowns = [_slowdown(outcome) for outcome in outcomes]
    return Waits(
        jobs=len(times),
        mean_s=math.fsum(times) / len(times) if times else 0.0,
        p50_s=percentile(times, 0.5),
        p95_s=percentile(times, 0.95),
        p99_s=percentile(times, 0.99),
        most_s=times[-1] if times else 0.0,
        slowdown=math.fsum(slowdowns) / len(slowdowns) if slowdowns else 0.0,
    )


def _slowdown(outcome: Outcome) -> float:
    run_s = outcome.job.run_s
    return max(1.0, (outcome.waited_s + run_s) / max(run_s, _SHORT_S))


def percentile(ordered: Sequence[float], part: float) -> float:
    """The smallest value that at least `part` of the values do not exceed; 0 of none."""
    if not ordered:
        return 0.0
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]
