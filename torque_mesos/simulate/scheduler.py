"""Batch schedulers: FIFO that starts what fits, as pbs_sched; and EASY backfill."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from torque_mesos.decide.packing import Host, Share, Tier, place
from torque_mesos.decide.request import Request
from torque_mesos.simulate.clock import Clock
from torque_mesos.simulate.server import Record, Server
from torque_mesos.simulate.trace import TraceJob

Kind = Literal["fifo", "easy"]


class Scheduler:
    """The batch scheduler of a server. It has a cycle when it is asked for one."""

    def __init__(self, clock: Clock, server: Server, kind: Kind = "fifo") -> None:
        self._clock, self._server, self._kind = clock, server, kind
        self._due_s = float("inf")
        self._tried: set[str] = set()  # waiting jobs that did not fit when nothing was freed since
        self.cycles = 0
        server.want_cycle = self.want

    def want(self, delay_s: float) -> None:
        """Have a cycle after a delay; an earlier one that is due anyway will do."""
        at_s = self._clock.now_s + self._clock.drawn(delay_s)
        if at_s < self._due_s:
            self._due_s = at_s
            self._clock.at(at_s, self._cycle)

    def _cycle(self) -> None:
        if self._clock.now_s < self._due_s:
            return  # another one came first
        self._due_s = float("inf")
        self.cycles += 1
        if self._server.freed:
            self._tried.clear()
            self._server.freed = False
        if self._kind == "easy":
            self._easy()
        else:
            self._fifo()

    def _fifo(self) -> None:
        unfit: set[Request] = set()  # slots only get fewer during a cycle
        tried = self._tried
        for job_id, job in list(self._server.waiting.items()):
            if job_id in tried:
                continue
            if job.request not in unfit and (at := self.fit(job.request)) is not None:
                self._server.start(job, at)
            else:
                unfit.add(job.request)
                tried.add(job_id)

    def fit(self, request: Request) -> Mapping[str, Share] | None:
        """What a request gets now, first nodes first; None if it does not fit.

        Memory is not looked at, as pbs_sched does not.
        """
        if len(request.chunks) == 1:
            chunk = request.chunks[0]
            found: dict[str, Share] = {}
            share = Share(chunk.slots, gpus=chunk.gpus)
            for record in self._server.eligible(chunk.names):
                if record.free >= chunk.slots and record.free_gpus >= chunk.gpus:
                    found[record.name] = share
                    if len(found) == chunk.count:
                        return found
            return None
        placement = place(request, self._hosts())
        return None if placement is None else placement.shares

    def _hosts(self) -> list[Host]:
        return [_host(record) for record in self._server.records.values() if record.free]

    # -- EASY ------------------------------------------------------------------------

    def _easy(self) -> None:
        """FIFO; past the first job that must wait, only what does not delay it."""
        reserved: tuple[TraceJob, float, dict[str, Host]] | None = None
        unfit: set[Request] = set()
        for job in list(self._server.waiting.values()):
            at = None if job.request in unfit else self.fit(job.request)
            if at is None:
                unfit.add(job.request)
                if reserved is None and (then := self._shadow(job.request)) is not None:
                    reserved = (job, *then)
                continue
            if reserved is not None and not self._may_pass(job, at, *reserved):
                continue
            self._server.start(job, at)

    def _shadow(self, request: Request) -> tuple[float, dict[str, Host]] | None:
        """When a request fits if jobs run for their wall times, and what is free then."""
        hosts = {
            record.name: _host(record)
            for record in self._server.records.values()
            if record.up and not record.offline and not record.registering
        }
        ends = [
            (max(run.start_s + run.job.walltime_s, self._clock.now_s), job_id)
            for job_id, run in self._server.running.items()
        ]
        heapq.heapify(ends)
        while ends:
            end_s, job_id = heapq.heappop(ends)
            for name, share in self._server.running[job_id].at.items():
                if host := hosts.get(name):
                    free, gpus = host.free + share.slots, host.gpus + share.gpus
                    hosts[name] = replace(host, free=free, gpus=gpus)
            if (not ends or ends[0][0] > end_s) and place(request, list(hosts.values())):
                return end_s, hosts
        return None

    def _may_pass(
        self,
        job: TraceJob,
        at: Mapping[str, Share],
        first: TraceJob,
        shadow_s: float,
        hosts: dict[str, Host],
    ) -> bool:
        """Whether a job may start before one that was there first. `hosts` is brought up to date.

        It ends before that one could start, or leaves it enough then.
        """
        if self._clock.now_s + job.walltime_s <= shadow_s:
            return True
        left = dict(hosts)
        for name, share in at.items():
            if host := left.get(name):
                free, gpus = host.free - share.slots, host.gpus - share.gpus
                left[name] = replace(host, free=free, gpus=gpus)
        if place(first.request, list(left.values())) is None:
            return False
        hosts.update(left)
        return True


def _host(record: Record) -> Host:
    """What is free of a node. (Without a size of slots: memory is not looked at.)"""
    words = record.properties | {record.name}
    return Host(record.name, record.free, Tier.ONLINE, words, gpus=record.free_gpus)
