"""What a property must be named to be a resource of OpenPBS."""

from __future__ import annotations

import re

from torque_mesos.batch import names
from torque_mesos.batch.base import InvalidName
from torque_mesos.batch.openpbs_nodes import NOT_PROPERTIES, NOTE_RESOURCE

_TAKEN = NOT_PROPERTIES | {NOTE_RESOURCE}
_RESOURCE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*", re.ASCII)


def resource_name(name: str) -> str:
    """Check a property that is to be a boolean resource: a letter, then letters, digits, `_`, `-`.

    Raises InvalidName, also for the names of resources that every node has.
    """
    names.property_name(name)
    if not _RESOURCE_NAME.fullmatch(name) or name in _TAKEN:
        raise InvalidName(
            f"property {name!r} cannot be a resource of OpenPBS; right would be a letter, then"
            " letters, digits, '_' and '-', as in mesos, and no resource that every node has"
        )
    return name
