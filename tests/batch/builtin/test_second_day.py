"""Years of runs, a full disk, and files of other versions."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.accounts import need_root
from tests.batch.builtin.cluster import Cluster, set_up
from tests.waiting import wait_for
from torque_mesos.batch.builtin import accounting
from torque_mesos.batch.builtin.accounting import Accounting
from torque_mesos.batch.builtin.rotation import prune_old
from torque_mesos.batch.builtin.settings import BadSettings, read
from torque_mesos.batch.builtin.store import BadStore, NotKept, Store, check

N1 = "n1.cluster.test"


# --- years ------------------------------------------------------------------------------


def test_three_years_of_jobs_leave_a_small_database(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "serverdb"))
    for day in range(3 * 365):
        for number in range(10):
            store.put("job", f"{day}.{number}", {"script": "x" * 2000})
        store.flush()
        for number in range(10):
            store.put("job", f"{day}.{number}", None)
        store.flush()
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 6_000_000
    store.close()
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 500_000


def test_output_that_nobody_came_for_goes_in_the_end(tmp_path: Path) -> None:
    for name, days in (("old", 91), ("young", 89)):
        (tmp_path / name).write_text("x")
        os.utime(tmp_path / name, (1e9 - days * 86400, 1e9 - days * 86400))
    (tmp_path / "folder").mkdir()
    assert prune_old(str(tmp_path), 90, 1e9) == ["old"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "young"]


# --- files of other versions ------------------------------------------------------------


def _of_format(path: Path, number: int) -> None:
    database = sqlite3.connect(path)
    database.execute(f"PRAGMA user_version={number}")
    database.close()


def test_a_database_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "serverdb"
    Store(str(path)).close()
    check(str(path))
    _of_format(path, 7)
    before = path.read_bytes()
    with pytest.raises(BadStore, match="has format 7, this server reads format 1"):
        Store(str(path))
    assert path.read_bytes() == before


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "serverdb"
    path.write_text("<server_db>\n" * 1000)
    with pytest.raises(BadStore, match=r"serverdb: file is not a database"):
        check(str(path))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "cannot read"),
        ("[]", "holds no object"),
        ('{"dealy_scale": 1}', "no setting 'dealy_scale'; there are: delay_scale"),
        ('{"delay_scale": "1"}', "delay_scale is '1'"),
        ('{"server_port": true}', "server_port is True"),
        ('{"log_mb": -1}', "log_mb is -1, below 0"),
    ],
)
def test_settings_that_mean_nothing_are_refused(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "builtin.json"
    path.write_text(text)
    with pytest.raises(BadSettings, match=problem):
        read(str(path))


@pytest.mark.system
@pytest.mark.parametrize("what", ["database", "settings", "traps"])
def test_a_server_says_what_it_cannot_read(cluster: Cluster, what: str) -> None:
    cluster.run("qterm")
    assert cluster.server is not None
    cluster.server.wait(60)
    folder = cluster.home / "server_priv"
    if what == "database":
        _of_format(folder / "serverdb", 2)
        text = f"pbs_server: {folder}/serverdb has format 2, this server reads format 1"
    elif what == "settings":
        (folder / "builtin.json").write_text("{")
        text = f"pbs_server: cannot read {folder}/builtin.json: "
    else:
        (folder / "builtin.json").write_text('{"traps": {"late": 1}}')
        text = "pbs_server: no trap 'late'; there are: late_obit"
    program = str(cluster.installed.sbin_dir / "pbs_server")
    done = subprocess.run([program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert done.stderr.startswith(text)


# --- a full disk ------------------------------------------------------------------------


def test_accounting_waits_for_room_and_keeps_its_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Accounting(str(tmp_path), clock=lambda: 1e9)
    append = accounting._append

    def full(path: str, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    def nearly_full(path: str, data: bytes) -> int:
        return append(path, data[:5])

    monkeypatch.setattr(accounting, "_append", full)
    log.write("Q", "1.head")
    log.write("D", "1.head")
    monkeypatch.setattr(accounting, "_append", nearly_full)
    log.write("Q", "2.head")
    (written,) = tmp_path.iterdir()
    kinds = [line.split(";")[1:3] for line in written.read_text().splitlines()]
    assert kinds == [["Q", "1.head"], ["D", "1.head"], ["Q", "2.head"]]


def test_changes_that_the_disk_does_not_take_are_kept_for_later(tmp_path: Path) -> None:
    path = tmp_path / "serverdb"
    store = Store(str(path))
    store.put("job", "1.head", {"number": 1})
    store.flush()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("CREATE TRIGGER full BEFORE INSERT ON record BEGIN SELECT RAISE(ABORT, 'full');"
                  " END")  # fmt: skip
    store.put("job", "1.head", None)
    store.put("job", "2.head", {"number": 2})
    with pytest.raises(NotKept, match="full"):
        store.flush()
    assert [key for key, _ in store.load("job")] == ["1.head"]
    other.execute("DROP TRIGGER full")
    store.put("job", "3.head", {"number": 3})
    store.flush()
    assert [key for key, _ in store.load("job")] == ["2.head", "3.head"]
    other.close()
    store.close()


@pytest.fixture
def small_disk() -> Iterator[Cluster]:
    """A server whose `server_priv` is on a file system of 16 MB, of which it keeps 4."""
    need_root("to mount a small file system")
    cluster = Cluster()
    folder = cluster.home / "server_priv"
    kept = cluster.folder / "kept"
    shutil.copytree(folder, kept)
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m,mode=755", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        cluster.close()
        pytest.skip("no file system can be mounted here")
    try:
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        settings = (kept / "builtin.json").read_text().replace("{", '{"reserve_mb": 4, ', 1)
        (folder / "builtin.json").write_text(settings)
        set_up(cluster)
        yield cluster
    finally:
        for process in (cluster.server, cluster.scheduler):
            if process is not None:
                process.kill()
                process.wait()
        subprocess.run(["umount", "-l", str(folder)], check=True)
        cluster.close()


def _fill(path: Path, left_mb: float) -> None:
    """Leave so much room on the file system of `path`."""
    with open(path, "wb") as file:
        free = os.statvfs(path)
        size = free.f_bavail * free.f_frsize - int(left_mb * 1e6)
        os.posix_fallocate(file.fileno(), 0, size)


@pytest.mark.system
def test_a_full_disk_costs_no_job(small_disk: Cluster) -> None:
    cluster = small_disk
    cluster.with_nodes(N1)
    go = cluster.work / "go"
    script = f"until [ -e {go} ]; do sleep 0.1; done; exit 3\n"
    running = cluster.submit(script, "-l", "nodes=1:ppn=2")
    waiting = cluster.submit("true\n")
    cluster.wait_state(running, "R")
    filler = cluster.home / "server_priv" / "filler"
    _fill(filler, 2.0)
    refused = cluster.run("qsub", user=True, text="true\n")
    assert refused.returncode == 164
    assert "PBS_Server System error: No space left on device MSG=" in refused.stderr
    assert "4 MB are needed" in refused.stderr
    assert cluster.run("qmgr", "-c", "create node n2.cluster.test").returncode == 2
    filler.unlink()
    _fill(filler, 0.0)
    held = cluster.run("qhold", waiting, user=True)
    assert held.returncode == 0
    go.touch()
    assert cluster.wait_state(running, "C")["exit_status"] == "3"
    assert cluster.job(waiting)["job_state"] == "H"
    filler.unlink()
    taken = cluster.submit("true\n", "-h")
    wait_for(
        lambda: any(f";E;{running}" in line for line in cluster.accounting()), 60, "its E record"
    )
    assert cluster.server is not None
    cluster.server.kill()
    cluster.server.wait()
    cluster.start_server()
    assert cluster.job(running)["exit_status"] == "3"
    assert cluster.job(waiting)["job_state"] == "H"
    assert cluster.job(taken)["job_state"] == "H"
    kinds = [line.split(";")[1] for line in cluster.accounting() if f";{running};" in line]
    assert kinds == ["Q", "S", "E"]
