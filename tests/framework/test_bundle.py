from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from torque_mesos import __version__
from torque_mesos.framework import bundle
from torque_mesos.framework.bundle import BundleError, build_bundle, check_stable_abi
from torque_mesos.mom.infos import BUNDLE_ROOT, LAUNCHER

VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")


def interpreter(version: str) -> str | None:
    """A Python of this version: in PATH, or of pyenv."""
    roots = [os.environ.get("PYENV_ROOT", ""), str(Path.home() / ".pyenv")]
    candidates = [shutil.which(f"python{version}")]
    for root in filter(None, roots):
        candidates += map(str, Path(root).glob(f"versions/{version}.*/bin/python{version}"))
    for candidate in filter(None, candidates):
        done = subprocess.run([candidate, "-c", "import ssl"], capture_output=True)
        if done.returncode == 0:  # (a shim of pyenv may have nothing behind it)
            return candidate
    return None


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    shutil.unpack_archive(build_bundle(folder).path, folder)
    return folder / BUNDLE_ROOT


def test_the_same_contents_give_the_same_name(tmp_path):
    one, other = build_bundle(tmp_path / "one"), build_bundle(tmp_path / "other")
    assert one.sha256 == other.sha256
    assert one.path.name == other.path.name
    assert one.sha256[:16] in one.path.name
    assert one.path.read_bytes() == other.path.read_bytes()
    assert [path.name for path in (tmp_path / "one").iterdir()] == [one.path.name]


def test_other_contents_give_another_name(tmp_path, monkeypatch):
    one = build_bundle(tmp_path)
    monkeypatch.setattr(bundle, "DELIVERED", ("executor",))
    assert build_bundle(tmp_path).path != one.path


def test_the_archive_tells_nothing_of_this_machine(tmp_path):
    with tarfile.open(build_bundle(tmp_path).path) as tar:
        members = tar.getmembers()
    assert {member.name.split("/")[0] for member in members} == {BUNDLE_ROOT}
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in members} == {(0, 0, "", "", 0)}
    modes = {m.name.removeprefix(BUNDLE_ROOT + "/"): m.mode for m in members}
    assert modes[LAUNCHER] == modes["prologue/prologue"] == 0o755
    assert modes["torque_mesos/mom/executor.py"] == 0o644
    assert not any("framework" in name or "detector" in name for name in modes)


@pytest.mark.parametrize("version", VERSIONS)
def test_it_runs_on_every_python(unpacked, version):
    python = interpreter(version)
    if python is None:
        pytest.skip(f"no Python {version} here")
    launcher = [python, "-I", "-S", "-B", str(unpacked / LAUNCHER)]
    done = subprocess.run([*launcher, "--version"], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (f"torque-mesos-executor {__version__}\n", "")
    done = subprocess.run([*launcher, "--help"], capture_output=True, text=True)
    assert done.stdout.startswith("usage: ")
    assert done.returncode == 0
    done = subprocess.run(launcher, capture_output=True, text=True, env={})
    assert "not started by a Mesos agent: no MESOS_AGENT_ENDPOINT" in done.stderr
    assert done.returncode == 2
    imports = (
        f"import sys; sys.path.insert(0, {str(unpacked)!r})\n"
        "from torque_mesos.mom.__main__ import spare_imports\n"
        "spare_imports()\n"
        "import torque_mesos.mom.executor, torque_mesos.mom.guard, torque_mesos.mom.jobs\n"
        "import psutil, http_parser.http\n"
        "assert psutil.Process().pid\n"
        "files = [str(getattr(module, '__file__', '')) for module in sys.modules.values()]\n"
        "assert not [file for file in files if 'site-packages' in file], files\n"
        "assert 'kazoo' not in sys.modules\n"
    )
    done = subprocess.run(
        [python, "-I", "-S", "-B", "-c", imports], capture_output=True, text=True, env={}
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_this_pythons_compiled_modules_are_used(unpacked):
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-v", str(unpacked / LAUNCHER), "--version"],
        capture_output=True,
        text=True,
    )
    pyc = f"__pycache__/__main__.{sys.implementation.cache_tag}.pyc"
    assert f"matches {unpacked}/torque_mesos/mom/__main__.py" in done.stderr
    assert f"code object from '{unpacked}/torque_mesos/mom/{pyc}'" in done.stderr


class Wheel:
    """A distribution whose tags and files can be chosen."""

    version = "1.0"

    def __init__(self, tag: str, *files: str) -> None:
        self._tag = tag
        self.files = [Path(name) for name in files]

    def read_text(self, name: str) -> str:
        return f"Wheel-Version: 1.0\nTag: {self._tag}\n"


@pytest.mark.parametrize(
    ("wheel", "part"),
    [
        (Wheel("cp311-cp311-linux_x86_64", "x/_x.cpython-311.so"), "x/_x.cpython-311.so"),
        (Wheel("cp310-abi3-linux_x86_64", "x/_x.abi3.so"), "not built for the stable ABI"),
        (Wheel("cp36-abi3-linux_x86_64", "x/_x.cpython-311.so"), "x/_x.cpython-311.so"),
    ],
)
def test_a_psutil_for_one_python_only_is_refused(monkeypatch, wheel, part):
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: wheel)
    with pytest.raises(BundleError, match=part):
        check_stable_abi("psutil")


def test_a_psutil_that_runs_everywhere_is_taken(monkeypatch):
    wheel = Wheel("cp36-abi3-manylinux_2_12_x86_64", "x/_x.abi3.so", "x/__init__.py")
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: wheel)
    check_stable_abi("psutil")


def test_a_missing_part_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(bundle, "MODULES", ("pymesos", "no_such_module"))
    with pytest.raises(BundleError, match="no_such_module is not installed here"):
        build_bundle(tmp_path)
