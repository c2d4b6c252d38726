"""The attributes of a job as `qstat -f` shows them, in TORQUE's order."""

from __future__ import annotations

import time
from typing import Any, List, Tuple

from .records import RUNNING, SUSPENDED, Attributes, Job


def job_attributes(
    job: Job, server: str, privileged: bool, queue_type: str = "Execution"
) -> Attributes:
    """All that `qstat -f` shows; times as seconds. Only managers see some."""
    shown: List[Tuple[str, Any]] = [("Job_Name", job.name), ("Job_Owner", job.owner)]
    shown += [(f"resources_used.{name}", value) for name, value in job.used.items()]
    shown += [
        ("job_state", "S" if job.substate == SUSPENDED else job.state),
        ("queue", job.queue),
        ("server", server),
    ]
    shown += [("Account_Name", job.account or None), ("Checkpoint", job.checkpoint)]
    shown += [("ctime", int(job.created)), ("depend", depend_text(job) or None)]
    shown += [("Error_Path", job.error_path), ("exec_host", job.exec_host or None)]
    shown += [("exec_gpus", "+".join(job.gpu_names) or None)]
    shown += [("Execution_Time", int(job.execute_at) or None)]
    shown += [("group_list", job.groups or None)]
    if job.array_id is None or job.hold != "n":
        shown.append(("Hold_Types", job.hold))
    shown += [("Join_Path", job.join), ("Keep_Files", job.keep), ("Mail_Points", job.mail)]
    shown += [("Mail_Users", job.mail_users or None)]
    shown += [("mtime", int(job.modified)), ("Output_Path", job.output_path)]
    shown.append(("Priority", job.priority))
    if not is_array(job):
        shown.append(("qtime", int(job.created)))
    shown.append(("Rerunable", str(job.rerunable)))
    for name, value in job.resources.items():
        if privileged or name != "neednodes":
            shown.append((f"Resource_List.{name}", value))
    shown += [("session_id", job.session), ("Shell_Path_List", job.shell or None)]
    shown += [("stagein", job.stagein or None), ("stageout", job.stageout or None)]
    if privileged:
        held = is_array(job) and job.hold != "n"
        shown.append(("substate", 20 if held else job.substate))
    shown.append(("User_List", job.users or None))
    listed = ",".join(f"{name}={value}" for name, value in job.variables.items())
    shown += [("Variable_List", listed), ("euser", job.user), ("egroup", job.group)]
    if privileged:
        hashname = job.job_id.replace("[", "-").replace("]", "") if job.start_count else None
        shown += [("hashname", hashname), ("queue_rank", job.rank)]
    shown += [("queue_type", queue_type[:1]), *_some(job, _EARLIER)]
    shown.append(("comment", job.comment or None))
    shown += [("etime", int(job.eligible) or None), ("exit_status", job.exit_status)]
    shown += [("submit_args", job.submit_args or None)]
    shown += _some(job, _EARLY)
    shown.append(("job_array_id", job.array_id))
    shown += [("start_time", int(job.started) or None)]
    limit = job.walltime_s()
    if job.state == RUNNING and limit is not None and not is_array(job):
        shown.append(("Walltime.Remaining", max(0, int(limit - (time.time() - job.started)))))
    shown += [("start_count", job.start_count or None)]
    shown.append(("fault_tolerant", job.others.get("fault_tolerant", "False")))
    if job.completed and job.start_count:
        shown.append(("comp_time", int(job.completed)))
    shown += _some(job, _BEFORE_RADIX)
    shown.append(("job_radix", job.others.get("job_radix", 0)))
    shown += _some(job, _AFTER_RADIX)
    if job.completed and job.start_count:
        shown.append(("total_runtime", f"{job.completed - job.started:.6f}"))
    shown += [("submit_host", job.submit_host), ("init_work_dir", job.init_work_dir)]
    shown += [(name, value) for name, value in job.others.items() if name not in _PLACED]
    shown += [("gpu_flags", 1 if job.gpus else None), ("request_version", 1)]
    shown += _some(job, _LAST)
    return [(name, str(value)) for name, value in shown if value is not None]


_EARLY = ("umask", "job_array_request", "checkpoint_dir")
_LAST = ("x", "user_kill_delay", "idle_slot_limit")
_BEFORE_RADIX = ("jobtype",)
_AFTER_RADIX = ("node_exclusive",)
_EARLIER = ("sched_hint",)
_OTHER = ("fault_tolerant", "job_radix")
_PLACED = (*_EARLIER, *_EARLY, *_LAST, *_BEFORE_RADIX, *_AFTER_RADIX, *_OTHER)


def _some(job: Job, names: Tuple[str, ...]) -> List[Tuple[str, Any]]:
    return [(name, job.others[name]) for name in names if name in job.others]


def brief_attributes(job: Job) -> Attributes:
    """What the plain list of `qstat` needs: all of it would be a hundred times as much."""
    shown = [("Job_Name", job.name), ("Job_Owner", job.owner), ("queue", job.queue)]
    shown.append(("job_state", "S" if job.substate == SUSPENDED else job.state))
    if "cput" in job.used:
        shown.append(("resources_used.cput", job.used["cput"]))
    return shown


def is_array(job: Job) -> bool:
    """Whether this is the summary that stands for a whole array."""
    return "[]" in job.job_id


def depend_text(job: Job) -> str:
    """What a job waits for, and who waits for it: `afterok:1.head:2.head,on:1`."""
    return ",".join(":".join(words) for words in job.depend)
