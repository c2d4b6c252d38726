"""The leading master's znode."""

from __future__ import annotations

import pytest

from torque_mesos.mesos.zk import leader_address


def test_the_address_in_a_znode() -> None:
    data = b'{"address":{"hostname":"m2","ip":"10.0.0.2","port":5050},"id":"x","version":"1.11.0"}'
    assert leader_address(data) == "10.0.0.2:5050"


@pytest.mark.parametrize("data", [None, b"", b"\xff", b"{}", b'{"address":{"ip":"1.2.3.4"}}', b"7"])
def test_a_znode_that_cannot_be_read_is_no_leader(data: bytes | None) -> None:
    assert leader_address(data) is None
