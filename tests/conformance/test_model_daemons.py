"""Random steps on a whole cluster: the real server, scheduler, moms and commands.

A seeded driver does what users, operators and faults do; after each step no job may be lost
and no slot given twice. `test_model.py` knows more and does far more steps, but with moms
that run nothing. DAEMON_STEPS and MODEL_SEED set how many steps, and which.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from xml.etree import ElementTree

import pytest

from tests.batch.builtin.cluster import Cluster
from tests.batch.builtin.command import flat
from tests.waiting import wait_for

STEPS = int(os.environ.get("DAEMON_STEPS", "120"))
SEED = int(os.environ.get("MODEL_SEED", "1"))
NODES = ("n1.cluster.test", "n2.cluster.test", "n3.cluster.test")
REQUESTS = {"nodes=1": 1, "nodes=1:ppn=2": 2, "nodes=2": 2, "nodes=2:ppn=2": 4, "nodes=3": 3}
MOST_JOBS = 25


def slots(text: str) -> set[int]:
    """The indexes of `0-1,3`."""
    found: set[int] = set()
    for part in text.split(","):
        low, _, high = part.partition("-")
        found |= set(range(int(low), int(high or low) + 1))
    return found


@dataclass
class Seen:
    """What the server shows at one moment: (node, slot) of each job by two ways."""

    jobs: dict[str, dict[str, str]]
    nodes: dict[str, dict[str, str]]
    by_job: dict[str, set[tuple[str, int]]] = field(default_factory=dict)
    by_node: dict[str, set[tuple[str, int]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for job, shown in self.jobs.items():
            if shown["job_state"] in "RE":
                for part in shown["exec_host"].split("+"):
                    node, _, indexes = part.partition("/")
                    self.by_job.setdefault(job, set()).update((node, i) for i in slots(indexes))
        for node, shown in self.nodes.items():
            for indexes, job in re.findall(r"([\d,-]+)/([^,]+)", shown.get("jobs", "")):
                held = self.by_node.setdefault(job, set())
                held.update((node, i) for i in slots(indexes.strip(",")))


class Driver:
    """Does one random thing after another, and remembers what must be true."""

    def __init__(self, cluster: Cluster, seed: int) -> None:
        self.cluster = cluster
        self.random = random.Random(seed)
        self.wanted: dict[str, int] = {}
        self.over: set[str] = set()
        self.held: set[str] = set()
        self.done: list[str] = []

    def look(self) -> Seen:
        """Jobs and nodes now."""
        jobs = self.cluster.run("qstat", "-x", "-t")
        nodes = self.cluster.run("pbsnodes", "-x")
        assert jobs.returncode == nodes.returncode == 0, (jobs.stderr, nodes.stderr)
        read = [list(map(flat, ElementTree.fromstring(each.stdout))) for each in (jobs, nodes)]
        return Seen(
            {each["Job_Id"]: each for each in read[0]}, {each["name"]: each for each in read[1]}
        )

    # --- steps ----------------------------------------------------------------------

    def submit(self) -> None:
        if len(self.wanted) - len(self.over) >= MOST_JOBS:
            return
        spec = self.random.choice(list(REQUESTS))
        hold = self.random.random() < 0.2
        seconds = self.random.choice(("0.1", "300"))
        options = ["-l", spec, "-o", "/dev/null", "-e", "/dev/null", *["-h"] * hold]
        job = self.cluster.submit(f"sleep {seconds}\n", *options)
        assert job not in self.wanted, "a job's number was given twice"
        self.wanted[job] = REQUESTS[spec]
        if hold:
            self.held.add(job)

    def delete(self) -> None:
        alive = sorted(set(self.wanted) - self.over)
        if alive:
            job = self.random.choice(alive)
            if self.cluster.run("qdel", job).returncode == 0:
                self.over.add(job)
                self.held.discard(job)

    def release(self) -> None:
        if self.held:
            job = self.random.choice(sorted(self.held))
            assert self.cluster.run("qrls", job).returncode == 0
            self.held.discard(job)

    def offline(self) -> None:
        self.cluster.run("pbsnodes", "-o", self.random.choice(NODES))

    def online(self) -> None:
        self.cluster.run("pbsnodes", "-c", *NODES)
        self.cluster.kick()

    def more_slots(self) -> None:
        # Only ever raised: the trap of lowering has a test of its own.
        node = self.random.choice(NODES)
        np = int(self.look().nodes[node]["np"])
        if np < 5:
            self.cluster.qmgr(f"set node {node} np={np + 1}")

    def mom_killed(self) -> None:
        if self.cluster.moms:
            process = self.cluster.moms.pop(self.random.choice(sorted(self.cluster.moms)))
            process.kill()
            process.wait()

    def mom_started(self) -> None:
        for node in NODES:
            if node not in self.cluster.moms:
                self.cluster.start_mom(node, ready=False)

    def server_killed(self) -> None:
        server = self.cluster.server
        assert server is not None
        server.kill()
        server.wait()
        self.cluster.start_server()

    def step(self) -> None:
        """One of them, then the invariants."""
        actions: list[Callable[[], None]] = [
            *[self.submit] * 5, self.delete, self.delete, self.release, self.offline,
            *[self.online] * 2, self.more_slots, self.mom_killed, *[self.mom_started] * 2,
            self.server_killed,
        ]  # fmt: skip
        action = self.random.choice(actions)
        self.done.append(action.__name__)
        action()
        self.check()

    # --- invariants -------------------------------------------------------------------

    def check(self) -> None:
        """All of them; only that the two views agree may take a moment (they are two reads)."""
        seen = self.look()
        if seen.by_job != seen.by_node:
            views: list[Seen] = []

            def agree() -> bool:
                views.append(self.look())
                return views[-1].by_job == views[-1].by_node

            wait_for(agree, 60, f"nodes and jobs agree on slots, after {self.done[-8:]}")
            seen = views[-1]
        lost = set(self.wanted) - set(seen.jobs)
        assert not lost, f"lost: {lost}, after {self.done[-8:]}"
        taken: dict[tuple[str, int], str] = {}
        for job, held in seen.by_job.items():
            assert len(held) == self.wanted[job], (job, held, self.done[-8:])
            for slot in held:
                assert slot not in taken, f"{slot}: {job} and {taken[slot]}, {self.done[-8:]}"
                assert slot[1] < int(seen.nodes[slot[0]]["np"])
                taken[slot] = job
        for job, shown in seen.jobs.items():
            state = shown["job_state"]
            assert job not in self.held or state == "H", (job, state, self.done[-8:])
            assert job not in self.over or state in "CE", (job, state, self.done[-8:])
            if state == "C":
                self.over.add(job)
        for job in seen.by_job:
            self._node_file_is_exec_host(job, seen)

    def _node_file_is_exec_host(self, job: str, seen: Seen) -> None:
        first = seen.jobs[job]["exec_host"].partition("/")[0]
        path = self.cluster.mom_home(first) / "aux" / job
        if path.exists():
            lines = path.read_text().splitlines()
            assert sorted(lines) == sorted(node for node, _ in seen.by_job[job]), (job, lines)


@pytest.mark.system
def test_the_daemons_lose_nothing(cluster: Cluster) -> None:
    cluster.with_nodes(*NODES)
    cluster.qmgr("set server keep_completed=36000")
    driver = Driver(cluster, SEED)
    for _ in range(STEPS):
        driver.step()
    assert {"submit", "delete", "server_killed", "mom_killed"} <= set(driver.done)
    driver.mom_started()
    for job in sorted(driver.held):
        cluster.run("qrls", job)
    driver.held.clear()
    driver.online()
    for job in sorted(set(driver.wanted) - driver.over):
        wait_for(
            lambda job=job: (
                cluster.run("qdel", job).returncode == 0 or cluster.job(job).get("job_state") == "C"
            ),
            60,
            f"{job} is deleted",
        )

    def idle() -> bool:
        seen = driver.look()
        return not seen.by_job and not seen.by_node

    wait_for(idle, 60, "all slots are free again")
