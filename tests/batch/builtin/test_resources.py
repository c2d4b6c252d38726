"""Durations, as TORQUE 6.1.3 was seen to read them."""

from __future__ import annotations

import pytest

from torque_mesos.batch.builtin.errors import BADATVAL, PbsError
from torque_mesos.batch.builtin.resources import resource


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("1:00:00:00", "24:00:00"),
        ("1:2:3:4", "26:03:04"),
        (":30", "00:00:30"),
        ("1:", "00:01:00"),
        ("3661.5", "01:01:02"),
        ("3661.49", "01:01:01"),
        ("59.9", "00:01:00"),
        ("90:00", "01:30:00"),
        ("7", "00:00:07"),
    ],
)
def test_durations(asked: str, shown: str) -> None:
    for name in ("walltime", "cput"):
        assert resource("Resource_List", name, asked) == shown


@pytest.mark.parametrize("asked", ["xx", "1:1:1:1:1", "-5", "1h", "\u00b2"])
def test_what_is_no_duration(asked: str) -> None:
    with pytest.raises(PbsError) as caught:
        resource("Resource_List", "walltime", asked)
    assert caught.value.code == BADATVAL
