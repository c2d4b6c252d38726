"""What a mom is told to start: everything that it must know of a job."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from .records import Job, Node

if TYPE_CHECKING:
    from .state import State


def node_spec(job: Job) -> Optional[str]:
    """The nodes that a job is given: one slot where it says nothing; None for `-l procs`."""
    spec = job.resources.get("neednodes")
    if spec is None and "procs" not in job.resources:
        return "1"
    return spec


def start_order(state: State, job: Job, nodes: List[Node]) -> Dict[str, Any]:
    """The message that starts a job on the first of its nodes."""
    hosts = []
    for node, (name, slots) in zip(nodes, job.hosts):  # noqa: B905 - Python 3.9
        address = state.resolver.address(name)
        hosts.append([name, len(slots), address, node.manager_port])
    return {
        "op": "start",
        "job": job.job_id,
        "run": job.start_count,
        "cookie": os.urandom(16).hex().upper(),
        "name": job.name,
        "user": job.user,
        "uid": job.uid,
        "group": job.group,
        "queue": job.queue,
        "account": job.account,
        "script": job.script,
        "shell": job.shell,
        "arguments": job.others.get("job_arguments", ""),
        "join": job.join,
        "keep": job.keep,
        "output": job.output_path,
        "error": job.error_path,
        "umask": job.umask,
        "stagein": job.stagein,
        "stageout": job.stageout,
        "variables": job.variables,
        "resources": job.resources,
        "walltime": job.walltime_s(),
        "init_dir": job.init_dir,
        "root_dir": job.root_dir,
        "hosts": hosts,
        "gpus": [name.replace("/", "") for name in job.gpu_names],
        "server": state.server,
    }
