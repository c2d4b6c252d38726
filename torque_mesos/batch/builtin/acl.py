"""TORQUE's access lists: of users, groups and hosts, with wildcards, `+` and `-`.

Held to what TORQUE 6.1.3 answered: an empty list of users or groups lets nobody in, an
empty one of hosts the server's own host; the first entry that fits decides.
"""

from __future__ import annotations

import grp
import socket
from typing import Callable, Dict, List

from .errors import BADHOST, PERM, PbsError


def entries(text: str) -> List[str]:
    """The entries of a list as it is kept."""
    return [entry for entry in text.split(",") if entry]


def host_matches(host: str, pattern: str) -> bool:
    """Whether a host is meant: its name, `*`, or `*.domain`."""
    host, pattern = host.lower(), pattern.lower()
    if pattern.startswith("*"):
        return host.endswith(pattern[1:])
    return host == pattern


def user_matches(owner: str, pattern: str) -> bool:
    """Whether `user@host` is meant by `user` or `user@hosts`."""
    user, _, host = owner.partition("@")
    name, at, hosts = pattern.partition("@")
    return user == name and (not at or not hosts or host_matches(host, hosts))


def allowed(text: str, matches: Callable[[str], bool]) -> bool:
    """What the first entry that fits says; no where none does."""
    for entry in entries(text):
        sign = entry[0] if entry[0] in "+-" else ""
        pattern = entry[len(sign) :]
        # A sign alone is said of everybody.
        if not pattern or matches(pattern):
            return sign != "-"
    return False


def _in_group(user: str, name: str) -> bool:
    try:
        return user in grp.getgrnam(name).gr_mem
    except KeyError:
        return False


def check_group(queue: Dict[str, str], name: str, owner: str, group: str) -> None:
    """Whether a queue takes jobs of a group. Raises `PbsError` (PERM)."""
    if queue.get("acl_group_enable") != "True":
        return
    text = queue.get("acl_groups", "")
    fits = allowed(text, lambda pattern: pattern == group)
    if not fits and queue.get("acl_group_sloppy") == "True":
        user = owner.partition("@")[0]
        fits = any(_in_group(user, entry) for entry in entries(text))
    if not fits:
        raise PbsError(PERM, f"group ACL is not satisfied: user {owner}, queue {name}")


def check_host_and_user(queue: Dict[str, str], name: str, owner: str, server: str) -> None:
    """Whether a queue takes jobs from a host, and of a user. Raises `PbsError`."""
    host = owner.partition("@")[2]
    where = f"user {owner}, queue {name}"
    if queue.get("acl_host_enable") == "True":
        hosts = queue.get("acl_hosts", "")
        own = not hosts and host in (server, socket.gethostname())
        if not own and not allowed(hosts, lambda pattern: host_matches(host, pattern)):
            text = f"host ACL rejected the submitting host: {where}, host {host}"
            raise PbsError(BADHOST, text)
    if queue.get("acl_user_enable") == "True":
        users = queue.get("acl_users", "")
        if not allowed(users, lambda pattern: user_matches(owner, pattern)):
            raise PbsError(PERM, f"user ACL rejected the submitting user: {where}")


def may_ask(attributes: Dict[str, str], owner: str) -> bool:
    """Whether the server listens to a user at all, who is no manager or operator."""
    if attributes.get("acl_user_enable") != "True":
        return True
    users = attributes.get("acl_users", "")
    return allowed(users, lambda pattern: user_matches(owner, pattern))
