"""How long the lists of jobs of TORQUE and OpenPBS take to read, beside XML's and JSON's readers.

`TORQUE_MESOS_JOBS` jobs (20,000 if it is not set), a fifth of them running, with the environment
that users' shells have. The memory is what is left of the reading, and its peak, over the text.
"""

from __future__ import annotations

import json
import os
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from xml.etree import ElementTree

from benchmarks.result import Result
from torque_mesos.batch import openpbs_jobs, torque_xml

NEEDS_TORQUE = False

_TRIALS = 5
_VARIABLES = {
    f"PBS_O_{name}": value
    for name, value in {
        "HOME": "/home/alice",
        "LANG": "en_US.UTF-8",
        "LOGNAME": "alice",
        "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games:/opt/torque/bin",
        "MAIL": "/var/mail/alice",
        "SHELL": "/bin/bash",
        "WORKDIR": "/home/alice/project/run-17",
        "HOST": "head.cluster.test",
        "SERVER": "head.cluster.test",
        "QUEUE": "batch",
    }.items()
}


def run() -> Iterable[Result]:
    """Measure."""
    count = int(os.environ.get("TORQUE_MESOS_JOBS", "20000"))
    xml, document = torque_text(count), openpbs_text(count)
    for name, text, mine, plain, reference in (
        ("torque", xml, _torque, ElementTree.fromstring, "ElementTree.fromstring"),
        ("openpbs", document, _openpbs, json.loads, "json.loads"),
    ):
        assert mine(text) == count
        yield from _measured(name, text, mine, plain, reference, count)


def torque_text(count: int) -> str:
    """What `qstat -x -t` prints of so many jobs."""
    variables = ",".join(f"{key}={value}" for key, value in _VARIABLES.items())
    records = []
    for number in range(count):
        host = f"n{number % 1000}"
        runs = number % 5 == 0
        where = f"<exec_host>{host}/0-1</exec_host><start_count>1</start_count>" if runs else ""
        records.append(
            f"<Job><Job_Id>{number}.head</Job_Id><Job_Name>run-{number % 97}</Job_Name>"
            "<Job_Owner>alice@head.cluster.test</Job_Owner>"
            f"<job_state>{'R' if runs else 'Q'}</job_state><queue>batch</queue>"
            f"<server>head</server><Checkpoint>u</Checkpoint><ctime>1795188794</ctime>{where}"
            f"<Error_Path>head:/home/alice/run.e{number}</Error_Path><Hold_Types>n</Hold_Types>"
            "<Join_Path>n</Join_Path><Keep_Files>n</Keep_Files><Mail_Points>a</Mail_Points>"
            f"<mtime>1795188794</mtime><Output_Path>head:/home/alice/run.o{number}</Output_Path>"
            "<Priority>0</Priority><qtime>1795188794</qtime><Rerunable>True</Rerunable>"
            "<Resource_List><nodes>1:ppn=2</nodes><nodect>1</nodect>"
            "<neednodes>1:ppn=2</neednodes><walltime>01:00:00</walltime></Resource_List>"
            f"<Variable_List>{variables}</Variable_List><euser>alice</euser>"
            "<egroup>alice</egroup><queue_type>E</queue_type><etime>1795188794</etime>"
            "<submit_args>-l nodes=1:ppn=2 run.sh</submit_args><fault_tolerant>False"
            "</fault_tolerant><job_radix>0</job_radix><submit_host>head</submit_host></Job>"
        )
    return f'<?xml version="1.0"?>\n<Data>{"".join(records)}</Data>\n'


def openpbs_text(count: int) -> str:
    """What `qstat -t -f -F json` prints of so many jobs."""
    jobs = {f"{number}.head": _openpbs_job(number) for number in range(count)}
    head = {"timestamp": 1795189225, "pbs_version": "23.06.06", "pbs_server": "head"}
    return json.dumps({**head, "Jobs": jobs}, indent=4, separators=(",", ":"))


def _openpbs_job(number: int) -> dict[str, Any]:
    host = f"n{number % 1000}"
    runs = number % 5 == 0
    where = {"exec_host": f"{host}/0*2", "exec_vnode": f"({host}:ncpus=2)", "run_count": 1}
    return {
        "Job_Name": f"run-{number % 97}",
        "Job_Owner": "alice@head.cluster.test",
        "job_state": "R" if runs else "Q",
        "queue": "workq",
        "server": "head",
        "Checkpoint": "u",
        "ctime": "Fri Nov 20 15:40:23 2026",
        "Error_Path": f"head:/home/alice/run.e{number}",
        **(where if runs else {}),
        "Hold_Types": "n",
        "Join_Path": "n",
        "Keep_Files": "n",
        "Mail_Points": "a",
        "mtime": "Fri Nov 20 15:40:23 2026",
        "Output_Path": f"head:/home/alice/run.o{number}",
        "Priority": 0,
        "qtime": "Fri Nov 20 15:40:23 2026",
        "Rerunable": "True",
        "Resource_List": {
            "ncpus": 2,
            "nodect": 1,
            "nodes": "1:ppn=2",
            "place": "scatter",
            "select": "1:ncpus=2:mpiprocs=2",
            "walltime": "01:00:00",
        },
        "substate": 42 if runs else 10,
        "Variable_List": _VARIABLES,
        "etime": "Fri Nov 20 15:40:23 2026",
        "Submit_arguments": "-l nodes=1:ppn=2 run.sh",
        "project": "_pbs_project_default",
        "Submit_Host": "head",
    }


def _torque(text: str) -> int:
    return len(torque_xml.parse_jobs(text).jobs)


def _openpbs(text: str) -> int:
    return len(openpbs_jobs.parse_jobs(text).jobs)


def _measured(
    name: str,
    text: str,
    mine: Callable[[str], int],
    plain: Callable[[str], Any],
    reference: str,
    count: int,
) -> Iterator[Result]:
    size = f"{count} jobs, {len(text) / 1e6:.1f} MB"
    # By turns, so that what else the machine does meets both.
    took: list[float] = []
    beside: list[float] = []
    for _ in range(_TRIALS):
        took.append(_seconds(lambda: mine(text)))
        beside.append(_seconds(lambda: plain(text)))
    best, least = min(took), min(beside)
    yield Result(f"parse_{name}", best, "s", reference, best / least, size)
    tracemalloc.start()
    mine(text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    yield Result(
        f"parse_{name}_peak", peak / 1e6, "MB", "the text", peak / len(text.encode()), size
    )


def _seconds(what: Callable[[], object]) -> float:
    started = time.process_time()
    what()
    return time.process_time() - started
