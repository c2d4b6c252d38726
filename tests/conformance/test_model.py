"""A model of jobs, slots and nodes beside the real built-in server.

Hypothesis does what users, operators and faults do, the server is killed at any step, and
after each step what it shows must be what the model says; a sequence that fails is made
shorter. MODEL_STEPS and MODEL_SEED set how many steps, and which.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.conformance.model import Job, Model, Node
from tests.conformance.model_site import NODES, QUEUES, Shown, Site

STEPS = int(os.environ.get("MODEL_STEPS", "1500"))
SEED = int(os.environ.get("MODEL_SEED", "1"))
STEPS_OF_A_SEQUENCE = 30
MOST_JOBS = 25
LIMITS = ("max_running", "max_user_run")
DEPENDENCIES = ("after", "afterok", "afternotok", "afterany")

pick = st.integers(0, 24)
sizes = st.sampled_from([(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (1, 3), (4, 1)])
seldom = st.integers(0, 9).map(lambda number: number == 9)
node_names = st.sampled_from(NODES)


def spec(count: int, ppn: int) -> str:
    return f"{count}:ppn={ppn}"


class Machine(RuleBasedStateMachine):
    """Steps, and what must be true after each."""

    site: ClassVar[Site]
    done: ClassVar[Counter[str]] = Counter()
    states: ClassVar[Counter[str]] = Counter()
    failed: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.site.reset(fresh=Machine.failed and self.site.server_is_gone())
        self.model = Model(NODES, QUEUES)
        for name in NODES[:3]:
            assert self.site.change("create", "node", name, np="2")
            self.model.nodes[name] = Node(2)
        self.settle()
        for name in NODES[:3]:
            self.site.report(name)
            self.model.report(name)
        self.settle()

    @initialize(jobs=st.lists(sizes, max_size=4), slots=st.none() | st.integers(1, 3))
    def jobs_there(self, jobs: list[tuple[int, int]], slots: int | None) -> None:
        for size in jobs:
            self.qsub(size, 0, QUEUES[0], False, None, False, False)
        if slots is not None:
            self.qsub_array((1, 1), slots + 2, slots, False, False, False)
        self.cycle()

    # --- what must be true ----------------------------------------------------------------

    def expected(self) -> Shown:
        model = self.model
        jobs = {}
        for job in model.jobs.values():
            holds = job.holds if job.state != "C" else set()
            slots = job.slots if job.on_nodes else []
            jobs[job.name] = (job.state, frozenset(holds), tuple(slots))
        nodes = {}
        for name, node in model.nodes.items():
            held = tuple(sorted(model.held(name).items()))
            words = {
                "down": node.down,
                "offline": node.offline,
                "MOM-list-not-sent": node.unsent,
                "job-exclusive": sum(len(slots) for _, slots in held) == node.np,
            }
            nodes[name] = (node.np, frozenset(w for w, on in words.items() if on), held)
        return Shown(jobs, nodes)

    def settle(self) -> None:
        """Wait until the server shows what the model says; no slot is given twice meanwhile."""
        self.model.lists()
        expected = self.expected()
        known = {name: mom.jobs for name, mom in self.model.moms.items()}
        deadline = time.monotonic() + (1 if Machine.failed else 20)
        while True:
            seen = self.site.shown()
            self.no_slot_twice(seen)
            woken = self.site.woken() or not self.model.wakes
            if seen == expected and self.site.moms.jobs == known and woken:
                Machine.states.update(job.state for job in self.model.jobs.values())
                return
            if time.monotonic() > deadline:
                break
            time.sleep(0.002)
        Machine.failed = True
        differs = {
            name: (shown.get(name, "unknown"), wanted.get(name, "unknown"))
            for shown, wanted in (
                (seen.jobs, expected.jobs),
                (seen.nodes, expected.nodes),
                (self.site.moms.jobs, known),
            )
            for name in {*shown, *wanted}
            if shown.get(name) != wanted.get(name)  # type: ignore[attr-defined]
        }
        assert differs, "the scheduler was not woken"
        raise AssertionError(f"the server shows, the model says: {differs}")

    def no_slot_twice(self, seen: Shown) -> None:
        for name, (np, _, held) in seen.nodes.items():
            slots = [slot for _, indexes in held for slot in indexes]
            if len(slots) != len(set(slots)) or any(slot >= np for slot in slots):
                Machine.failed = True
                raise AssertionError(f"slots of {name} (np={np}) given twice or not there: {held}")

    def agree(self, accepted: bool, expected: bool, what: str) -> None:
        if accepted != expected:
            Machine.failed = True
        assert accepted == expected, f"{what}: accepted {accepted}, the model says {expected}"

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

    def some(self, number: int, states: str) -> Job:
        jobs = [job for job in self.model.jobs.values() if job.state in states]
        return jobs[number % len(jobs)]

    def any_in(self, states: str) -> bool:
        return any(job.state in states for job in self.model.jobs.values())

    # --- users --------------------------------------------------------------------------

    @precondition(lambda self: len(self.model.jobs) < MOST_JOBS)
    @rule(
        size=sizes,
        user=st.integers(0, 1),
        queue=st.sampled_from(QUEUES),
        hold=seldom,
        depend=st.none() | st.tuples(st.sampled_from(DEPENDENCIES), pick),
        killed=seldom,
        wakes=st.booleans(),
    )
    def qsub(
        self,
        size: tuple[int, int],
        user: int,
        queue: str,
        hold: bool,
        depend: tuple[str, int] | None,
        killed: bool,
        wakes: bool,
    ) -> None:
        singles = [job.name for job in self.model.jobs.values() if not job.array]
        waits = (depend[0], singles[depend[1] % len(singles)]) if depend and singles else None
        more: dict[str, Any] = {"hold": "u"} if hold else {}
        if waits is not None:
            more["depend"] = [waits]
        name = self.site.users[user % len(self.site.users)]
        job = self.site.submit(name, queue, spec(*size), **more)
        self.agree(bool(job), self.model.may_submit(*size, waits), f"qsub {size} {waits}")
        if job:
            assert job not in self.model.jobs, "a job's number was given twice"
            holds = {"u"} if hold else set()
            self.model.submit(Job(job, name, queue, *size, holds=holds), waits)
        self.after("qsub", killed, wakes)

    @precondition(lambda self: len(self.model.jobs) < MOST_JOBS)
    @rule(
        size=sizes,
        members=st.integers(1, 5),
        slots=st.none() | st.integers(1, 3),
        hold=seldom,
        killed=seldom,
        wakes=st.booleans(),
    )
    def qsub_array(
        self,
        size: tuple[int, int],
        members: int,
        slots: int | None,
        hold: bool,
        killed: bool,
        wakes: bool,
    ) -> None:
        request = f"0-{members - 1}" + (f"%{slots}" if slots else "")
        more = {"hold": "u"} if hold else {}
        name = self.site.users[0]
        array = self.site.submit(name, "batch", spec(*size), array=request, **more)
        self.agree(bool(array), self.model.may_submit(*size, None), f"qsub -t {size}")
        if array:
            jobs = [
                Job(
                    array.replace("[]", f"[{index}]"), name, "batch", *size, holds=set(more and "u")
                )
                for index in range(members)
            ]
            self.model.submit_array(array, jobs, slots)
        self.after("qsub -t", killed, wakes)

    def one_or_array(self, number: int) -> str:
        names = [job.array or job.name for job in self.model.jobs.values()]
        return names[number % len(names)]

    @precondition(lambda self: self.model.jobs)
    @rule(number=pick, killed=seldom)
    def qhold(self, number: int, killed: bool) -> None:
        name = self.one_or_array(number)
        self.agree(self.site.accepted("hold", id=name, letters="u"), self.model.hold(name), "qhold")
        self.after("qhold", killed)

    @precondition(lambda self: any("u" in job.holds for job in self.model.jobs.values()))
    @rule(number=pick, killed=seldom)
    def qrls(self, number: int, killed: bool) -> None:
        held = [job.array or job.name for job in self.model.jobs.values() if "u" in job.holds]
        name = held[number % len(held)]
        self.agree(
            self.site.accepted("release", id=name, letters="u"), self.model.release(name), "qrls"
        )
        self.after("qrls", killed)

    @precondition(lambda self: any(not job.array for job in self.model.jobs.values()))
    @rule(number=pick, size=sizes, killed=seldom)
    def qalter(self, number: int, size: tuple[int, int], killed: bool) -> None:
        singles = [job for job in self.model.jobs.values() if not job.array]
        job = singles[number % len(singles)]
        changes = {"resources": [["nodes", spec(*size)]]}
        accepted = self.site.accepted("alter", job.user, id=job.name, changes=changes)
        self.agree(accepted, self.model.alter(job.name, *size), f"qalter {size}")
        self.after("qalter", killed)

    @precondition(lambda self: self.model.array_slots)
    @rule(number=pick, slots=st.integers(1, 4), killed=seldom)
    def qalter_slots(self, number: int, slots: int, killed: bool) -> None:
        arrays = list(self.model.array_slots)
        array = arrays[number % len(arrays)]
        assert self.site.accepted("alter", id=array, range=f"%{slots}", changes={})
        self.model.set_array_slots(array, slots)
        self.after("qalter -t %", killed)

    @precondition(lambda self: self.model.jobs)
    @rule(number=pick)
    def qdel(self, number: int) -> None:
        name = self.one_or_array(number)
        self.agree(self.site.accepted("delete", id=name), self.model.delete(name), "qdel")
        self.after("qdel")

    @precondition(lambda self: self.any_in("QHRE"))
    @rule(number=pick)
    def qdel_purge(self, number: int) -> None:
        job = self.some(number, "QHRE")
        name = job.array or job.name
        assert self.site.accepted("delete", id=name, purge=True)
        self.model.purge(name)
        self.after("qdel -p")

    @precondition(lambda self: self.any_in("RE"))
    @rule(number=pick, force=st.booleans())
    def qrerun(self, number: int, force: bool) -> None:
        name = self.some(number, "RE").name
        accepted = self.site.accepted("rerun", id=name, force=force)
        self.agree(accepted, self.model.rerun(name, force), f"qrerun, force {force}")
        self.after("qrerun")

    # --- the scheduler ----------------------------------------------------------------------

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

    # --- operators ----------------------------------------------------------------------------

    @precondition(lambda self: self.model.nodes)
    @rule(number=pick, offline=st.booleans(), killed=seldom)
    def pbsnodes(self, number: int, offline: bool, killed: bool) -> None:
        name = list(self.model.nodes)[number % len(self.model.nodes)]
        action = "offline" if offline else "clear"
        accepted = self.site.accepted("mark_node", name=name, action=action)
        self.agree(accepted, self.model.mark(name, offline), f"pbsnodes {action}")
        self.after(f"pbsnodes {action}", killed)

    @precondition(lambda self: len(self.model.nodes) < len(NODES))
    @rule(np=st.integers(1, 3), killed=seldom)
    def create_node(self, np: int, killed: bool) -> None:
        name = next(name for name in NODES if name not in self.model.nodes)
        assert self.site.change("create", "node", name, np=str(np))
        self.model.nodes[name] = Node(np)
        self.after("create node", killed)

    @precondition(lambda self: any(not self.model.held(name) for name in self.model.nodes))
    @rule(number=pick, killed=seldom)
    def delete_node(self, number: int, killed: bool) -> None:
        """Of idle nodes only: what a busy one's deletion costs has tests of its own."""
        idle = [name for name in self.model.nodes if not self.model.held(name)]
        name = idle[number % len(idle)]
        assert self.site.change("delete", "node", name)
        del self.model.nodes[name]
        self.after("delete node", killed)

    @precondition(lambda self: self.model.nodes)
    @rule(number=pick, killed=seldom)
    def more_slots(self, number: int, killed: bool) -> None:
        """Only ever raised: the trap of lowering has tests of its own."""
        name = list(self.model.nodes)[number % len(self.model.nodes)]
        node = self.model.nodes[name]
        if node.np < 4:
            node.np += 1
            assert self.site.change("set", "node", name, np=str(node.np))
        self.after("set node np", killed)

    @rule(queue=st.sampled_from(QUEUES), started=st.booleans(), killed=seldom)
    def queue_started(self, queue: str, started: bool, killed: bool) -> None:
        assert self.site.change("set", "queue", queue, started=str(started))
        self.model.started[queue] = started
        self.after("qstart and qstop", killed)

    @rule(
        queue=st.sampled_from(("", *QUEUES)),
        kind=st.sampled_from(LIMITS),
        most=st.none() | st.integers(0, 3),
        killed=seldom,
    )
    def limit(self, queue: str, kind: str, most: int | None, killed: bool) -> None:
        what = "queue" if queue else "server"
        if most is None:
            self.site.unset(what, queue, kind)
            self.model.limits.pop((queue, kind), None)
        else:
            assert self.site.change("set", what, queue, **{kind: str(most)})
            self.model.limits[queue, kind] = most
        self.after(kind, killed)

    @rule(reports=st.booleans())
    def server_dies(self, reports: bool) -> None:
        self.site.restart()
        self.model.restart()
        self.after("killed")
        if reports:
            self.report()
            self.cycle()


@pytest.fixture
def site() -> Iterator[Site]:
    running = Site()
    yield running
    running.close()


@pytest.mark.system
def test_the_server_agrees_with_the_model(site: Site) -> None:
    Machine.site = site
    Machine.done.clear()
    Machine.states.clear()
    Machine.failed = False
    sequences = settings(
        max_examples=-(-STEPS // STEPS_OF_A_SEQUENCE) + 1,
        stateful_step_count=STEPS_OF_A_SEQUENCE,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(SEED)(Machine), settings=sequences)
    print(f"{sum(Machine.done.values())} steps: {dict(Machine.done.most_common())}")
    print(f"states that jobs were seen in after a step: {dict(Machine.states)}")
    assert sum(Machine.done.values()) >= STEPS
    assert set(Machine.states) == set("QHREC")
