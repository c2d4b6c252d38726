"""What the scheduler and the moms do with jobs, as steps of Hypothesis'."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.conformance.model_machine import Machine, node_names, pick


class Jobs(Machine):
    """Jobs start and end, moms report, die and come back."""

    def after(self, step: str, killed: bool = False, wakes: bool = False) -> None:
        """End a step.

        `killed`: the server dies the moment that it has answered, moms report to the next
        one, and there is a scheduling cycle. `wakes`: a cycle follows in any case.
        """
        Machine.done[step] += 1
        if killed:
            Machine.done["killed after an answer"] += 1
            self.site.restart()
            self.model.restart()
        self.settle()
        if killed:
            self.report()
        if killed or wakes:
            self.cycle()

    @rule()
    def cycle(self) -> None:
        self._cycle()
        self.after("cycle")

    @precondition(lambda self: self.any_in("Q"))
    @rule(taken=st.booleans())
    def cycle_and_death(self, taken: bool) -> None:
        """The server is killed when it has sent jobs to moms and has no answer yet."""
        self._cycle("taken" if taken else "dropped")
        self.after("killed while jobs start")

    def _cycle(self, unheard: str = "") -> None:
        with self.site.starts_held():
            ordered = self.site.cycle()
            expected = list(self.model.cycle())
            if ordered != expected:
                Machine.failed = True
            assert ordered == expected
            started = [job for order, job in ordered if order == "run"]
            if unheard:
                self.site.wait_until_sent(len(started))
                self.site.moms.unheard = unheard
                self.site.restart()
                self.model.restart()
        for job in started:
            if unheard:
                self.model.start_lost(job, unheard == "taken")
            else:
                self.model.sent(job)

    # --- moms -----------------------------------------------------------------------------

    @precondition(lambda self: self.model.nodes)
    @rule(number=st.none() | pick)
    def report(self, number: int | None = None) -> None:
        """One mom reports, or all."""
        names = [name for name in self.model.nodes if self.model.moms[name].alive]
        if names and number is not None:
            names = [names[number % len(names)]]
        woken = self.site.woken()
        for name in names:
            purged, expected = self.site.report(name), self.model.report(name)
            if purged != expected:
                Machine.failed = True
            assert purged == expected, f"the mom of {name} is told to forget {purged}"
        assert self.site.woken() == woken, "a node that becomes free wakes no scheduler"
        self.after("report")

    @precondition(lambda self: self.on_moms())
    @rule(
        ends=st.lists(st.tuples(pick, st.sampled_from([0, 0, 1])), min_size=1, max_size=4),
        wakes=st.booleans(),
    )
    def jobs_end(self, ends: list[tuple[int, int]], wakes: bool) -> None:
        for number, status in ends:
            there = self.on_moms()
            if there:
                node, job = there[number % len(there)]
                ending = self.model.moms[node].ending.get(job, "")
                code = 271 if ending else status
                self.site.obituary(node, job, code, rerun=ending == "rerun")
                self.model.obituary(node, job, code)
        self.after("jobs end", wakes=wakes)

    @precondition(lambda self: self.awaited())
    @rule(number=pick, status=st.sampled_from([0, 1]))
    def awaited_job_ends(self, number: int, status: int) -> None:
        """One that others wait for."""
        there = self.awaited()
        node, job = there[number % len(there)]
        self.site.obituary(node, job, status, rerun=False)
        self.model.obituary(node, job, status)
        self.after(f"a job that others wait for ends with {status}")

    @precondition(lambda self: self.model.former_runs())
    @rule(number=pick, status=st.sampled_from([0, 1, 271]), rerun=st.booleans())
    def late_obituary(self, number: int, status: int, rerun: bool) -> None:
        """A mom tells, once more or late, how an earlier run of a job ended: nothing changes."""
        former = self.model.former_runs()
        self.site.late_obituary(*former[number % len(former)], status, rerun)
        self.after("late obituary")

    def awaited(self) -> list[tuple[str, str]]:
        """What moms know of, and others wait for: (node, job)."""
        names = {name for job in self.model.jobs.values() for _, name in job.waits}
        jobs = self.model.jobs
        return [
            (node, name)
            for node, name in self.on_moms()
            if name in jobs
            and names & {name, jobs[name].array}
            and name not in self.model.moms[node].ending
        ]

    def on_moms(self) -> list[tuple[str, str]]:
        """What moms that live know of: (node, job)."""
        moms = self.model.moms.items()
        return [(name, job) for name, mom in moms if mom.alive for job in mom.jobs]

    @rule(name=node_names)
    def mom_dies(self, name: str) -> None:
        self.model.moms[name].alive = self.site.moms.alive[name] = False
        self.after("mom dies")

    @precondition(lambda self: not all(mom.alive for mom in self.model.moms.values()))
    @rule(loses_jobs=st.booleans())
    def moms_start(self, loses_jobs: bool) -> None:
        for name, mom in self.model.moms.items():
            if not mom.alive:
                mom.alive = self.site.moms.alive[name] = True
                if loses_jobs:
                    mom.ending.clear()
                    mom.jobs.clear()
                    self.site.moms.jobs[name].clear()
        self.after("moms start")
