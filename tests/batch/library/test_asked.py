"""Which commands are understood, and as what."""

from __future__ import annotations

import pytest

from torque_mesos.batch.library.asked import Change, List, Mark, understood
from torque_mesos.batch.library.binding import Kind, Setting

OFFLINE = Setting("state", "", "offline", "+=")
ONLINE = Setting("state", "", "offline", "-=")


def asked(kind: Kind, *argv: str) -> object:
    return understood((f"/somewhere/bin/{argv[0]}", *argv[1:]), kind)


@pytest.mark.parametrize(
    ("kind", "command", "meant"),
    [
        ("torque", "qstat -x -t", List("job")),
        ("torque", "pbsnodes -x", List("node")),
        ("torque", "pbsnodes -x n1", List("node", "n1")),
        ("torque", "qstat -Q -f", List("queue")),
        ("torque", "qstat -B -f", List("server")),
        ("torque", "pbsnodes -o n1 n2", Mark(Change("set", "node", ("n1", "n2"), (OFFLINE,)))),
        (
            "torque",
            "pbsnodes -c -N note n1",
            Mark(Change("set", "node", ("n1",), (Setting("note", "", "note"), ONLINE))),
        ),
        ("openpbs", "qstat -t -f -F json", List("job")),
        ("openpbs", "pbsnodes -av -F json", List("node")),
        ("openpbs", "qstat -Q -f -F json", List("queue")),
        ("openpbs", "qstat -B -f -F json", List("server")),
    ],
)
def test_lists_and_marks(kind: Kind, command: str, meant: object) -> None:
    assert asked(kind, *command.split()) == meant


@pytest.mark.parametrize(
    ("kind", "text", "meant"),
    [
        (
            "torque",
            'create node n1 np=4,properties="a,b",note="x y=z"',
            Change(
                "create",
                "node",
                ("n1",),
                (
                    Setting("np", "", "4"),
                    Setting("properties", "", "a,b"),
                    Setting("note", "", "x y=z"),
                ),
            ),
        ),
        (
            "torque",
            "set server scheduling=true",
            Change("set", "server", ("",), (Setting("scheduling", "", "true"),)),
        ),
        (
            "openpbs",
            'set node a,b state+=offline,comment="c, d",resources_available.torque_mesos="c"',
            Change(
                "set",
                "node",
                ("a", "b"),
                (
                    OFFLINE,
                    Setting("comment", "", "c, d"),
                    Setting("resources_available", "torque_mesos", "c"),
                ),
            ),
        ),
        ("openpbs", "delete node a,b", Change("delete", "node", ("a", "b"))),
        (
            "openpbs",
            "create resource x-y type=boolean,flag=h",
            Change(
                "create",
                "resource",
                ("x-y",),
                (Setting("type", "", "boolean"), Setting("flag", "", "h")),
            ),
        ),
    ],
)
def test_changes(kind: Kind, text: str, meant: Change) -> None:
    assert asked(kind, "qmgr", "-c", text) == meant


@pytest.mark.parametrize(
    ("kind", "argv"),
    [
        ("torque", ("qmgr", "-c", "delete node n1")),  # it would block all others
        ("torque", ("qmgr", "-c", "set queue batch started=true")),
        ("torque", ("qmgr", "-c", "create node n1")),
        ("torque", ("qmgr", "-c", 'set node n1 note="x')),
        ("torque", ("qmgr", "-c", 'set node n1 note="x"y')),
        ("torque", ("qmgr", "-c", "set node n1 np=1 np=2\nset node n2")),
        ("torque", ("qmgr", "-c", "set node n1 np=1\0")),
        ("torque", ("qmgr",)),
        ("torque", ("qstat", "-x")),
        ("torque", ("qrerun", "-f", "1.head")),
        ("torque", ("pbsnodes", "-x", "-l")),
        ("torque", ("pbsnodes", "-o", "-N", "note")),
        ("torque", ("pbsnodes", "-o", "n1", "-N")),
        ("openpbs", ("qmgr", "-c", "list resource")),
        ("openpbs", ("qmgr", "-c", "set node @default state+=offline")),
        ("openpbs", ("qmgr", "-c", "delete node a b")),
        ("openpbs", ("pbsnodes", "-o", "n1")),
        ("openpbs", ("qstat", "-x", "-t")),
    ],
)
def test_the_rest_is_left_to_commands(kind: Kind, argv: tuple[str, ...]) -> None:
    assert asked(kind, *argv) is None
