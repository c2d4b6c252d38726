"""What the steps of a story are: recorded commands, and what brings about their situation."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass

from tests.conformance.site import (
    Site,
    attribute,
    nodes,
    qmgr,
    reaches,
    records,
    states,
    submit,
    until,
)


@dataclass(frozen=True)
class Asked:
    """A command that is recorded. `who`: root, manager or user."""

    name: str
    line: str
    who: str = "root"
    host: str = "head"

    @property
    def argv(self) -> tuple[str, ...]:
        """Its words; what only a shell understands is a shell's."""
        if re.search(r"[|;<>$*]", self.line):
            return ("sh", "-c", self.line)
        return tuple(shlex.split(self.line))


Step = str | Asked | Callable[[Site], object]
"""A transcript by its name, a command that is recorded by that name, or what is done between."""


def with_nodes(*names: str, properties: str = "") -> Step:
    """Nodes with two slots each and a mom, free."""
    return lambda site: nodes(site, *names, properties=properties)


def with_records(*names: str, np: int = 2) -> Step:
    """Nodes that never had a mom, down."""
    return lambda site: records(site, *names, np=np)


def settings(*commands: str) -> Step:
    """Commands of qmgr."""
    return lambda site: qmgr(site, *commands)


def command(line: str, who: str = "root") -> Step:
    """A command that is no transcript's."""
    return lambda site: site.run(shlex.split(line), who)


IDLE = settings("set server scheduling=false")
"""Nothing starts unless it is told to."""

NO_MANAGER = settings("set server managers -= mgruser@head")
"""`mgruser` may do what any other user may."""


def submitted(options: str = "", script: str = "", who: str = "user") -> Step:
    """A job that must be accepted: of `j/sleep.sh`, or of a script's text."""
    words = ["qsub", *shlex.split(options), *([] if script else ["j/sleep.sh"])]
    if script:
        words = ["sh", "-c", f"printf %s {shlex.quote(script)} | {shlex.join(words)}"]

    def submit_it(site: Site) -> None:
        answer = site.run(words, who)
        assert answer.code == 0, (words, answer)

    return submit_it


def asked(prefix: str, who: str, *rows: tuple[str, str]) -> list[Step]:
    """Recorded commands of one account: (what comes after the prefix in its name, command)."""
    return [Asked(f"{prefix}-{name}", line, who) for name, line in rows]


def deleted(job: str) -> list[Step]:
    """`qdel` by its owner, until it is complete."""
    return [command(f"qdel {job}", "user"), job_is(job, "C")]


def job_has(job: str, name: str, wanted: str = "") -> Step:
    """Wait until a job has an attribute, with that value if one is given."""

    def has(site: Site) -> bool:
        value = attribute(site, job, name)
        return value == wanted if wanted else bool(value)

    return lambda site: until(lambda: has(site), f"{job} has {name} {wanted}")


def starts(job: str, least: int) -> Step:
    """Wait until a job was started so often."""
    return lambda site: until(
        lambda: int(attribute(site, job, "start_count") or 0) >= least,
        f"{job} starts {least} times",
    )


def forgotten(job: str) -> Step:
    """Wait until a job is gone."""
    return lambda site: until(lambda: site.run(["qstat", job]).code == 153, f"{job} is gone")


def node_is(name: str, *words: str) -> Step:
    """Wait for a node's state."""
    return lambda site: until(lambda: states(site)[name] == set(words), f"{name} is {words}")


def job_is(job: str, state: str) -> Step:
    """Wait for a job's state."""
    return lambda site: reaches(site, job, state)


def reported_by(*names: str) -> Step:
    """Wait until nodes have a status."""

    def all_told(site: Site) -> bool:
        text = site.run(["pbsnodes", *names]).out
        return text.count("\n     status = ") == len(names)

    return lambda site: until(lambda: all_told(site), f"{names} have reported")


def one_complete(site: Site) -> None:
    """A job of 3 s, complete."""
    job = submit(site, "-N", "one", "-v", "SLP=3")
    reaches(site, job, "C")


def fillers(number: int) -> Callable[[Site], None]:
    """Held jobs, so that the next job is this one."""

    def make(site: Site) -> None:
        for _ in range(number):
            if int(submit(site, "-h", "-N", "filler").partition(".")[0]) >= number - 1:
                return

    return make


def listed(*rows: tuple[str, str, str, str]) -> Step:
    """Jobs by (name, options of qsub, state, queue), in this order."""

    def make(site: Site) -> None:
        for name, options, state, queue in rows:
            hold = ["-h"] if state in ("H", "C") else []
            after = ["-a", "12312359"] if state == "W" else []
            where = ["-q", queue] if queue != "batch" else []
            words = ["-N", name, "-v", "SLP=300", *hold, *after, *where, *options.split()]
            job = submit(site, *words)
            if state == "C":
                site.run(["qdel", job])
            if state in "CRW":
                reaches(site, job, state)

    return make


def authority_down(site: Site) -> None:
    """No trqauthd runs."""
    site.stop_authority()


def authority_up(site: Site) -> None:
    """It runs again."""
    site.start_authority()


def server_down(site: Site) -> None:
    """No pbs_server runs."""
    site.stop_server()


def server_ended(site: Site) -> None:
    """It was told to end, and has."""
    site.server_ended()


def mom_dead(node: str) -> Step:
    """Kill a mom."""
    return lambda site: site.kill_mom(node)


def mom_up(node: str) -> Step:
    """Start a mom that knows no jobs."""
    return lambda site: site.start_mom(node)


def in_mom(node: str, name: str, text: str, mode: str = "755") -> Step:
    """A file in a mom's `mom_priv`."""
    return lambda site: site.put(node, name, text, mode)


def server_up(site: Site) -> None:
    """It runs again."""
    site.start_server()
