"""TORQUE's traps that are not those of a node's life, and those that a setting switches on."""

from __future__ import annotations

import stat
import subprocess

import pytest

from tests.batch.builtin.cluster import SCALE, Cluster
from tests.waiting import wait_for
from torque_mesos.batch.builtin.traps import Traps

N1, N2, N3 = "n1.cluster.test", "n2.cluster.test", "n3.cluster.test"

system = pytest.mark.system


def test_a_trap_strikes_every_so_many_times() -> None:
    traps = Traps({"traps": {"late_obit": 3, "lost_list": 0}})
    assert [traps.strikes("late_obit") for _ in range(6)] == [False, False, True] * 2
    assert not traps.strikes("lost_list")
    assert not Traps({}).strikes("late_obit")


@pytest.mark.parametrize("wanted", [{"late_obits": 1}, {"late_obit": -1}, {"late_obit": "1"}, 7])
def test_settings_of_traps_that_mean_nothing_are_refused(wanted: object) -> None:
    with pytest.raises(ValueError, match="trap"):
        Traps({"traps": wanted})


# --- what the server forgets ---------------------------------------------------------


def _wide_job(cluster: Cluster) -> str:
    """A job that nodect alone keeps: more nodes than there are, but not more slots."""
    cluster.qmgr(
        "set server resources_available.nodect=100",
        "create node 192.0.2.1 np=1000,note=capacity",
    )
    cluster.wait_node("192.0.2.1", "down")
    job_id = cluster.submit("true\n", "-l", "nodes=5:ppn=2")
    cluster.kick()
    wait_for(lambda: cluster.job(job_id).get("comment"), 60, "the scheduler has looked at it")
    assert cluster.job(job_id)["job_state"] == "Q"
    # A record by an address keeps a server from starting.
    nodes = cluster.home / "server_priv" / "nodes"
    nodes.write_text(nodes.read_text().replace("192.0.2.1", N3))
    return job_id


@system
def test_nodect_is_forgotten_at_a_restart_and_jobs_are_deleted_for_it(cluster: Cluster) -> None:
    job_id = _wide_job(cluster)
    cluster.restart()
    assert "exit_status" not in cluster.wait_state(job_id, "C")


@system
def test_a_refused_qsub_reminds_the_server_of_nodect(cluster: Cluster) -> None:
    job_id = _wide_job(cluster)
    cluster.restart("-a", "false")
    assert cluster.run("qsub", "-l", "nodes=100000", user=True, text="true\n").returncode == 190
    cluster.kick()
    cluster.kick()
    later = cluster.submit("true\n", "-l", "nodes=1:ppn=2")
    wait_for(lambda: cluster.job(later)["job_state"] in "QC", 60, "another cycle")
    assert cluster.job(job_id)["job_state"] == "Q"


# --- lists of moms --------------------------------------------------------------------


def _has_list(cluster: Cluster, name: str) -> bool:
    return b"My okclients list is" in (cluster.mom_home(name) / "log").read_bytes()


@system
def test_a_lost_list_is_asked_for_again_after_45_seconds_only(cluster: Cluster) -> None:
    cluster.qmgr(f"create node {N1} np=2")
    cluster.wait_node(N1, "down")
    cluster.restart(delay_scale=0.5, traps={"lost_list": 2})
    cluster.start_mom(N1)
    cluster.run("momctl", "-h", N1, "-s")
    cluster.start_mom(N1, ready=False)
    log = cluster.mom_home(N1) / "log"
    begun = log.stat().st_size
    # Free, and yet not ready for a job over several hosts.
    cluster.wait_node(N1, "free")
    assert b"okclients" not in log.read_bytes()[begun:]
    cluster.restart(delay_scale=SCALE)
    wait_for(lambda: b"okclients" in log.read_bytes()[begun:], 60, "it has asked again")


@system
def test_a_mom_that_started_before_the_next_record_was_made_never_hears_of_it(
    cluster: Cluster,
) -> None:
    """Seen on TORQUE: both free, and a job over both hangs in its start."""
    cluster.rescale(1.0)
    cluster.qmgr(f"create node {N1} np=2")
    cluster.start_mom(N1)
    cluster.qmgr(f"create node {N2} np=2")
    cluster.start_mom(N2)
    cluster.wait_node(N1, "free")
    cluster.wait_node(N2, "free")
    job_id = cluster.submit("true\n", "-l", f"nodes={N2}+{N1}")
    log = cluster.mom_home(N1) / "log"
    wait_for(lambda: "bad connect from 127.0.0.12" in log.read_text(), 60, "the JOIN is refused")
    assert "session_id" not in cluster.wait_state(job_id, "R")
    cluster.restart(delay_scale=SCALE)
    cluster.run("momctl", "-h", N1, "-s")
    cluster.start_mom(N1)
    assert cluster.run("qrerun", job_id).returncode == 0
    for name in (N1, N2):
        cluster.wait_node(name, "free")
    cluster.kick()
    cluster.wait_state(job_id, "C")


@system
def test_with_a_hierarchy_file_no_record_is_made_or_deleted(cluster: Cluster) -> None:
    """As TORQUE was seen to do: looked for at a change only, and then kept until a restart."""

    def is_refused(command: str) -> bool:
        done = cluster.run("qmgr", "-c", command)
        assert done.returncode in (0, 2)
        return "created or deleted if there is a mom_hierarchy file." in done.stderr

    cluster.qmgr(f"create node {N1}")
    file = cluster.home / "server_priv" / "mom_hierarchy"
    file.write_text("<mom_hierarchy/>\n")
    assert not is_refused(f"create node {N2}")
    assert is_refused(f"create node {N3}")
    assert is_refused(f"delete node {N1}")
    file.unlink()
    assert is_refused(f"create node {N3}")
    assert not is_refused(f"set node {N1} np=3")
    cluster.restart()
    assert not is_refused(f"create node {N3}")


# --- obituaries -----------------------------------------------------------------------


@system
def test_a_late_obituary_keeps_a_job_that_is_over_running(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    cluster.restart(delay_scale=60.0, traps={"late_obit": 1})
    cluster.wait_node(N1, "free")
    job_id = cluster.submit("echo over\n", "-N", "over")
    wait_for((cluster.work / "over.o0").exists, 60, "its output is there")
    assert cluster.job(job_id)["job_state"] in "RE"
    assert cluster.node(N1)["jobs"]
    cluster.restart(delay_scale=SCALE, traps={"late_obit": 1})
    assert cluster.wait_state(job_id, "C")["exit_status"] == "0"


# --- moms -----------------------------------------------------------------------------


@system
def test_a_mom_below_a_folder_of_everybodys_ends_without_a_word(cluster: Cluster) -> None:
    home = cluster.folder / "open" / "mom"
    (home / "server_priv").mkdir(parents=True)
    (home / "server_priv" / "builtin.json").write_text('{"traps": {"path_check": 1}}')
    home.parent.chmod(0o777)
    command = [str(cluster.installed.sbin_dir / "pbs_mom"), "-F", "-d", str(home), "-H", N1]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, b"", b"")
    assert stat.S_IMODE((home / "spool").stat().st_mode) == 0o1777


@system
def test_reports_further_apart_than_the_check_make_a_node_flap(cluster: Cluster) -> None:
    """A check that is pending keeps the rate that it was set with; the next has the new one."""
    cluster.qmgr(f"create node {N1} np=2")
    cluster.start_mom(N1, "$pbsserver head.cluster.test\n$status_update_time 100\n")
    cluster.wait_node(N1, "free")
    cluster.qmgr("set server node_check_rate=20")
    cluster.restart()
    for state in ("free", "down", "free", "down"):
        cluster.wait_node(N1, state)
