"""What the demo does, step by step, and what it checks."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from dev.demo.site import HOSTNAMES, SLOTS_PER_HOST, DemoError, Site
from dev.demo.watch import Sample, Watch

MANY = 5
ONE = """\
#!/bin/sh
#PBS -N one
sleep 2
echo "one slot, on $(cat $PBS_NODEFILE)"
"""
TWO = f"""\
#!/bin/sh
#PBS -N two
#PBS -l nodes=2:ppn={SLOTS_PER_HOST}
sleep 2
cat $PBS_NODEFILE
"""
LARGE = f"""\
#!/bin/sh
#PBS -N large
#PBS -l nodes={len(HOSTNAMES) + 1}:ppn={SLOTS_PER_HOST}
echo "this never runs"
"""
NUMBERED = """\
#!/bin/sh
#PBS -N many{number}
sleep 3
echo "{number} times {number} is $(({number} * {number}))"
"""


class Story:
    """The demo's steps. Each raises DemoError when something is not as it must be."""

    def __init__(self, site: Site, watch: Watch, say: Callable[[str], None]) -> None:
        self._site = site
        self._watch = watch
        self._say = say
        self._checked = 0

    def begin(self) -> None:
        """Three parked nodes, an empty queue, nothing held."""
        self._until("three parked nodes", 60, lambda now: _at_rest(now) and not now.jobs)
        self._say("Three agents, an empty queue; nothing is held of Mesos.")

    def one_slot(self) -> None:
        """A job of one slot: a node comes, and goes."""
        self._say("A job of one slot:")
        output = self._output("one", self._submit("one", ONE))
        if output not in {f"one slot, on {name}\n" for name in HOSTNAMES}:
            raise DemoError(f"the job's output is not what it should be: {output!r}")
        self._rest()

    def two_nodes(self) -> None:
        """A job on two nodes, which prints its node file."""
        self._say(f"A job of two nodes with {SLOTS_PER_HOST} slots each, which prints its nodes:")
        output = self._output("two", self._submit("two", TWO))
        slots = Counter(output.split())
        if not (slots.keys() <= set(HOSTNAMES) and list(slots.values()) == [SLOTS_PER_HOST] * 2):
            raise DemoError(f"the node file is not that of two nodes: {output!r}")
        self._rest()

    def many_and_one_too_large(self) -> None:
        """Several jobs at once, behind one that no cluster of this size can run."""
        self._say(f"A job too large for all {len(HOSTNAMES)} agents, and {MANY} small ones behind:")
        large = self._submit("large", LARGE)
        names = {f"many{n}": (n, NUMBERED.format(number=n)) for n in range(1, MANY + 1)}
        ids = {name: self._submit(name, script) for name, (_, script) in names.items()}
        self._explain(large)
        for name, (number, _) in names.items():
            if (
                output := self._output(name, ids[name])
            ) != f"{number} times {number} is {number**2}\n":
                raise DemoError(f"the output of {name} is not what it should be: {output!r}")
        if not any(job.job_id == large for job in self._now().jobs):
            raise DemoError(f"{large} is not in the queue any more, though nobody deleted it")
        self._say("All small jobs ran; the large one still waits, and is taken back (qdel):")
        self._site.batch("qdel", large)
        self._rest()

    def end(self) -> None:
        """All resources are back at Mesos."""
        self._until("an empty queue", 20, lambda now: _at_rest(now) and now.queue() == "empty")
        used = self._site.cluster.used_resources()
        if any(used.values()):
            raise DemoError(f"not all is back at Mesos: {used}")
        self._say(f"{self._checked} jobs' outputs were checked. All resources are back at Mesos.")

    # -- how ------------------------------------------------------------------------------

    def _submit(self, name: str, script: str) -> str:
        path = self._site.jobs / f"{name}.sh"
        path.write_text(script)
        path.chmod(0o755)
        job_id = self._site.batch("qsub", path.name).strip()
        self._say(f"$ qsub {path.name}   {_requests(script)}\n{job_id}")
        return job_id

    def _output(self, name: str, job_id: str) -> str:
        """What a job printed, once it is complete; it must have no error output."""
        number = job_id.partition(".")[0]
        out, err = (self._site.jobs / f"{name}.{kind}{number}" for kind in "oe")
        self._until(f"the output of {job_id}", 60, lambda _: _delivered(out, err))
        if errors := err.read_text():
            raise DemoError(f"{job_id} printed errors: {errors}")
        text = out.read_text()
        self._checked += 1
        self._say(f"$ cat {out.name}\n{text.rstrip()}")
        return text

    def _explain(self, job_id: str) -> None:
        """Wait until torque-mesos knows that a job can never run, and show what it says."""

        def code() -> str:
            for job in json.loads(self._site.tool("explain", job_id, "--json"))["jobs"]:
                return str((job["why"] or {}).get("code"))
            return ""

        self._until(f"{job_id} can never run", 15, lambda _: code().startswith("never"))
        self._say(f"$ torque-mesos explain {job_id}\n{self._site.tool('explain', job_id).rstrip()}")

    def _rest(self) -> None:
        self._until("every node parked again, nothing held", 60, _at_rest)

    def _now(self) -> Sample:
        sample = self._watch.latest
        if sample is None:
            raise DemoError(f"the batch server was never read: {self._watch.trouble}")
        return sample

    def _until(self, what: str, deadline_s: float, holds: Callable[[Sample], bool]) -> None:
        """Wait until `holds` of what was seen since now."""
        before, end = self._watch.latest, time.monotonic() + deadline_s
        while True:
            late = time.monotonic() > end
            self._site.check_running()
            sample = self._watch.latest
            if sample is not None and sample is not before and holds(sample):
                return
            if late:
                seen = sample.line() if sample else self._watch.trouble
                raise DemoError(
                    f"After {deadline_s:g} s, still not: {what}.\nLast seen: {seen}\n"
                    f"{self._site.log_end()}"
                )
            time.sleep(0.1)


def _at_rest(now: Sample) -> bool:
    return not now.lent_cpus and all(now.node(name) == "parked" for name in HOSTNAMES)


def _delivered(out: Path, err: Path) -> bool:
    return out.exists() and err.exists()


def _requests(script: str) -> str:
    """The resource requests in a script, as a comment."""
    lines = [line for line in script.splitlines() if line.startswith("#PBS -l")]
    return "   ".join(f"# {line.removeprefix('#PBS ')}" for line in lines)
