from __future__ import annotations

import os
from pathlib import Path

import pytest

from torque_mesos.framework.identity import AlreadyRunning, Identity, Lock, RememberedPort


def test_an_id_is_remembered_and_forgotten(tmp_path: Path) -> None:
    identity = Identity(tmp_path)
    assert identity.read() is None
    identity.write("framework-1")
    assert Identity(tmp_path).read() == "framework-1"
    identity.forget()
    identity.forget()
    assert identity.read() is None


def test_a_write_that_fails_leaves_the_old_id(tmp_path: Path) -> None:
    identity = Identity(tmp_path)
    identity.write("framework-1")
    (tmp_path / "framework-id.partial").mkdir()
    with pytest.raises(OSError, match="framework-id"):
        identity.write("framework-2")
    assert identity.read() == "framework-1"


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    first, second = Lock(tmp_path), Lock(tmp_path)
    assert not first.held()
    first.take()
    assert second.held()
    with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"):
        second.take()
    first.close()
    second.take()
    assert second.holder() == os.getpid()
    second.close()


@pytest.mark.parametrize("text", ["", "what", "-1", "99999", "8²"])
def test_a_port_that_cannot_be_one_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "http-port").write_text(text)
    assert RememberedPort(tmp_path).read() == 0


def test_a_port_is_remembered(tmp_path: Path) -> None:
    assert RememberedPort(tmp_path).read() == 0
    RememberedPort(tmp_path).write(8080)
    assert RememberedPort(tmp_path).read() == 8080
