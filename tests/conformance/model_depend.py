"""Who waits for whom, in the model: `qsub -W depend=`."""

from __future__ import annotations

from abc import ABC, abstractmethod

from tests.conformance.model_records import DELETED, Job

OF_JOBS = ("after", "afterok", "afternotok", "afterany")
OF_ARRAYS = ("afterstartarray", "afterokarray", "afternotokarray", "afteranyarray")


class Waiting(ABC):
    """The part of the model that knows what becomes of jobs that wait for others."""

    jobs: dict[str, Job]
    array_slots: dict[str, int | None]

    @abstractmethod
    def settle(self, job: Job) -> None:
        """A job's holds have changed."""

    @abstractmethod
    def complete(self, job: Job, exit_status: int) -> None:
        """A job is over."""

    def targets(self, name: str) -> list[Job]:
        """The job of that name, or all members of the array."""
        if name in self.array_slots:
            return [job for job in self.jobs.values() if job.array == name]
        return [self.jobs[name]] if name in self.jobs else []

    def over(self, name: str) -> bool:
        return all(job.state == "C" for job in self.targets(name))

    def met(self, kind: str, name: str) -> bool:
        """Whether what has become of a job, or of an array, is what another waits for."""
        jobs = self.targets(name)
        if kind in ("after", "afterstartarray"):
            return all(job.state in "REC" for job in jobs)
        good = {
            "afterok": all(job.exit == 0 for job in jobs),
            "afternotok": all(job.exit != 0 for job in jobs),
            "afterany": True,
        }
        return self.over(name) and good[kind.removesuffix("array")]

    def may_depend(self, depend: tuple[str, str]) -> bool:
        """Whether `qsub` takes it: not where it is met by what is over."""
        kind, name = depend
        return not (self.over(name) and self.met(kind, name))

    def wait(self, job: Job, depend: tuple[str, str]) -> None:
        """A new job waits, if it has to."""
        kind, name = depend
        if kind == "after" and self.met(kind, name):
            # It is remembered still, but holds nothing back.
            return
        if not self.met(kind, name):
            job.waits.append(depend)
            job.holds.add("s")

    def judge(self, job: Job) -> None:
        """Something has become of a job: who waited for it, or for its array, goes or ends."""
        for name in filter(None, (job.name, job.array)):
            for waiting in list(self.jobs.values()):
                for wait in [each for each in waiting.waits if each[1] == name]:
                    self._judge(waiting, wait)

    def _judge(self, job: Job, wait: tuple[str, str]) -> None:
        if job.state not in "QH":
            return
        if self.met(*wait):
            job.waits.remove(wait)
            if not job.waits:
                job.holds.discard("s")
                self.settle(job)
        elif self.over(wait[1]):
            self.complete(job, DELETED)
