"""Each thing that can be wrong is found, and nothing is found where nothing is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.doctor.healthy import AGENT, ALICE, SERVER, SOCKET
from torque_mesos.doctor.facts import (
    Clock,
    Counts,
    Disk,
    Facts,
    Folder,
    Mom,
    Munge,
    Name,
    Port,
    Reach,
    User,
    Versions,
)
from torque_mesos.doctor.finding import Finding, Level, worst
from torque_mesos.doctor.judge import judge

F, W = Level.FAULT, Level.WARNING


def bad(facts: Facts) -> list[Finding]:
    return [finding for finding in judge(facts) if finding.level is not Level.OK]


@pytest.mark.parametrize("facts", [SERVER, AGENT], ids=["server", "agent"])
def test_a_host_on_which_nothing_is_wrong(facts: Facts) -> None:
    assert bad(facts) == []
    assert worst(judge(facts)) is Level.OK
    told = {finding.check for finding in judge(facts)}
    assert {"names", "node name", "ports", "trqauthd", "spool", "users"} <= told


def name(addresses: tuple[str, ...], expected: str | None = None, **more: object) -> dict:
    return {"names": (Name("n1", "a Mesos agent", addresses, expected, **more),)}  # type: ignore[arg-type]


CASES: list[tuple[str, Facts, dict, Level, str, str]] = [
    # what, facts, changes, level, words of the cause, words of the remedy
    ("a name unknown here", SERVER, name((), "10.0.0.11"), F, "n1 ", "`10.0.0.11 n1`"),
    ("another address", SERVER, name(("10.9.9.9",), "10.0.0.11"), F, "10.9.9.9", "/etc/hosts"),
    ("only loopback", SERVER, name(("127.0.1.1",), own=True), F, "loopback", "127.0.1.1"),
    ("another name back", SERVER, name(("10.0.0.11",), back="x9"), W, "back to x9", "PTR"),
    (
        "a mom by another name",
        SERVER,
        {"strangers": (("alias40", "n40"),)},
        F,
        "alias40 says that it is n40",
        "pbs_mom -H alias40",
    ),
    ("no server", SERVER, {"server_error": "exit 111"}, F, "exit 111", "start pbs_server"),
    ("an agent's number", AGENT, {"agent_name": "10.0.0.1"}, F, "10.0.0.1", "--hostname"),
    ("an agent's other name", AGENT, {"agent_name": "ip-10-0-0-1"}, W, "ip-10-0-0-1", "=n1"),
    ("a mom without a record", AGENT, {"moms": (Mom(7, "zz"),)}, F, "no such node", "create node"),
    ("a port that is taken", AGENT, {"ports": (Port(15002, "", "nginx"),)}, F, "nginx", "ss -ltnp"),
    ("nobody listens", SERVER, {"ports": (Port(15001, "pbs_server", None),)}, F, "15001", "start"),
    (
        "another one listens",
        SERVER,
        {"ports": (Port(15001, "pbs_server", "nginx"),)},
        F,
        "nginx listens at 15001",
        "ss -ltnp",
    ),
    (
        "a closed port",
        AGENT,
        {"reaches": (Reach("head", 15001, "pbs_server", "Connection refused"),)},
        F,
        "Connection refused",
        "nc -zv head 15001",
    ),
    (
        "no trqauthd",
        SERVER,
        {"trqauthd": replace(SOCKET, there=False, error="No such file", running=False)},
        F,
        "exit code 33",
        "`trqauthd`",
    ),
    (
        "a socket left by trqauthd",
        SERVER,
        {"trqauthd": replace(SOCKET, error="Connection refused", running=False)},
        F,
        "does not run",
        "rm -f",
    ),
    (
        "trqauthd without its socket",
        SERVER,
        {"trqauthd": replace(SOCKET, there=False, error="No such file")},
        F,
        "runs, but its socket",
        "trqauthd -d",
    ),
    (
        "no trqauthd on an agent",
        AGENT,
        {"trqauthd": replace(SOCKET, error="No such file", running=False)},
        W,
        "only jobs that call qsub",
        "trqauthd",
    ),
    ("no pbs_mom", AGENT, {"versions": Versions(None, "6.1", "no pbs_mom")}, F, "no pbs_mom", ""),
    ("an old mom", AGENT, {"versions": Versions("4.2.10", "6.1.3")}, F, "4.2.10", "6.1.3"),
    ("another patch", AGENT, {"versions": Versions("6.1.2", "6.1.3")}, W, "6.1.2", "same version"),
    ("an unknown version", AGENT, {"versions": Versions("6.1", None)}, W, "6.1", "--compare"),
    (
        "a clock behind",
        SERVER,
        {"clocks": (Clock("m", 30.0, 0.5),)},
        W,
        "30 s behind",
        "timedatectl",
    ),
    ("a clock far ahead", SERVER, {"clocks": (Clock("m", -400.0, 0.5),)}, F, "ahead of", "chrony"),
    ("no munge", SERVER, {"munge": Munge(False, True, "")}, F, "not installed", "apt-get"),
    (
        "munge is silent",
        SERVER,
        {"munge": Munge(True, True, "no socket")},
        F,
        "no socket",
        "munged",
    ),
    (
        "Maui is nearly full",
        SERVER,
        {"counts": Counts(100, 3700, 4, 10)},
        W,
        "3700 jobs",
        "MMAX_JOB",
    ),
    ("Maui is full", SERVER, {"counts": Counts(100, 1, 16, 10)}, F, "16 queues", "MAX_MCLASS"),
    (
        "a spool of another mode",
        SERVER,
        {"folders": (Folder("/s/spool", 0o755, 0, 0o1777, exactly=True),)},
        F,
        "mode 0755",
        "chmod 1777 /s/spool",
    ),
    (
        "others may write",
        SERVER,
        {"folders": (Folder("/s/server_priv", 0o777, 0, 0o750),)},
        F,
        "mode 0777",
        "chmod 750",
    ),
    (
        "another one's folder",
        SERVER,
        {"folders": (Folder("/s/server_priv", 0o750, 1000, 0o750),)},
        F,
        "user 1000",
        "chown root",
    ),
    ("no folder", SERVER, {"folders": (Folder("/s", None, None, 0o750),)}, F, "not there", "mkdir"),
    (
        "sandboxes below /tmp",
        AGENT,
        {"folders": (Folder("/tmp/m", 0o755, 0, 0o755, chain=("/tmp",), sandbox=True),)},
        F,
        "anybody may write to /tmp",
        "--work_dir",
    ),
    (
        "a home below /tmp",
        AGENT,
        {"folders": (Folder("/tmp/m", 0o755, 0, 0o755, chain=("/tmp",)),)},
        F,
        "above /tmp/m",
        "chmod o-w /tmp",
    ),
    (
        "mom_hierarchy",
        SERVER,
        {"mom_hierarchy": "/s/mom_hierarchy"},
        F,
        "refuses to make",
        "mv /s/mom_hierarchy",
    ),
    ("a full disk", SERVER, {"disks": (Disk("/var", 9.0, 100.0, None),)}, F, "9 MB", "du -xh"),
    ("a nearly full disk", SERVER, {"disks": (Disk("/", 900.0, 1e5, 10**6),)}, W, "900 MB", "du"),
    ("no more files", SERVER, {"disks": (Disk("/", 1e5, 1e6, 3),)}, F, "3 files", "du"),
    ("no such user", AGENT, {"users": (User("zoe", None),)}, F, "no account zoe", "useradd"),
    ("no home", AGENT, {"users": (User("alice", 1001, 1001),)}, W, "no home", "mount"),
    (
        "another uid",
        AGENT,
        {"others": (("head", (replace(ALICE, uid=1007),)),)},
        F,
        "uid 1001 here, and 1007 on head",
        "usermod",
    ),
    ("no Python", AGENT, {"python": ""}, F, "here is none", "executor.python"),
    ("an old Python", AGENT, {"python": "3.8.10"}, F, "3.8.10", "executor.python"),
]


@pytest.mark.parametrize(
    ("facts", "changes", "level", "cause", "remedy"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_what_is_wrong(facts: Facts, changes: dict, level: Level, cause: str, remedy: str) -> None:
    (finding,) = bad(replace(facts, **changes))
    assert finding.level is level
    assert cause in finding.says
    assert remedy in finding.remedy
    assert finding.remedy


def test_what_is_of_torque_alone_is_asked_of_torque_alone() -> None:
    facts = replace(SERVER, kind="openpbs", mom_hierarchy="/s/x", trqauthd=None)
    assert bad(facts) == []


def test_munge_that_nobody_uses_need_not_run() -> None:
    assert bad(replace(SERVER, munge=Munge(True, False, "no socket"))) == []
