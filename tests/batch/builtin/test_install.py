"""The layout on disk, and the mom that runs from an unpacked bundle."""

from __future__ import annotations

import ast
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.accounts import need_root
from tests.batch.builtin.cluster import (
    MOM_CONFIG,
    Cluster,
    install_settings,
    new_cluster,
)
from tests.waiting import wait_for
from torque_mesos.batch.builtin import install as installing
from torque_mesos.batch.builtin.install import install, mom_files

N1 = "n1.cluster.test"
SOURCE = Path(installing.__file__).parent
COMMANDS = ("qsub", "qstat", "qdel", "qmgr", "pbsnodes", "qrerun", "qrun", "qterm")


@pytest.mark.parametrize("path", sorted(SOURCE.glob("*.py")), ids=lambda path: path.stem)
def test_modules_are_small_and_run_on_python_3_9(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 300
    tree = ast.parse(text, feature_version=(3, 9))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        else:
            continue
        for name in names:
            assert name.split(".")[0] in {*sys.stdlib_module_names}, name


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="builtin-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def test_the_layout_is_torques(folder: Path) -> None:
    made = install(folder / "home", server_name="head.test", hosts={"n.test": "127.0.0.9"})
    assert (made.home / "server_name").read_text() == "head.test\n"
    assert (made.home / "hosts").read_text() == "127.0.0.9\tn.test\n"
    for name, mode in (
        ("server_priv/accounting", 0o750),
        ("mom_priv", 0o751),
        ("mom_priv/jobs", 0o751),
        ("spool", 0o1777),
        ("undelivered", 0o1777),
        ("aux", 0o755),
        ("sched_priv", 0o750),
        ("server_logs", 0o755),
    ):
        assert (made.home / name).stat().st_mode & 0o7777 == mode, name
    for name in COMMANDS:
        assert os.access(made.bin_dir / name, os.X_OK)
    again = install(folder / "home", server_name="other.test")
    assert (again.home / "server_name").read_text() == "other.test\n"
    assert (again.home / "hosts").exists()


def test_commands_do_not_need_the_checkout(folder: Path) -> None:
    made = install(folder / "home", server_name="head.test")
    done = subprocess.run(
        [str(made.bin_dir / "qstat")], capture_output=True, text=True, env={}, cwd="/", check=False
    )
    assert done.returncode == 111
    library = made.home / "lib" / installing.PACKAGE
    assert not any(path.is_symlink() for path in library.rglob("*"))
    assert (library / "__pycache__").is_dir()


def test_a_home_with_a_long_path_works(folder: Path) -> None:
    home = folder / ("long" * 30)
    made = install(home, server_name="head.test", server_port=0)
    server = subprocess.Popen([str(made.sbin_dir / "pbs_server"), "-F", "-t", "create"])
    try:
        wait_for(
            lambda: subprocess.run([str(made.bin_dir / "qstat")], check=False).returncode == 0,
            60,
            "the server answers",
        )
    finally:
        server.kill()
        server.wait()


def test_the_bundle_has_every_module_that_one_of_its_modules_imports() -> None:
    files = mom_files()
    have = {Path(name).stem for name in files if name.endswith(".py")}
    for name, (content, _) in files.items():
        if not name.endswith(".py"):
            continue
        for node in ast.walk(ast.parse(content)):
            if isinstance(node, ast.ImportFrom) and node.level == 1:
                named = [node.module] if node.module else [alias.name for alias in node.names]
                assert set(named) <= have, (name, named)


@pytest.mark.system
def test_a_mom_runs_from_an_unpacked_bundle(cluster: Cluster) -> None:
    unpacked = cluster.folder / "bundle"
    for name, (content, mode) in mom_files().items():
        path = unpacked / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(mode)
    home = cluster.folder / "fresh"
    settings = install_settings(cluster.home)
    (home / "mom_priv").mkdir(parents=True)
    home.chmod(0o755)
    (home / "mom_priv" / "config").write_text(MOM_CONFIG)
    environ = {"PBS_BUILTIN_HOSTS": str(cluster.home / "hosts"), "PATH": "/usr/bin:/bin"}
    python = [sys.executable, "-I", "-S", "-B"]
    port = ("-p", settings["mom_manager_port"])
    command = [
        *(*python, str(unpacked / "sbin" / "pbs_mom"), "-F", "-d", str(home), "-H", N1),
        *("-M", settings["mom_service_port"], "-R", settings["mom_manager_port"]),
        *("-S", settings["server_port"], "-L", str(home / "log")),
    ]
    cluster.qmgr(f"create node {N1}")
    mom = subprocess.Popen(command, env=environ, cwd="/")
    try:
        cluster.wait_node(N1, "free")
        job_id = cluster.submit("echo ran\n", "-N", "bundled")
        cluster.wait_state(job_id, "C")
        assert (cluster.work / "bundled.o0").read_text() == "ran\n"
        momctl = [*python, str(unpacked / "sbin" / "momctl"), "-h", N1, *port, "-s"]
        subprocess.run(momctl, env=environ, check=True, capture_output=True)
        assert mom.wait(timeout=60) == 0
    finally:
        mom.kill()
        mom.wait()


@pytest.mark.system
def test_without_delays_it_still_works() -> None:
    cluster = new_cluster(scale=0)
    try:
        cluster.with_nodes(N1)
        cluster.wait_state(cluster.submit("true\n"), "C")
        cluster.qmgr(f"delete node {N1}")
    finally:
        cluster.close()


@pytest.mark.system
def test_a_secret_keeps_strangers_out() -> None:
    cluster = new_cluster(secret=True)
    try:
        cluster.qmgr(f"create node {N1}")
        cluster.wait_node(N1, "down")
        cluster.start_mom(N1, ready=False)
        log = cluster.home / "server_logs"
        wait_for(
            lambda: any("wrong signature" in path.read_text() for path in log.iterdir()),
            60,
            "the mom without the secret is refused",
        )
        assert cluster.states(N1) == {"down"}
        cluster.moms[N1].kill()
        cluster.moms[N1].wait()
        secret = (cluster.home / "server_priv" / "secret").read_bytes()
        (cluster.mom_home(N1) / "mom_priv" / "secret").write_bytes(secret)
        cluster.start_mom(N1)
        cluster.kick()
        cluster.wait_state(cluster.submit("true\n"), "C")
    finally:
        cluster.close()


@pytest.mark.system
def test_other_users_cannot_speak_as_a_daemon(cluster: Cluster) -> None:
    need_root("and another user beside")
    cluster.with_nodes(N1)
    settings = install_settings(cluster.home)
    code = (
        "import socket, sys; sys.path.insert(0, sys.argv[1])\n"
        "from pbs_builtin.wire import ask\n"
        "s = socket.create_connection((sys.argv[2], int(sys.argv[3])))\n"
        "print(ask(s, {'op': sys.argv[4], 'node': 'n1.cluster.test', 'stopping': True}))\n"
    )
    account = cluster.account
    library = str(cluster.home / "lib")
    for address, port, operation in (
        ("127.0.0.11", settings["mom_manager_port"], "shutdown"),
        ("127.0.0.1", settings["server_port"], "status"),
    ):
        done = subprocess.run(
            ["/usr/bin/python3", "-c", code, library, address, port, operation],
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode != 0
        assert "Connection" in done.stderr
    assert cluster.states(N1) == {"free"}
    assert cluster.moms[N1].poll() is None


@pytest.mark.system
def test_nonsense_is_ignored(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    settings = install_settings(cluster.home)
    for port in (settings["server_port"], settings["mom_manager_port"]):
        address = "127.0.0.1" if port == settings["server_port"] else "127.0.0.11"
        for sent in (b"GET / HTTP/1.0\r\n\r\n" * 10, bytes(36) + b"\xff", b"\x00\x00"):
            with socket.create_connection((address, int(port))) as connection:
                connection.sendall(sent)
    cluster.wait_state(cluster.submit("true\n"), "C")
