"""What users do, as steps of Hypothesis'."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.conformance.model_depend import OF_ARRAYS, OF_JOBS
from tests.conformance.model_machine import pick, seldom, sizes, spec
from tests.conformance.model_of_jobs import Jobs
from tests.conformance.model_records import Job
from tests.conformance.model_site import QUEUES

MOST_JOBS = 25


class Users(Jobs):
    """`qsub`, `qhold`, `qalter`, `qdel` and the like."""

    @precondition(lambda self: len(self.model.jobs) < MOST_JOBS)
    @rule(
        size=sizes,
        user=st.integers(0, 1),
        queue=st.sampled_from(QUEUES),
        hold=seldom,
        depend=st.none() | st.tuples(st.sampled_from((*OF_JOBS, *OF_ARRAYS)), pick),
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
        waits = self.wait(*depend) if depend else None
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

    def wait(self, kind: str, number: int) -> tuple[str, str] | None:
        """A dependency on a job, rather one that is not over; None where there is none."""
        jobs = self.model.jobs.values()
        names = [job.array if kind in OF_ARRAYS else "" if job.array else job.name for job in jobs]
        open_ = [name for name in names if name and not self.model.over(name)]
        found = [*open_, *open_, *open_, *filter(None, names)]
        return (kind, found[number % len(found)]) if found else None

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
        changes = {
            "resources": [["nodes", spec(*size)]],
            "attributes": ["Resource_List.nodes"],
        }
        accepted = self.site.accepted("alter", job.user, id=job.name, changes=changes)
        self.agree(accepted, self.model.alter(job.name, *size), f"qalter {size}")
        self.after("qalter", killed)

    @precondition(lambda self: self.model.array_slots)
    @rule(number=pick, slots=st.integers(1, 4), killed=seldom)
    def qalter_slots(self, number: int, slots: int, killed: bool) -> None:
        arrays = list(self.model.array_slots)
        array = arrays[number % len(arrays)]
        accepted = self.site.accepted("alter", id=array, range=f"%{slots}", changes={})
        self.agree(accepted, self.model.set_array_slots(array, slots), f"qalter -t %{slots}")
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
