"""Which ways of hearing of changes are used."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.batch.test_wake import run_hook
from tests.waiting import wait_for
from torque_mesos.config import ConfigError, Settings, load
from torque_mesos.framework.site import batch_settings, openpbs_settings
from torque_mesos.framework.watching import Watch


def settings(folder: Path, kind: str, way: str) -> Settings:
    path = folder / "torque-mesos.toml"
    path.write_text(
        f'state_dir = "{folder}"\n[batch]\nkind = "{kind}"\nmode = "existing"\n'
        f'home = "{folder}"\nwatch = "{way}"\n'
    )
    return load(path, {})


def accounting(folder: Path) -> Path:
    path = folder / "server_priv" / "accounting"
    path.mkdir(parents=True)
    return path


def watch(folder: Path, kind: str, way: str, heard: threading.Event | None = None) -> Watch:
    found = settings(folder, kind, way)
    batch = batch_settings(found)
    return Watch(found, batch, (heard or threading.Event()).set)


def test_polling_alone_is_no_problem(tmp_path: Path) -> None:
    watched = watch(tmp_path, "torque", "poll")
    watched.start()
    assert watched.problem is None
    watched.stop()


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("auto", ("no hook of ours", "accounting")),
        ("hook", ("no hook of ours",)),
        ("accounting", ("accounting",)),
    ],
)
def test_without_any_way_that_works_it_is_told(
    tmp_path: Path, way: str, words: tuple[str, ...]
) -> None:
    watched = watch(tmp_path, "openpbs", way)
    watched.start()
    try:
        for word in words:
            wait_for(lambda: word in (watched.problem or ""), 60, f"it is told: {word}")  # noqa: B023
    finally:
        watched.stop()


def test_one_way_that_works_is_enough(tmp_path: Path) -> None:
    accounting(tmp_path)
    heard = threading.Event()
    watched = watch(tmp_path, "openpbs", "auto", heard)
    watched.start()
    try:
        run_hook(tmp_path / "wake.sock")
        assert heard.wait(60)
        assert watched.problem is None
    finally:
        watched.stop()


def test_no_hook_is_wished_for_where_none_is_heard(tmp_path: Path) -> None:
    assert openpbs_settings(settings(tmp_path, "openpbs", "accounting")).wake_socket is None
    assert openpbs_settings(settings(tmp_path, "openpbs", "auto")).wake_socket is not None


def test_torque_has_no_hooks(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="only OpenPBS has hooks"):
        settings(tmp_path, "torque", "hook")
