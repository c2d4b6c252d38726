"""Checks of what runs and listens: daemons, ports, versions, clocks, munge."""

from __future__ import annotations

from collections.abc import Iterator

from torque_mesos.doctor.facts import Facts, Port
from torque_mesos.doctor.finding import Finding, fault, ok, warning

PORTS, TRQAUTHD, VERSION, CLOCK, MUNGE = "ports", "trqauthd", "version", "clock", "munge"
CLOCK_WARNING_S, CLOCK_FAULT_S = 5.0, 120.0


def ports(facts: Facts) -> Iterator[Finding]:
    """The right program listens at each port, and what is elsewhere can be reached."""
    for port in facts.ports:
        yield _port(port)
    for reach in facts.reaches:
        where = f"{reach.what} at {reach.host}:{reach.port}"
        if reach.error:
            yield fault(
                PORTS,
                f"{where} cannot be reached from here: {reach.error}",
                "see that it runs, and that no firewall is between:"
                f" `nc -zv {reach.host} {reach.port}`",
            )
        else:
            yield ok(PORTS, f"{where} can be reached")


def _port(port: Port) -> Finding:
    if not port.by:
        if port.holder is None:
            return ok(PORTS, f"{port.number} is free for a mom")
        if port.holder == "pbs_mom":
            return ok(PORTS, f"{port.number} is held by a pbs_mom")
        return fault(
            PORTS,
            f"{port.number}, which moms need, is held by {port.holder}",
            "end it, or set batch.mom_service_port and batch.mom_manager_port to others;"
            f" `ss -ltnp 'sport = :{port.number}'` tells more",
        )
    if port.holder is None:
        return fault(
            PORTS, f"nobody listens at {port.number}: {port.by} should", f"start {port.by}"
        )
    wanted = port.by.split(" or ")
    if port.holder in wanted or port.holder.startswith(("python", "?")):
        return ok(PORTS, f"{port.holder} listens at {port.number}")
    return fault(
        PORTS,
        f"{port.holder} listens at {port.number}, where {port.by} should",
        f"end it: `ss -ltnp 'sport = :{port.number}'` tells which process that is",
    )


def trqauthd(facts: Facts) -> Iterator[Finding]:
    """TORQUE's commands work on this host."""
    state = facts.trqauthd
    if state is None:
        return
    if not state.error:
        yield ok(TRQAUTHD, f"answers at {state.path}")
        return
    if not state.running:
        says = f"does not run: every command fails with exit code 33 ({state.path}: {state.error})"
        remedy = f"`rm -f {state.path}; trqauthd`" if state.there else "`trqauthd`"
    else:
        says = f"runs, but its socket {state.path} cannot be used: {state.error}"
        remedy = "`trqauthd -d; trqauthd`; something has removed the socket, perhaps a /tmp cleaner"
    if facts.side == "server":
        yield fault(TRQAUTHD, says, remedy)
    else:
        yield warning(TRQAUTHD, f"{says}; only jobs that call qsub or qstat need it here", remedy)


def version(facts: Facts) -> Iterator[Finding]:
    """pbs_mom is of the server's version."""
    versions = facts.versions
    if versions is None or facts.side == "server" or facts.kind == "builtin":
        return
    if versions.problem:
        remedy = "install the server's version of it, or set executor.pbs_mom"
        yield fault(VERSION, versions.problem, remedy)
    elif versions.mom is None or versions.server is None:
        says = f"pbs_mom is {versions.mom}; the server's version cannot be asked from here"
        remedy = "give here what `torque-mesos doctor --json` prints there: --compare FILE"
        yield warning(VERSION, says, remedy)
    elif versions.mom == versions.server:
        yield ok(VERSION, f"pbs_mom and the server are {versions.mom}")
    elif _series(versions.mom) == _series(versions.server):
        yield warning(
            VERSION,
            f"pbs_mom is {versions.mom}, the server {versions.server}",
            "install the same version on all hosts",
        )
    else:
        yield fault(
            VERSION,
            f"pbs_mom is {versions.mom}, the server {versions.server}: jobs will not start",
            f"install pbs_mom {versions.server} here",
        )


def _series(version: str) -> list[str]:
    return version.split(".")[:2]


def clock(facts: Facts) -> Iterator[Finding]:
    """The hosts' clocks agree."""
    for one in facts.clocks:
        least_s = max(0.0, abs(one.ahead_s) - one.sure_s)
        if least_s <= CLOCK_WARNING_S:
            yield ok(CLOCK, f"agrees with that of {one.whose} to {one.sure_s + least_s:.1f} s")
            continue
        way = "behind" if one.ahead_s > 0 else "ahead of"
        says = f"this clock is {abs(one.ahead_s):.0f} s {way} that of {one.whose}"
        remedy = "let chrony or systemd-timesyncd keep it: `timedatectl set-ntp true`"
        if least_s > CLOCK_FAULT_S:
            yield fault(CLOCK, f"{says}: munge's credentials will be refused", remedy)
        else:
            yield warning(CLOCK, says, remedy)


def munge(facts: Facts) -> Iterator[Finding]:
    """Where munge is used, it works here."""
    state = facts.munge
    if state is None or not (state.installed or state.needed):
        return
    if not state.installed:
        yield fault(MUNGE, "is used, and not installed here", "`apt-get install munge`")
    elif not state.error:
        yield ok(MUNGE, "makes and reads credentials")
    else:
        remedy = "start munged, with the same /etc/munge/munge.key (0400, of munge) on all hosts"
        if state.needed:
            yield fault(MUNGE, f"does not work here: {state.error}", remedy)
        else:
            yield ok(MUNGE, "is installed, does not run, and is not used")
