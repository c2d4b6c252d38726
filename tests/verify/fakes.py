"""A cluster in a dictionary: jobs run as soon as somebody looks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from torque_mesos.batch.base import ServerUnreachable
from torque_mesos.batch.commands import Answer
from torque_mesos.model import Job, JobState, Node, NodeState, Reading

PARKED = frozenset({NodeState.OFFLINE, NodeState.DOWN})
FREE = frozenset({NodeState.FREE})


def parked(name: str, np: int = 2) -> Node:
    return Node(name, PARKED, np, note="torque-mesos:parked")


def online(name: str, np: int = 2) -> Node:
    return Node(name, FREE, np, note="torque-mesos:online")


@dataclass
class FakeCluster:
    """Its `read` runs what waits. What goes wrong is said by its fields."""

    nodes: dict[str, Node]
    jobs: dict[str, Job] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    scripts: dict[str, tuple[str, str]] = field(default_factory=dict)  # text, folder
    deleted: list[str] = field(default_factory=list)
    stuck: bool = False  # jobs never start
    keeps: bool = True  # complete jobs stay listed
    stays_online: bool = False
    down: bool = False
    exit_status: int | None = None  # instead of the job's own
    spoil: Callable[[str], str] = str  # what becomes of stdout
    time_s: float = 0.0

    def clock(self) -> float:
        return self.time_s

    def sleep(self, seconds: float) -> None:
        self.time_s += seconds

    def read(self) -> Reading:
        if self.down:
            raise ServerUnreachable("qstat: nobody answers")
        for job_id in list(self.scripts):
            if not self.stuck:
                self._run(job_id)
        reading = Reading(tuple(self.jobs.values()), tuple(self.nodes.values()))
        if not self.keeps:
            self.jobs = {k: j for k, j in self.jobs.items() if j.state is not JobState.COMPLETE}
        if not self.scripts and not self.stays_online:
            self.nodes = {name: self._first[name] for name in self.nodes}
        return reading

    def __post_init__(self) -> None:
        self._first = dict(self.nodes)

    def _run(self, job_id: str) -> None:
        text, folder = self.scripts.pop(job_id)
        job = self.jobs[job_id]
        match = re.match(r"nodes=(\d+):ppn=(\d+)", job.resources["nodes"])
        assert match
        hosts = sorted(self.nodes)[: int(match[1])]
        for name in hosts:
            self.nodes[name] = online(name)
        slots = [name for name in hosts for _ in range(int(match[2]))]
        token = re.findall(r"verify-[0-9a-f]{8}", text)[0]
        lines = [f"{token} begin", f"{token} user {job.user}"]
        lines += [f"{token} slot {name}" for name in slots]
        lines += [f"{token} task" for _ in slots if "pbsdsh" in text]
        out = "\n".join(["Welcome to our site", *lines, f"{token} end", ""])
        number = job_id.partition(".")[0]
        self.files[f"{folder}/{job.name}.o{number}"] = self.spoil(out)
        self.files[f"{folder}/{job.name}.e{number}"] = f"{token} error\n"
        own = int(text.rstrip().rpartition(" ")[2])
        status = own if self.exit_status is None else self.exit_status
        self.jobs[job_id] = replace(job, state=JobState.COMPLETE, exit_status=status)


@dataclass
class FakeAccount:
    """A user on a client of a fake cluster."""

    cluster: FakeCluster
    user: str = "alice"
    client: str = "head"
    refuses: str = ""
    calls: Counter[str] = field(default_factory=Counter)

    def run(self, argv: Sequence[str], *, folder: str = "/", text: str = "") -> Answer:
        command = argv[0].rpartition("/")[2]
        self.calls[command] += 1
        code, out, err = self._answer(command, argv, folder, text)
        return Answer(tuple(argv), code, out, err)

    def _answer(
        self, command: str, argv: Sequence[str], folder: str, text: str
    ) -> tuple[int, str, str]:
        cluster = self.cluster
        if command == "sh":
            made = f"{argv[-1] or '/home/' + self.user}/torque-mesos-verify.{len(cluster.folders)}"
            cluster.folders.add(made)
            return 0, made + "\n", ""
        if command == "qsub":
            if self.refuses:
                return 1, "", self.refuses
            job_id = f"{len(cluster.jobs) + 1}.head"
            request = argv[argv.index("-l") + 1]
            cluster.jobs[job_id] = Job(
                job_id,
                argv[argv.index("-N") + 1],
                f"{self.user}@{self.client}",
                "batch",
                JobState.QUEUED,
                {"nodes": request},
                user=self.user,
            )
            cluster.scripts[job_id] = (text, folder)
            return 0, job_id + "\n", ""
        if command == "cat":
            found = cluster.files.get(argv[-1])
            return (1, "", "no such file") if found is None else (0, found, "")
        if command == "qdel":
            cluster.deleted.append(argv[-1])
            cluster.scripts.pop(argv[-1], None)
            cluster.jobs.pop(argv[-1], None)
            return 0, "", ""
        assert command == "rm"
        cluster.folders.discard(argv[-1])
        return 0, "", ""
