"""The machine under Hypothesis' steps: a server and a model, and what must be true of both."""

from __future__ import annotations

import time
from collections import Counter
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from tests.conformance.fake_moms import NODES
from tests.conformance.model import Model
from tests.conformance.model_records import Job, Node
from tests.conformance.model_site import QUEUES, Shown, Site

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
                "job-exclusive": sum(len(slots) for _, slots in held) + len(node.lost) == node.np,
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
        log = "\n".join(self.site.log_of(differs))
        raise AssertionError(f"the server shows, the model says: {differs}; its log:\n{log}")

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

    def some(self, number: int, states: str) -> Job:
        jobs = [job for job in self.model.jobs.values() if job.state in states]
        return jobs[number % len(jobs)]

    def any_in(self, states: str) -> bool:
        return any(job.state in states for job in self.model.jobs.values())
