"""The attributes of server and queue that qmgr may set: their kinds, order and defaults."""

from __future__ import annotations

from typing import Dict, List

from .errors import ATTRRO, BADATVAL, DUPLIST, INTERNAL, NOATTR, PbsError
from .resources import BOOLEAN, NUMBER, TEXT, normal, resource

LIST = "list"

_KINDS = {"b": BOOLEAN, "": NUMBER, "t": TEXT, "l": LIST, "r": ""}
# What server and queues tell of themselves and nobody may set.
TOLD = frozenset({"server_state", "total_jobs", "state_count", "pbs_version", "net_counter"})
TOLD |= {"mtime", "resources_assigned"}


def _table(text: str) -> Dict[str, str]:
    words = (word.partition(":") for word in text.split())
    return {name: _KINDS[kind] for name, _, kind in words}


# In the order in which TORQUE lists them: numbers, :b booleans, :t texts, :l lists, and :r
# those that hold resources. What the server does not know of here means nothing to it.
SERVER: Dict[str, str] = _table("""
    scheduling:b max_running max_user_run max_group_run acl_host_enable:b acl_hosts:l
    acl_user_enable:b acl_users:l acl_roots:l gres_modifiers:l managers:l operators:l
    default_queue:t log_events mail_from:t query_other_jobs:b resources_available:r
    resources_default:r resources_max:r resources_min:r system_cost
    scheduler_iteration node_ping_rate node_check_rate tcp_timeout comment:t default_node:t
    node_pack:b node_suffix:t job_stat_rate poll_jobs:b log_level down_on_error:b
    disable_server_id_check:b job_nanny:b owner_purge:b queue_centric_limits:b
    mom_job_sync:b mail_domain:t kill_delay acl_logic_or:b acl_group_sloppy:b keep_completed
    submit_hosts:l allow_node_submit:b allow_proxy_user:b auto_node_np:b log_file_max_size
    log_file_roll_depth log_keep_days next_job_number tokens:l extra_resc:l server_name:t
    sched_version:t accounting_keep_days lock_file:t lock_file_update_time
    lock_file_check_time credential_lifetime job_must_report:b checkpoint_dir:t
    display_job_server_suffix:b job_suffix_alias:t use_jobs_subdirs:b mail_subject_fmt:t
    mail_body_fmt:t np_default clone_batch_size clone_batch_delay job_start_timeout
    job_force_cancel_time max_job_array_size max_slot_limit record_job_info:b
    record_job_script:b job_log_file_max_size job_log_file_roll_depth job_log_keep_days
    min_threads max_threads thread_idle_seconds moab_array_compatible:b no_mail_force:b
    cray_enabled:b interactive_jobs_can_roam:b max_user_queuable automatic_requeue_exit_code
    nppcu job_sync_timeout pass_cpu_clock:b job_full_report_time copy_on_rerun:b
    job_exclusive_on_use:b disable_automatic_requeue:b exit_code_canceled_job
    timeout_for_job_delete timeout_for_job_requeue dont_write_nodes_file:b acl_user_hosts:l
    acl_group_hosts:l node_submit_exceptions:l legacy_vmem:b note_append_on_error:b
    email_batch_seconds tcp_incoming_timeout ghost_array_recovery:b cgroup_per_task:b
    idle_slot_limit default_gpu_mode:t sendmail_path:t
""")
QUEUE: Dict[str, str] = _table("""
    queue_type:t Priority hostlist:l restartable:b max_queuable max_user_queuable max_report
    max_running acl_host_enable:b acl_hosts:l acl_user_enable:b acl_users:l
    from_route_only:b resources_max:r resources_min:r resources_default:r acl_group_enable:b
    acl_groups:l acl_logic_or:b acl_group_sloppy:b disallowed_types:l checkpoint_dir:t
    checkpoint_min checkpoint_defaults:t rendezvous_retry reserved_expedite reserved_sync
    resources_available:r kill_delay max_user_run max_group_run
    keep_completed is_transit:b route_destinations:l alt_router:b route_held_jobs:b
    route_waiting_jobs:b route_retry_time route_lifetime enabled:b started:b
    features_required:t required_login_property:t ghost_queue:b
""")
# Lists that TORQUE keeps in order.
_SORTED = ("managers", "operators")
SERVER_DEFAULTS: Dict[str, str] = {
    "scheduling": "False",
    "log_events": "2047",
    "mail_from": "adm",
    "node_check_rate": "150",
    "tcp_timeout": "300",
    "job_stat_rate": "300",
    "poll_jobs": "True",
    "log_level": "0",
    "down_on_error": "True",
    "mom_job_sync": "True",
    "keep_completed": "300",
    "moab_array_compatible": "True",
    "nppcu": "1",
    "timeout_for_job_delete": "120",
    "timeout_for_job_requeue": "120",
    "note_append_on_error": "True",
}


def change(
    kinds: Dict[str, str], values: Dict[str, str], name: str, part: str, operator: str, value: str
) -> None:
    """Carry out one `name[.part] operator value` of qmgr on `values`. Raises `PbsError`."""
    name = _known(kinds, name)
    kind = kinds[name]
    full = f"{name}.{part}" if part else name
    if not kind:
        if operator == "unset":
            gone = [
                key for key in values if key == full or (not part and key.startswith(f"{name}."))
            ]
            for key in gone:
                del values[key]
            return
        if not part:
            raise PbsError(BADATVAL, detail=f" {name}")
        values[full] = resource(name, part, value)
    elif operator == "unset":
        # TORQUE ignores this one silently: the value stays.
        if name != "scheduler_iteration":
            values.pop(name, None)
    elif kind == LIST:
        if operator == "+=" and set(value.split(",")) & set(values.get(name, "").split(",")):
            raise PbsError(DUPLIST, detail=f" {name}")
        words = changed_list(values.get(name, ""), operator, value)
        values[name] = ",".join(sorted(words) if name in _SORTED else words)
    elif operator == "=" or name not in values:
        values[name] = normal(kind, name, value)
    else:
        raise PbsError(INTERNAL, detail=f" {name}")


def _known(kinds: Dict[str, str], name: str) -> str:
    """An attribute by its own name, whatever its case. Raises `PbsError` (ATTRRO, NOATTR)."""
    if name in TOLD:
        raise PbsError(ATTRRO, detail=f" {name}")
    found = next((known for known in kinds if known.lower() == name.lower()), None)
    if found is None:
        raise PbsError(NOATTR, detail=f" {name}")
    return found


def changed_list(before: str, operator: str, value: str) -> List[str]:
    """A list attribute after `=`, `+=` or `-=`, without doubles."""
    old = [word for word in before.split(",") if word]
    new = [word.strip() for word in value.split(",") if word.strip()]
    if operator == "+=":
        new = old + new
    elif operator == "-=":
        new = [word for word in old if word not in new]
    return list(dict.fromkeys(new))


def ordered(kinds: Dict[str, str], values: Dict[str, str]) -> List[str]:
    """The set attributes, in TORQUE's order."""
    order = list(kinds)
    return sorted(values, key=lambda name: order.index(name.split(".", 1)[0]))
