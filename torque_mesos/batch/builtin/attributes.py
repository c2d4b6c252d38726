"""The attributes of server and queue that qmgr may set: their kinds, order and defaults."""

from __future__ import annotations

from typing import Dict, List

from .errors import BADATVAL, NOATTR, PbsError
from .resources import BOOLEAN, NUMBER, TEXT, normal, resource

LIST = "list"

# In the order in which TORQUE lists them; those with a trailing dot hold resources.
SERVER: Dict[str, str] = {
    "scheduling": BOOLEAN,
    "max_running": NUMBER,
    "max_user_run": NUMBER,
    "acl_host_enable": BOOLEAN,
    "acl_hosts": LIST,
    "acl_user_enable": BOOLEAN,
    "acl_users": LIST,
    "managers": LIST,
    "operators": LIST,
    "default_queue": TEXT,
    "log_events": NUMBER,
    "mail_from": TEXT,
    "query_other_jobs": BOOLEAN,
    "resources_available": "",
    "resources_default": "",
    "resources_max": "",
    "resources_min": "",
    "scheduler_iteration": NUMBER,
    "node_check_rate": NUMBER,
    "tcp_timeout": NUMBER,
    "job_stat_rate": NUMBER,
    "poll_jobs": BOOLEAN,
    "log_level": NUMBER,
    "allow_node_submit": BOOLEAN,
    "submit_hosts": LIST,
    "down_on_error": BOOLEAN,
    "mom_job_sync": BOOLEAN,
    "keep_completed": NUMBER,
    "auto_node_np": BOOLEAN,
    "next_job_number": NUMBER,
    "kill_delay": NUMBER,
    "disable_server_id_check": BOOLEAN,
    "moab_array_compatible": BOOLEAN,
    "nppcu": NUMBER,
    "timeout_for_job_delete": NUMBER,
    "timeout_for_job_requeue": NUMBER,
    "note_append_on_error": BOOLEAN,
    "comment": TEXT,
}
QUEUE: Dict[str, str] = {
    "queue_type": TEXT,
    "Priority": NUMBER,
    "max_queuable": NUMBER,
    "max_running": NUMBER,
    "max_user_run": NUMBER,
    "max_user_queuable": NUMBER,
    "acl_user_enable": BOOLEAN,
    "acl_users": LIST,
    "route_destinations": LIST,
    "is_transit": BOOLEAN,
    "keep_completed": NUMBER,
    "resources_max": "",
    "resources_min": "",
    "resources_default": "",
    "resources_available": "",
    "enabled": BOOLEAN,
    "started": BOOLEAN,
}
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
    if name not in kinds:
        raise PbsError(NOATTR, detail=f" {name}")
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
        values[name] = ",".join(changed_list(values.get(name, ""), operator, value))
    elif operator == "=" or name not in values:
        values[name] = normal(kind, name, value)
    else:
        raise PbsError(BADATVAL, detail=f" {name}")


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
