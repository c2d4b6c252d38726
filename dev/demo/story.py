"""What the demo does, step by step, and what it checks."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable

from dev.demo.site import HOSTNAMES, SLOTS_PER_HOST, DemoError, Site
from dev.demo.watch import Sample, Watch

MANY = 5
SMALL = range(1, MANY + 1)
ONE = """\
#!/bin/sh
#PBS -N one
sleep 2
echo "one slot, on $(cat $PBS_NODEFILE)"
"""
TWO = """\
#!/bin/sh
#PBS -N two
sleep 2
cat $PBS_NODEFILE
"""
LARGE = """\
#!/bin/sh
#PBS -N large
echo "this never runs"
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
        output = self._shown("one", self._submit("one", ONE))
        if output not in {f"one slot, on {name}\n" for name in HOSTNAMES}:
            raise DemoError(f"the job's output is not what it should be: {output!r}")
        self._rest()

    def two_nodes(self) -> None:
        """A job on two nodes, which prints its node file."""
        self._say(f"A job of two nodes with {SLOTS_PER_HOST} slots each, which prints its nodes:")
        output = self._shown("two", self._submit("two", TWO, f"nodes=2:ppn={SLOTS_PER_HOST}"))
        slots = Counter(output.split())
        if not (slots.keys() <= set(HOSTNAMES) and list(slots.values()) == [SLOTS_PER_HOST] * 2):
            raise DemoError(f"the node file is not that of two nodes: {output!r}")
        self._rest()

    def many_and_one_too_large(self) -> None:
        """Several jobs at once, behind one that no cluster of this size can run."""
        self._say(f"A job too large for all {len(HOSTNAMES)} agents, and {MANY} small ones behind:")
        large = self._submit("large", LARGE, f"nodes={len(HOSTNAMES) + 1}:ppn={SLOTS_PER_HOST}")
        small = {number: self._script(f"many{number}", _numbered(number)) for number in SMALL}
        ids = {number: self._site.batch("qsub", small[number]).strip() for number in SMALL}
        self._shell('for job in many*.sh; do qsub "$job"; done', *ids.values())
        self._explain(large)
        outputs = [self._output(f"many{number}", ids[number]) for number in SMALL]
        if outputs != [f"{number} times {number} is {number**2}\n" for number in SMALL]:
            raise DemoError(f"the jobs' outputs are not what they should be: {outputs}")
        self._shell("cat many*.o*", *outputs)
        if not any(job.job_id == large for job in self._now().jobs):
            raise DemoError(f"{large} is not in the queue any more, though nobody deleted it")
        self._say("All small jobs ran. The large one still waits; it is deleted:")
        self._site.batch("qdel", large)
        self._shell(f"qdel {large}")
        self._rest()

    def end(self) -> None:
        """All resources are back at Mesos."""
        self._until("an empty queue", 20, lambda now: _at_rest(now) and now.queue() == "empty")
        used = self._site.cluster.used_resources()
        if any(used.values()):
            raise DemoError(f"not all is back at Mesos: {used}")
        self._say(f"{self._checked} jobs' outputs were checked. All resources are back at Mesos.")

    # -- how ------------------------------------------------------------------------------

    def _script(self, name: str, text: str) -> str:
        path = self._site.jobs / f"{name}.sh"
        path.write_text(text)
        return path.name

    def _submit(self, name: str, script: str, request: str = "") -> str:
        """Submit a job, and show how. Gives its id."""
        command = ["qsub", *(["-l", request] if request else []), self._script(name, script)]
        job_id = self._site.batch(*command).strip()
        self._shell(" ".join(command), job_id)
        return job_id

    def _shell(self, command: str, *printed: str) -> None:
        self._say("\n".join([f"$ {command}", *(text.rstrip() for text in printed)]))

    def _output(self, name: str, job_id: str) -> str:
        """What a job printed, once it is complete; it must have no error output."""
        number = job_id.partition(".")[0]
        out, err = (self._site.jobs / f"{name}.{kind}{number}" for kind in "oe")
        self._until(f"the output of {job_id}", 60, lambda _: out.exists() and err.exists())
        if errors := err.read_text():
            raise DemoError(f"{job_id} printed errors: {errors}")
        self._checked += 1
        return out.read_text()

    def _shown(self, name: str, job_id: str) -> str:
        text = self._output(name, job_id)
        self._shell(f"cat {name}.o{job_id.partition('.')[0]}", text)
        return text

    def _explain(self, job_id: str) -> None:
        """Wait until torque-mesos knows that a job can never run, and show what it says."""

        def code() -> str:
            for job in json.loads(self._site.tool("explain", job_id, "--json"))["jobs"]:
                return str((job["why"] or {}).get("code"))
            return ""

        self._until(f"{job_id} can never run", 15, lambda _: code().startswith("never"))
        self._shell(f"torque-mesos explain {job_id}", self._site.tool("explain", job_id))

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


def _numbered(number: int) -> str:
    """A small job with an output of its own."""
    return f"""\
#!/bin/sh
#PBS -N many{number}
sleep 3
echo "{number} times {number} is $(({number} * {number}))"
"""
