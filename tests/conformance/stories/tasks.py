"""`pbsdsh` in a job of two hosts."""

from __future__ import annotations

from collections.abc import Sequence

from tests.conformance.steps import Asked, Step, job_is, submitted, with_nodes

_CALLS = (
    ("all", ""),
    ("unique", "-u"),
    ("copies", "-c 3"),
    ("more-copies", "-c 9"),
    ("node", "-n 2"),
    ("no-node", "-n 9"),
    ("bad-node", "-n x"),
    ("host", "-h n2"),
    ("no-host", "-h nosuch"),
    ("in-turn", "-s"),
    ("loud", "-v -n 0"),
    ("copies-and-node", "-c 1 -n 1"),
)


def _script() -> str:
    """Every way to start tasks: where they ran, and what pbsdsh said."""
    lines = ["PATH=$PBS_O_PATH", "cd $PBS_O_WORKDIR", "export PATH", "rm -f dsh.*"]
    for name, options in _CALLS:
        task = f'cd "$PBS_O_WORKDIR" && echo "$PBS_NODENUM $PBS_VNODENUM" >> dsh.{name}'
        lines.append(f"pbsdsh {options} sh -c '{task}' > dsh.{name}.said 2>&1")
        lines.append(f"echo exit $? >> dsh.{name}.said")
    for name, program in (("false", "false"), ("status", "sh -c 'exit 7'"), ("none", "/no/such")):
        lines.append(f"pbsdsh -n 0 {program} > dsh.{name}.said 2>&1")
        lines.append(f"echo exit $? >> dsh.{name}.said")
    return "\n".join(lines)


STORIES: dict[str, Sequence[Step]] = {
    "tasks of a job": [
        with_nodes("n1", "n2"),
        Asked("73-pbsdsh-no-job", "pbsdsh true", "user"),
        submitted("-l nodes=n1:ppn=2+n2:ppn=2", _script()),
        job_is("0.head", "C"),
        *(Asked(f"73-pbsdsh-{name}", f"sort dsh.{name}", "user") for name, _ in _CALLS),
        *(
            Asked(f"73-pbsdsh-{name}-said", f"cat dsh.{name}.said", "user")
            for name in (*(name for name, _ in _CALLS), "false", "status", "none")
        ),
    ],
}
