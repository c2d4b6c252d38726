"""Access lists, as TORQUE 6.1.3 answered on the host `head`; and what users may do to others."""

from __future__ import annotations

import grp
import pwd
import socket
import subprocess
from collections.abc import Iterator

import pytest

from tests.accounts import need_root
from tests.batch.builtin.cluster import Cluster, new_cluster
from tests.waiting import wait_for
from torque_mesos.batch.builtin import acl
from torque_mesos.batch.builtin.errors import PbsError
from torque_mesos.batch.builtin.install import _COMMANDS

N1 = "n1.cluster.test"


def _refusal(queue: dict[str, str], owner: str = "alice@head", group: str = "alice") -> str:
    try:
        acl.check_group(queue, "acl", owner, group)
        acl.check_host_and_user(queue, "acl", owner, "head")
    except PbsError as error:
        return error.text
    return ""


USER = "Unauthorized Request  MSG=user ACL rejected the submitting user: user alice@head, queue acl"
GROUP = "Unauthorized Request  MSG=group ACL is not satisfied: user alice@head, queue acl"
HOST = (
    "Access from host not allowed, or unknown host MSG=host ACL rejected the submitting host: "
    "user alice@head, queue acl, host head"
)


@pytest.mark.parametrize(
    ("kind", "entries", "text"),
    [
        ("user", "", USER),
        ("user", "bob", USER),
        ("user", "alice", ""),
        ("user", "alice@head", ""),
        ("user", "alice@*", ""),
        ("user", "alice@other", USER),
        ("user", "+alice@*.cluster", USER),
        ("user", "-alice,+", USER),
        ("user", "-bob,+", ""),
        ("group", "", GROUP),
        ("group", "bob", GROUP),
        ("group", "alice,bob", ""),
        ("host", "", ""),
        ("host", "head", ""),
        ("host", "n1", HOST),
        ("host", "*.test", HOST),
        ("host", "*", ""),
    ],
)
def test_lists_of_queues(kind: str, entries: str, text: str) -> None:
    queue = {f"acl_{kind}_enable": "True", f"acl_{kind}s": entries}
    assert _refusal(queue) == text
    queue[f"acl_{kind}_enable"] = "False"
    assert _refusal(queue) == ""


def test_a_sloppy_group_list_knows_all_groups_of_a_user(monkeypatch: pytest.MonkeyPatch) -> None:
    found = grp.struct_group(("physics", "x", 7, ["alice"]))
    monkeypatch.setattr(acl.grp, "getgrnam", {"physics": found}.__getitem__)
    queue = {"acl_group_enable": "True", "acl_groups": "physics,nosuch"}
    assert _refusal(queue) == GROUP
    assert _refusal({**queue, "acl_group_sloppy": "True"}) == ""


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [("*", True), ("a.b.test", True), ("*.test", True), ("A.B.TEST", True), ("*.b", False)],
)
def test_hosts_with_wildcards(pattern: str, fits: bool) -> None:
    assert acl.host_matches("a.b.test", pattern) is fits
    assert acl.user_matches("alice@a.b.test", f"alice@{pattern}") is fits
    assert not acl.user_matches("bob@a.b.test", f"alice@{pattern}")


# --- two users --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two() -> Iterator[tuple[Cluster, int, int]]:
    """A cluster of root's with a node, and the uids of alice and bob."""
    need_root("to be two users")
    made = []
    for name in ("alice", "bob"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            subprocess.run(["useradd", "-m", name], check=True)
            made.append(name)
    cluster = new_cluster()
    try:
        cluster.with_nodes(N1, np=4)
        cluster.work.chmod(0o777)
        yield cluster, pwd.getpwnam("alice").pw_uid, pwd.getpwnam("bob").pw_uid
    finally:
        cluster.close()
        for name in made:
            subprocess.run(["userdel", "-rf", name], check=True, capture_output=True)


def _submit(cluster: Cluster, uid: int, script: str, *options: str) -> str:
    done = cluster.run("qsub", *options, uid=uid, text=script)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# What a command that changes a job is given before the job's id.
CHANGING: dict[str, list[str]] = {
    "qalter": ["-p", "5"],
    "qdel": [],
    "qhold": [],
    "qmove": ["batch"],
    "qorder": ["SECOND"],
    "qrerun": [],
    "qrls": [],
    "qrun": [],
    "qsig": ["-s", "KILL"],
}
# Those that change no job, or only new ones of the asker's.
OTHERS = {
    *("momctl", "pbs_mom", "pbs_sched", "pbs_server", "pbsdsh", "pbsnodes", "qmgr", "qstat"),
    *("qsub", "qterm", "tracejob", "qselect", "qstart", "qstop", "qenable", "qdisable"),
}


def test_every_command_is_thought_of() -> None:
    assert {name.split("/")[1] for name in _COMMANDS} <= CHANGING.keys() | OTHERS


@pytest.mark.system
def test_no_command_touches_a_job_of_anothers(two: tuple[Cluster, int, int]) -> None:
    cluster, alice, bob = two
    queued = _submit(cluster, alice, "true\n", "-h")
    second = _submit(cluster, alice, "true\n", "-h")
    running = _submit(cluster, alice, "echo secret; sleep 300\n")
    wait_for(lambda: "session_id" in cluster.job(running), 60, "it runs")
    before = {job: cluster.job(job) for job in (queued, running)}
    installed = {name.split("/")[1] for name in _COMMANDS}
    for command in CHANGING.keys() & installed:
        for job in (queued, running):
            words = [second if word == "SECOND" else word for word in CHANGING[command]]
            done = cluster.run(command, *words, job, uid=bob)
            assert done.returncode, (command, job)
            assert "Unauthorized Request" in done.stderr, (command, done.stderr)
    for words in (["qdel", "-p"], ["qdel", "-W", "1"], ["qrerun", "-f"], ["qdel", "-m", "x"]):
        done = cluster.run(*words, running, uid=bob)
        assert "Unauthorized Request" in done.stderr, words
    for words in (["qstat", "-f", running], ["qstat", "-x", queued]):
        assert "secret" not in cluster.run(*words, uid=bob).stdout
        assert cluster.run(*words, uid=bob).returncode == 159
    assert cluster.run("qselect", uid=bob).stdout == ""
    for command in ("qstart", "qstop", "qenable", "qdisable"):
        done = cluster.run(command, "batch", uid=bob)
        assert (done.returncode > 0, "Unauthorized Request" in done.stderr) == (True, True)
    for job, attributes in before.items():
        now = cluster.job(job)
        for name in ("job_state", "Hold_Types", "Priority", "queue", "start_count", "session_id"):
            assert now.get(name) == attributes.get(name), (job, name)
    for job in (queued, second, running):
        assert cluster.run("qdel", job, uid=alice).returncode == 0


@pytest.mark.system
def test_nobody_reads_anothers_output_or_script(two: tuple[Cluster, int, int]) -> None:
    cluster, alice, bob = two
    running = _submit(cluster, alice, "echo secret; sleep 300\n")
    home = cluster.mom_home(N1)
    output = home / "spool" / f"{running}.OU"
    wait_for(lambda: output.exists() and output.read_text() == "secret\n", 60, "its output")
    files = [output, home / "mom_priv" / "jobs" / f"{running}.SC"]
    files.append(home / "mom_priv" / "jobs" / f"{running}.JB")
    for path in files:
        assert path.exists(), path
        for way in ("r", "a"):
            program = f"open({str(path)!r}, {way!r})"
            done = subprocess.run(
                ["/usr/bin/python3", "-IS", "-c", program],
                capture_output=True,
                text=True,
                check=False,
                user=bob,
                group=bob,
                extra_groups=[],
            )
            assert "PermissionError" in done.stderr, (path, way)
    for path in (cluster.home / "server_priv").glob("serverdb*"):
        assert not path.stat().st_mode & 0o077, path
    assert cluster.run("qdel", running, uid=alice).returncode == 0


@pytest.mark.system
def test_lists_of_the_server_and_of_queues(two: tuple[Cluster, int, int]) -> None:
    cluster, alice, bob = two
    cluster.qmgr(
        "create queue acl queue_type=execution,enabled=true,started=false",
        "set queue acl acl_user_enable=true",
        "set queue acl acl_users=bob@*",
    )
    owner = f"alice@{socket.gethostname()}"
    done = cluster.run("qsub", "-q", "acl", uid=alice, text="true\n")
    text = f"MSG=user ACL rejected the submitting user: user {owner}, queue acl)\n"
    assert (done.returncode, done.stderr.endswith(text)) == (159, True)
    job = _submit(cluster, bob, "true\n", "-q", "acl")
    cluster.qmgr("set queue acl acl_user_enable=false", "set queue acl acl_host_enable=true")
    cluster.qmgr("set queue acl acl_hosts=nowhere.test")
    assert cluster.run("qsub", "-q", "acl", uid=bob, text="true\n").returncode == 162
    cluster.qmgr("set server acl_user_enable=true", "set server acl_users=bob@*")
    for words in (["qstat"], ["qdel", job]):
        done = cluster.run(*words, uid=alice)
        assert (done.returncode, "Unauthorized Request" in done.stderr) == (159, True)
    assert cluster.run("qstat", job, uid=bob).returncode == 0
    cluster.qmgr("set server operators += alice@*")
    assert cluster.run("qstat", job, uid=alice).returncode == 0
    cluster.qmgr("set server acl_user_enable=false", "set server operators -= alice@*")
