"""All checks on the facts of a host."""

from __future__ import annotations

from torque_mesos.doctor import daemons, files, names, schedulers
from torque_mesos.doctor.facts import Facts
from torque_mesos.doctor.finding import Finding

CHECKS = (
    names.names,
    names.node_names,
    daemons.ports,
    daemons.trqauthd,
    daemons.version,
    daemons.clock,
    daemons.munge,
    schedulers.maui,
    schedulers.pbs_sched,
    files.spool,
    files.hierarchy,
    files.disk,
    files.python,
    files.users,
)


def judge(facts: Facts) -> list[Finding]:
    """What every check found, in the order of the checks."""
    return [finding for check in CHECKS for finding in check(facts)]
