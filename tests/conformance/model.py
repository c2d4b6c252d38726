"""What TORQUE would do with jobs, slots and nodes, in as few words as possible.

It knows nothing of the server's code and does no I/O. A change gives True where it must
be accepted, False where it must be refused.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.conformance.model_depend import Waiting
from tests.conformance.model_nodes import Hosts
from tests.conformance.model_records import DELETED, Job, Mom, Node


class Model(Waiting, Hosts):
    """All that must be true."""

    def __init__(self, nodes: tuple[str, ...], queues: tuple[str, ...]) -> None:
        self.jobs: dict[str, Job] = {}
        self.nodes: dict[str, Node] = {}
        self.moms = {name: Mom() for name in nodes}
        self.started = dict.fromkeys(queues, True)
        self.limits: dict[tuple[str, str], int] = {}  # (queue or "", max_user_run or max_running)
        self.array_slots: dict[str, int | None] = {}
        self.deleted: set[str] = set()
        self.runs: list[tuple[str, str, int]] = []
        # Whether something has happened since the last cycle that must wake the scheduler.
        self.wakes = True

    # --- into the queue ----------------------------------------------------------------

    def may_submit(self, count: int, ppn: int, depend: tuple[str, str] | None) -> bool:
        """Whether `qsub` must be accepted."""
        if not self.fits_defined(count, ppn):
            return False
        return depend is None or self.may_depend(depend)

    def submit(self, job: Job, depend: tuple[str, str] | None = None) -> None:
        if depend is not None:
            self.wait(job, depend)
        self.jobs[job.name] = job
        self.settle(job)

    def submit_array(self, name: str, members: list[Job], slots: int | None) -> None:
        self.array_slots[name] = slots
        for number, job in enumerate(members):
            job.array = name
            if slots is not None and number >= slots:
                job.holds.add("l")
            self.submit(job)

    def settle(self, job: Job) -> None:
        if job.state in "QH":
            job.state = "H" if job.holds else "Q"
            self.wakes = self.wakes or job.state == "Q"

    def hold(self, name: str) -> bool:
        if name not in self.array_slots and self.jobs[name].state == "C":
            return False
        for job in self.targets(name):
            if job.state != "C":
                job.holds.add("u")
                self.settle(job)
        return True

    def release(self, name: str) -> bool:
        """Of an array: up to the first member that is not held."""
        if name not in self.array_slots and self.jobs[name].state == "C":
            return False
        for job in self.targets(name):
            if job.state != "C":
                if "u" not in job.holds:
                    return False
                job.holds.discard("u")
                self.settle(job)
        return True

    def alter(self, name: str, count: int, ppn: int) -> bool:
        job = self.jobs[name]
        if job.state not in "QH" or not self.fits_defined(count, ppn):
            return False
        job.count, job.ppn = count, ppn
        return True

    def set_array_slots(self, name: str, slots: int) -> bool:
        if self.over(name):
            return False
        self.array_slots[name] = slots
        self._give_slots(name)
        return True

    def _give_slots(self, array: str) -> None:
        limit = self.array_slots[array]
        if limit is None or array in self.deleted:
            return
        members = self.targets(array)
        busy = sum(job.state != "C" and "l" not in job.holds for job in members)
        for job in members:
            if busy < limit and job.state == "H" and "l" in job.holds:
                job.holds.discard("l")
                self.settle(job)
                busy += 1

    # --- a scheduling cycle ---------------------------------------------------------------

    def cycle(self) -> Iterator[tuple[str, str]]:
        """What the scheduler must order, in this order: (run or delete, job).

        The slots of a job that runs are taken here; `sent` says what became of its start.
        """
        self.wakes = False
        if not self.nodes:
            return
        for job in [job for job in self.jobs.values() if job.state == "Q"]:
            if not self.started[job.queue] or self._limited(job):
                continue
            fitting = [n for n in self.nodes if len(self.free(n)) >= job.ppn][: job.count]
            if len(fitting) == job.count:
                # The last that is found becomes the job's first host.
                job.slots = [(n, tuple(self.free(n)[: job.ppn])) for n in reversed(fitting)]
                job.np_at_start = {n: self.nodes[n].np for n in fitting}
                job.state = "R"
                job.run += 1
                yield "run", job.name
            elif not self.fits_defined(job.count, job.ppn):
                self.complete(job, job.exit)
                yield "delete", job.name

    def _limited(self, job: Job) -> bool:
        for (queue, kind), most in self.limits.items():
            if queue in ("", job.queue):
                running = sum(
                    other.state == "R"
                    and queue in ("", other.queue)
                    and (kind == "max_running" or other.user == job.user)
                    for other in self.jobs.values()
                )
                if running >= most:
                    return True
        return False

    def sent(self, name: str) -> None:
        """The first host's mom has been asked to start a job: it does, or cannot."""
        job = self.jobs[name]
        mom = self.moms[job.slots[0][0]]
        if not mom.alive:
            job.run -= 1
            self._off_nodes(job)
            return
        self._taken(job)
        self.judge(job)

    def start_lost(self, name: str, known: bool) -> None:
        """The server died before the mom's answer, whether or not the mom took the job."""
        job = self.jobs[name]
        mom = self.moms[job.slots[0][0]]
        if known and mom.alive:
            self._taken(job)
        self._requeue(job)

    def _taken(self, job: Job) -> None:
        mom = self.moms[job.slots[0][0]]
        mom.jobs[job.name] = job.run
        mom.ending.pop(job.name, None)
        self.runs.append((job.slots[0][0], job.name, job.run))

    def former_runs(self) -> list[tuple[str, str, int]]:
        """Runs of jobs that are on nodes again: (mom's node, job, run)."""
        jobs = self.jobs
        return [
            (node, name, run)
            for node, name, run in self.runs
            if name in jobs and jobs[name].on_nodes and jobs[name].run != run
        ]

    # --- off the nodes ---------------------------------------------------------------------

    def _off_nodes(self, job: Job) -> None:
        self.lose(job)
        job.slots = []
        job.state = "H" if job.holds else "Q"

    def _requeue(self, job: Job) -> None:
        self._off_nodes(job)
        self.wakes = True

    def complete(self, job: Job, exit_status: int) -> None:
        self.wakes = self.wakes or job.on_nodes
        self.lose(job)
        job.state, job.exit = "C", exit_status
        if job.array:
            self._give_slots(job.array)
        self.judge(job)

    def delete(self, name: str) -> bool:
        if name not in self.array_slots:
            return self.jobs[name].state != "C" and self._delete(self.jobs[name])
        self.deleted.add(name)  # none of it gets another's slot any more
        for job in self.targets(name):
            if job.state != "C" and not job.on_nodes:
                self._delete(job)
        for job in self.targets(name):
            if job.on_nodes:
                self._delete(job)
        return True

    def _delete(self, job: Job) -> bool:
        if not job.on_nodes:
            self.complete(job, job.exit)
            return True
        mom = self.moms[job.slots[0][0]]
        if not mom.alive:
            return False
        if mom.jobs.get(job.name) != job.run:
            self.complete(job, DELETED)
        else:
            job.state = "E"
            mom.ending[job.name] = "kill"
        return True

    def purge(self, name: str) -> None:
        """`qdel -p`: forgotten, whatever its mom says."""
        for job in self.targets(name):
            self._mom_purges(job)
            self.complete(job, job.exit)
            del self.jobs[job.name]
        self.array_slots.pop(name, None)
        self.wakes = True

    def _mom_purges(self, job: Job) -> None:
        if job.on_nodes:
            mom = self.moms[job.slots[0][0]]
            if mom.alive and mom.jobs.get(job.name) == job.run:
                del mom.jobs[job.name]

    def rerun(self, name: str, force: bool) -> bool:
        """`qrerun` of a job that is not over."""
        job = self.jobs[name]
        if not job.on_nodes:
            return True
        if force:
            self._mom_purges(job)
            self._requeue(job)
            return True
        mom = self.moms[job.slots[0][0]]
        if not mom.alive or mom.jobs.get(name) != job.run:
            return False
        mom.ending[name] = "rerun"
        return True

    def obituary(self, node: str, name: str, exit_status: int) -> None:
        """A mom says that a job has ended; one that is out of date changes nothing."""
        mom = self.moms[node]
        run = mom.jobs.pop(name)
        ending = mom.ending.pop(name, "")
        job = self.jobs.get(name)
        if job is None or not job.on_nodes or job.run != run:
            return
        job.exit = exit_status
        if ending == "rerun":
            self._requeue(job)
        else:
            self.complete(job, exit_status)

    # --- the server ---------------------------------------------------------------------------

    def restart(self) -> None:
        """The server is killed and started: jobs stay, nodes are down until they report."""
        self.wakes = True
        for node in self.nodes.values():
            node.down = True
            node.lost.clear()
        for job in self.jobs.values():
            job.np_at_start = {name: max(slots) + 1 for name, slots in job.slots}
