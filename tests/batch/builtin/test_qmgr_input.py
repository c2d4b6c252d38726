"""What a session of qmgr takes for commands, held to what TORQUE's qmgr does with it."""

from __future__ import annotations

import io

import pytest

from tests.batch.builtin.cluster import Cluster
from torque_mesos.batch.builtin.qmgr_input import commands


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a b\n", ["a b"]),
        ("  a b  ", ["a b"]),
        ("# c\n   # d\n\n   \na\n", ["a"]),
        ("a \\\nb\n", ["a  b"]),
        ("a \\\nb\\\nc\nd\n", ["a  b c", "d"]),
        ("a \\\n# c\nb\n", ["a", "b"]),
        ("a \\\n\nb\n", ["a", "b"]),
        ("a \\", []),
        ("a;b\n", ["a", "b"]),
        ('a "x;y";b # c;d\n', ['a "x;y"', "b"]),
        ("a 'x#y'\n", ["a 'x#y'"]),
        ('a "x;y\n', ['a "x;y']),
        ("a;\n", ["a"]),
        (";\n", [""]),
        ("a\\  \n", ["a\\"]),
    ],
)
def test_commands_of_lines(text: str, wanted: list[str]) -> None:
    assert list(commands(io.StringIO(text), person=True)) == wanted


@pytest.mark.system
def test_a_session_of_long_lines_semicolons_and_comments(cluster: Cluster) -> None:
    text = (
        "# c\n"
        "set server \\\nkeep_completed = 61\n"
        "set queue batch enabled = true;list server keep_completed\n"
    )
    done = cluster.run("qmgr", text=text)
    assert (done.returncode, done.stderr) == (0, "")
    shown = "Server head.cluster.test\n\tkeep_completed = 61\n\n"
    assert done.stdout == f"Max open servers: 9\n{text}{shown}"
    refused = cluster.run("qmgr", "-c", "set queue batch enabled = true;list server scheduling")
    assert refused.returncode == 2
    assert refused.stderr != ""
