"""Checks of names: that both sides know each other, and moms are what their records say."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from torque_mesos.doctor.facts import Facts, Name
from torque_mesos.doctor.finding import Finding, fault, ok, warning

NAMES, NODE_NAME, SERVER = "names", "node name", "server"


def names(facts: Facts) -> Iterator[Finding]:
    """Every host that takes part resolves here, to the address that it has."""
    good = []
    for name in facts.names:
        found = list(_name(name))
        yield from found
        if not found:
            good.append(name.name)
    if good:
        some = ", ".join(good[:6]) + (f" and {len(good) - 6} more" if len(good) > 6 else "")
        yield ok(NAMES, f"{some}: known here")


def _name(name: Name) -> Iterator[Finding]:
    who = f"{name.name} ({name.whose})"
    if not name.addresses:
        where = f"`{name.expected} {name.name}`" if name.expected else f"`ADDRESS {name.name}`"
        yield fault(
            NAMES,
            f"{who} does not resolve on this host",
            f"add {where} to /etc/hosts here or to DNS, or set names.hosts = true",
        )
        return
    if name.expected and name.expected not in name.addresses:
        found = ", ".join(name.addresses)
        yield fault(
            NAMES,
            f"{who} resolves to {found} here, but its address is {name.expected}",
            f"correct the line of {name.name} in /etc/hosts, or DNS",
        )
    elif name.own and all(_local(address) for address in name.addresses):
        yield fault(
            NAMES,
            f"{who} resolves to {name.addresses[0]} here: others would be told a loopback address",
            f"give {name.name} its real address in /etc/hosts (Debian writes 127.0.1.1 there)",
        )
    elif name.back is not None and name.back.partition(".")[0] != name.name.partition(".")[0]:
        yield warning(
            NAMES,
            f"the address {name.addresses[0]} of {who} resolves back to {name.back}",
            f"let the first name of that address in /etc/hosts (or its PTR record) be {name.name}",
        )


def node_names(facts: Facts) -> Iterator[Finding]:
    """A mom is known to the server by the name that it tells."""
    for record, host in facts.strangers:
        yield fault(
            NODE_NAME,
            f"the mom of node {record} says that it is {host}, which the server does not know",
            f"start that mom with `pbs_mom -H {record}`, or name the record {host}",
        )
    if facts.side == "server":
        if facts.server_error:
            yield fault(
                NODE_NAME, facts.server_error, "start pbs_server (and trqauthd), then again"
            )
        elif not facts.strangers:
            yield ok(NODE_NAME, "no mom reports by another name than its record's")
        return
    if facts.agent_name is not None:
        yield _agent_name(facts.agent_name, facts)
    for mom in facts.moms:
        if facts.records is not None and mom.name not in facts.records:
            yield fault(
                NODE_NAME,
                f"pbs_mom (process {mom.pid}) calls itself {mom.name}; the server has no such node",
                f"`qmgr -c 'create node {mom.name}'`, or start it with -H and its record's name",
            )
        else:
            yield ok(NODE_NAME, f"pbs_mom (process {mom.pid}) is node {mom.name}")


def _agent_name(name: str, facts: Facts) -> Finding:
    if not name[:1].isalpha() or not name[:1].isascii():
        return fault(
            NODE_NAME,
            f"the Mesos agent calls itself {name}: no node can have that name",
            "start it with --hostname=NAME that begins with a letter, or map it in names.nodes",
        )
    short = name.partition(".")[0]
    if short != facts.host.partition(".")[0]:
        return warning(
            NODE_NAME,
            f"the Mesos agent calls itself {name}, this host is {facts.host}: the node is {name}",
            f"`mesos-agent --hostname={facts.host}`, or let {name} resolve everywhere",
        )
    return ok(NODE_NAME, f"the Mesos agent calls itself {name}, as the node is named")


def _local(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
