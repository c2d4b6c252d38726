"""The commands' words and exit codes, held to what TORQUE 6.1.3 was recorded saying."""

from __future__ import annotations

import re

import pytest

from tests.batch.builtin.cluster import Cluster
from tests.batch.builtin.recorded import recorded
from tests.waiting import wait_for

pytestmark = pytest.mark.system

N1, N2 = "n1.cluster.test", "n2.cluster.test"


def like(text: str) -> str:
    """A recorded text with our server's name and address in place of the recorded ones."""
    text = re.sub(r"\bhead\(10\.77\.0\.1\)", "head.cluster.test(127.0.0.1)", text)
    text = text.replace("'head'", "'head.cluster.test'")
    text = re.sub(r"\bserver head\b", "server head.cluster.test", text)
    return re.sub(r"(\d+)\.head\b", r"\1.head.cluster.test", text)


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("04-empty-pbsnodes", ["pbsnodes"]),
        ("04-empty-pbsnodes_-l", ["pbsnodes", "-l"]),
        ("04-empty-pbsnodes_-x", ["pbsnodes", "-x"]),
        ("04-empty-qstat", ["qstat"]),
        ("04-empty-qstat_-f", ["qstat", "-f"]),
        ("04-empty-qstat_-x", ["qstat", "-x"]),
        ("04-qdel-unknown", ["qdel", "99999"]),
        ("04-qstat-unknown", ["qstat", "99999"]),
        ("04-qstat-x-unknown", ["qstat", "-x", "99999"]),
        ("04-wrong-server", ["qstat", "@nosuchserver"]),
        ("03-bad-attr", ["qmgr", "-c", "set server bogus=1"]),
        ("03-create-unres", ["qmgr", "-c", "create node nosuchhost"]),
        ("03-create-badattr", ["qmgr", "-c", "create node n47 foo=bar"]),
        ("03-delete-unknown", ["qmgr", "-c", "delete node zzz"]),
        ("03-set-unknown-node", ["qmgr", "-c", "set node zzz np=3"]),
        ("03-set-nodect-server", ["qmgr", "-c", "set server resources_available.nodect=1000"]),
        ("03-unset-nodect-server", ["qmgr", "-c", "unset server resources_available.nodect"]),
        ("03-set-auto-node-np", ["qmgr", "-c", "set server auto_node_np=True"]),
    ],
)
def test_as_recorded(quiet: Cluster, name: str, command: list[str]) -> None:
    code, out, err = recorded(name)
    done = quiet.run(*command)
    assert (done.returncode, done.stdout, done.stderr) == (code, like(out), like(err))


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("04-pbsnodes-o-unknown", ["pbsnodes", "-o", "nosuch"]),
        ("04-pbsnodes-unknown", ["pbsnodes", "nosuch"]),
        ("04-pbsnodes-x-unknown", ["pbsnodes", "-x", "nosuch"]),
        ("04-pbsnodes-n-n3", ["pbsnodes", "-n", N1]),
    ],
)
def test_as_recorded_with_a_node(cluster: Cluster, name: str, command: list[str]) -> None:
    cluster.qmgr(f"create node {N1}")
    code, out, err = recorded(name)
    done = cluster.run(*command)
    assert (done.returncode, done.stdout, done.stderr) == (code, out, err)


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("04-serverdown-qstat", ["qstat"]),
        ("04-serverdown-qstat_-x", ["qstat", "-x"]),
        ("04-serverdown-pbsnodes_-x", ["pbsnodes", "-x"]),
        ("04-serverdown-pbsnodes_-o_n1", ["pbsnodes", "-o", N1]),
        ("04-serverdown-qmgr_-c_list_server", ["qmgr", "-c", "list server"]),
    ],
)
def test_a_server_that_is_down(cluster: Cluster, name: str, command: list[str]) -> None:
    assert cluster.server is not None
    cluster.server.kill()
    cluster.server.wait()
    code, out, err = recorded(name)
    done = cluster.run(*command)
    assert (done.returncode, done.stdout, done.stderr) == (code, out, like(err))


def test_pbsnodes_shows_what_torque_shows_in_its_order(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    cluster.qmgr(f"set node {N1} properties=foo", f"set node {N1} note=hi")
    cluster.submit("sleep 300\n", "-l", "nodes=1:ppn=2")
    cluster.wait_node(N1, "job-exclusive")
    done = cluster.run("pbsnodes", "-x")
    assert re.sub(r">[^<]*<", "><", done.stdout).strip() == (
        "<Data><Node><name></name><state></state><power_state></power_state><np></np>"
        "<properties></properties><ntype></ntype><jobs></jobs><status></status><note></note>"
        "<mom_service_port></mom_service_port><mom_manager_port></mom_manager_port></Node></Data>"
    )
    _, out, _ = recorded("04-mix-pbsnodes_-x")
    theirs = re.search(r"<status>([^<]*)</status>", out)
    assert theirs is not None
    words = cluster.node(N1)["status"].split(",")
    names = [word.split("=")[0] for word in words]
    assert names == [word.split("=")[0] for word in theirs[1].split(",")]
    text = cluster.run("pbsnodes", N1).stdout
    assert text.startswith(f"{N1}\n     state = job-exclusive\n     power_state = Running\n")
    assert text.endswith(" mom_manager_port = " + cluster.node(N1)["mom_manager_port"] + "\n\n")


def test_qstat_x_shows_the_elements_that_torque_shows(cluster: Cluster) -> None:
    _, out, _ = recorded("04-mix-qstat_-x")
    jobs = re.findall(r"<Job>.*?</Job>", out)
    complete = next(job for job in jobs if "<job_state>C<" in job)
    running = next(job for job in jobs if "<Job_Id>2.head" in job)
    cluster.with_nodes(N1)
    script = "#PBS -S /bin/bash\nsleep $SLP\n"
    first = cluster.submit(script, "-v", "SLP=0")
    cluster.wait_state(first, "C")
    second = cluster.submit(script, "-v", "SLP=300", "-l", "nodes=1:ppn=2")
    wait_for(lambda: "session_id" in cluster.job(second), 60, "it runs")
    done = cluster.run("qstat", "-x", "-t")
    assert done.stdout.startswith('<?xml version="1.0"?>\n<Data><Job><Job_Id>0.head')
    ours = re.findall(r"<Job>.*?</Job>", done.stdout)
    assert _names(ours[0]) == _names(complete)
    # A running job shows what it uses after its mom's first report.
    without_use = [name for name in _names(ours[1]) if name not in USED]
    assert without_use == _names(running)


USED = ("resources_used", "cput", "vmem", "mem", "energy_used")


def _names(job: str) -> list[str]:
    names = re.findall(r"<(\w+(?:\.\w+)?)>", job)
    # The walltime of resources_used has the name of the requested one.
    if "resources_used" in names:
        names.remove("walltime")
        return names if "exit_status" in names else [n for n in names if n not in USED]
    return names


def test_plain_qstat(cluster: Cluster) -> None:
    job_id = cluster.submit("true\n", "-N", "one")
    lines = cluster.run("qstat").stdout.splitlines()
    _, out, _ = recorded("04-mix-qstat")
    theirs = out.splitlines()
    assert lines[:2] == theirs[:2]
    user = cluster.account.pw_name
    assert lines[2] == f"{job_id:<26} {'one':<16} {user:<15} {0:>8} Q {'batch':<15}"
    assert theirs[5] == f"{'3.head':<26} {'j3x2foo':<16} {'batchuser':<15} {0:>8} Q {'batch':<15}"


def test_a_job_that_is_over_can_be_run_once_more(cluster: Cluster) -> None:
    queued = cluster.submit("true\n", "-h")
    assert cluster.run("qrerun", queued).returncode == 170
    cluster.run("qdel", queued)
    assert cluster.run("qrun", queued).stderr == (
        f"qrun: Request invalid for state of job MSG=invalid state for job - COMPLETE {queued}\n"
    )
    cluster.with_nodes(N1)
    job_id = cluster.submit("true\n")
    cluster.wait_state(job_id, "C")
    assert cluster.run("qrerun", job_id).returncode == 0
    wait_for(lambda: cluster.job(job_id)["start_count"] == "2", 60, "it runs again")
    cluster.wait_state(job_id, "C")


def test_a_session_of_qmgr(cluster: Cluster) -> None:
    commands = f"create node {N1},{N2} np=3\ncreate node nosuch\nbogus\nlist server default_queue\n"
    done = cluster.run("qmgr", text=commands)
    assert done.returncode == 0
    assert (
        done.stdout
        == "Max open servers: 9\n"
        + commands
        + "Server head.cluster.test\n\tdefault_queue = batch\n\n"
    )
    assert done.stderr == (
        "qmgr obj=nosuch svr=default: Unknown node \n"
        "qmgr: Illegal operation: bogus\nTry 'help' if you are having trouble.\n"
    )
    assert cluster.node(N2)["np"] == "3"
    last = cluster.run("qmgr", text="list server default_queue\ncreate node nosuch\n")
    assert last.returncode == 2
    aborted = cluster.run("qmgr", "-a", text="create node nosuch\nlist server default_queue\n")
    assert (aborted.returncode, aborted.stdout.splitlines()[1:]) == (1, ["create node nosuch"])


def test_print_server_can_be_fed_back(cluster: Cluster) -> None:
    printed = cluster.run("qmgr", "-c", "print server").stdout
    assert "create queue batch\nset queue batch queue_type = Execution\n" in printed
    assert "set queue batch resources_default.walltime = 01:00:00\n" in printed
    assert "set server keep_completed = 60\n" in printed
    cluster.qmgr("delete queue batch")
    done = cluster.run("qmgr", text=printed)
    assert done.returncode == 0
    assert cluster.run("qmgr", "-c", "print server").stdout == printed


def test_duplicates_and_bad_values(cluster: Cluster) -> None:
    cluster.qmgr(f"create node {N1}")
    for command, text in (
        (f"create node {N1}", f"qmgr obj={N1} svr=default: Node name already exists"),
        ("create queue batch", "qmgr obj=batch svr=default: Queue already exists"),
        ("set queue nosuch started=true", "qmgr obj=nosuch svr=default: Unknown queue"),
        ("set queue batch bogus=1", "qmgr obj=batch svr=default: Undefined attribute  bogus"),
        (
            "set server scheduling=maybe",
            "qmgr obj= svr=default: Illegal attribute or resource value for scheduling",
        ),
        (
            "set server resources_available.foo=3",
            "qmgr obj= svr=default: Unknown resource type  resources_available.foo",
        ),
        (
            f"set node {N1} np=abc",
            f"qmgr obj={N1} svr=default: Illegal attribute or resource value for",
        ),
        (f"unset node {N1} note", f"qmgr obj={N1} svr=default: Invalid request"),
        (
            "set server",
            "qmgr: Syntax error - attribute required for operation\nset server\n          ^",
        ),
    ):
        done = cluster.run("qmgr", "-c", command)
        assert (done.returncode, done.stderr) == (2, text + "\n"), command


def test_unset_of_scheduler_iteration_is_ignored(cluster: Cluster) -> None:
    cluster.qmgr("set server scheduler_iteration=30", "unset server scheduler_iteration")
    listed = cluster.run("qmgr", "-c", "list server scheduler_iteration").stdout
    assert "scheduler_iteration = 30" in listed


def test_qsub_says_no_as_torque_does(cluster: Cluster) -> None:
    script = cluster.work / "script"
    script.write_text("true\n")
    cases = [
        (["nofile"], 1, "qsub: script file 'nofile' cannot be loaded - No such file or directory"),
        (
            ["-l", "nodes=abc:ppn=x"],
            27,
            "qsub: submit error (Command syntax invalid MSG=Invalid Syntax)",
        ),
        (["-l", "foo=3"], 189, "qsub: submit error (Unknown resource type  Resource_List.foo)"),
        (
            ["-l", "walltime=xx"],
            168,
            "qsub: submit error (Illegal attribute or resource value for Resource_List.walltime)",
        ),
        (["-q", "nosuch"], 172, "qsub: submit error (Unknown queue MSG=requested queue not found)"),
    ]
    for arguments, code, text in cases:
        given = arguments if arguments == ["nofile"] else [*arguments, "script"]
        done = cluster.run("qsub", *given, user=True)
        assert (done.returncode, done.stderr) == (code, text + "\n"), arguments
    for arguments in (["-Z"], ["-r", "q"], ["-j", "x"], ["-N", "a b"]):
        assert cluster.run("qsub", *arguments, user=True).returncode == 2
    cluster.qmgr("set queue batch enabled=false")
    done = cluster.run("qsub", "script", user=True)
    assert done.stderr.startswith("qsub: submit error (Queue is not enabled MSG=queue is disabled")
    cluster.qmgr("unset server default_queue")
    done = cluster.run("qsub", "script", user=True)
    assert done.stderr == (
        "qsub: submit error (No default queue specified MSG=requested queue not found)\n"
    )
