"""When the installation finds nothing to do, and what it says when it cannot be done."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dev.mesos import install as module
from dev.mesos.install import InstallError, build_folder, install, is_installed


@pytest.fixture
def own_build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No build is named; the folder of this checkout is an empty one."""
    monkeypatch.delenv(module.BUILD_VARIABLE, raising=False)
    return tmp_path


def products(folder: Path) -> None:
    for name in module.PRODUCTS:
        (folder / name).touch()


def test_a_stamp_of_these_sources_is_enough(
    own_build: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_fill", lambda folder: pytest.fail(f"filled {folder}"))
    monkeypatch.setattr(module, "DEBIAN_PACKAGES", {"nothing": lambda: False})
    products(own_build)
    (own_build / module.STAMP).write_text(module._digest())
    install(own_build)


@pytest.mark.parametrize("change", ["stamp of other sources", "no stamp", "a product is missing"])
def test_anything_else_is_filled_again(
    own_build: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    filled: list[Path] = []
    monkeypatch.setattr(module, "_fill", filled.append)
    monkeypatch.setattr(module, "DEBIAN_PACKAGES", {})
    products(own_build)
    if change != "no stamp":
        right = change == "a product is missing"
        (own_build / module.STAMP).write_text(module._digest() if right else "other")
    if change == "a product is missing":
        (own_build / "mesosd").unlink()
    install(own_build)
    assert filled == [own_build]


def test_an_ordinary_user_is_told_the_line(
    own_build: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = {"libone": lambda: False, "two": lambda: True, "three": lambda: False}
    monkeypatch.setattr(module, "DEBIAN_PACKAGES", packages)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(InstallError, match="sudo apt-get install -y libone three\n") as error:
        install(own_build)
    assert error.value.code == 3


def test_a_named_build_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(module.BUILD_VARIABLE, str(tmp_path))
    monkeypatch.setattr(module, "_fill", lambda folder: pytest.fail(f"filled {folder}"))
    assert build_folder() == tmp_path
    with pytest.raises(InstallError, match="holds no Mesos build"):
        install(build_folder())
    products(tmp_path)
    install(build_folder())
    assert is_installed(build_folder())
