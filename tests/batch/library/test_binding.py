"""C's lists, there and back. (That the libraries take them is seen on real servers.)"""

from __future__ import annotations

import ctypes

import pytest

from torque_mesos.batch.library import binding
from torque_mesos.batch.library.binding import Library, Setting


def status(*records: tuple[bytes, list[tuple[bytes, bytes | None, bytes | None]]]) -> object:
    """A list of `batch_status`, as a library gives it."""
    first = None
    for name, attributes in reversed(records):
        link = None
        for key, resource, value in reversed(attributes):
            made = binding._Attribute(name=key, resource=resource, value=value)
            if link is not None:
                made.next = ctypes.pointer(link)
            link = made
        record = binding._Status(name=name)
        if link is not None:
            record.attribs = ctypes.pointer(link)
        if first is not None:
            record.next = ctypes.pointer(first)
        first = record
    return None if first is None else ctypes.pointer(first)


def test_a_list_is_read() -> None:
    found = binding._read(
        status(
            (
                b"1.head",
                [
                    (b"Job_Name", None, b"caf\xe9"),
                    (b"Resource_List", b"nodes", b"1:ppn=2"),
                    (b"Resource_List", b"walltime", b"01:00:00"),
                    (b"max_run", b"", b"[u:a=1]"),
                    (b"max_run", b"", b"[u:b=2]"),
                    (b"max_run_res", b"ncpus", b"[u:a=1]"),
                    (b"max_run_res", b"ncpus", b"[u:b=2]"),
                    (b"comment", None, None),
                ],
            ),
            (b"2.head", []),
        )
    )
    assert found == [
        (
            "1.head",
            {
                "Job_Name": "caf\ufffd",
                "Resource_List": {"nodes": "1:ppn=2", "walltime": "01:00:00"},
                "max_run": "[u:a=1],[u:b=2]",
                "max_run_res": {"ncpus": "[u:a=1],[u:b=2]"},
                "comment": "",
            },
        ),
        ("2.head", {}),
    ]
    assert binding._read(status()) == []


def test_a_list_of_settings_is_made() -> None:
    chain = binding._chain(
        [
            Setting("comment", "", "a b"),
            Setting("resources_available", "ncpus", "4"),
            Setting("state", "", "offline", "+="),
        ]
    )
    found = []
    link = ctypes.cast(chain, ctypes.POINTER(binding._Attribute))
    while link:
        each = link.contents
        found.append((each.name, each.resource, each.value, each.op))
        link = each.next
    assert found == [
        (b"comment", None, b"a b", 0),
        (b"resources_available", b"ncpus", b"4", 0),
        (b"state", None, b"offline", 2),
    ]
    assert binding._chain([]) is None


def test_what_is_no_library_is_refused(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "x.so").write_bytes(b"x")
    with pytest.raises(OSError, match=r"x\.so"):
        Library(str(tmp_path / "x.so"), "torque")
