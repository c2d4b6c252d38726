from __future__ import annotations

import pytest

from torque_mesos.batch.builtin.command_line import CommandLine, parse


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["-a", "x", "-h", "u", "y"], ([("-a", ""), ("-h", "u")], ["x", "y"], [])),
        (["-ahu", "1"], ([("-a", ""), ("-h", "u")], ["1"], [])),
        (["-h", "-a"], ([("-h", "-a")], [], [])),
        (["--", "-a"], ([], ["-a"], [])),
        (["-"], ([], ["-"], [])),
        (["-Z", "1"], ([], ["1"], ["q: invalid option -- 'Z'"])),
        (["1", "-h"], ([], ["1"], ["q: option requires an argument -- 'h'"])),
        (["--aZ"], ([("-a", "")], [], ["q: invalid option -- '-'", "q: invalid option -- 'Z'"])),
        (["-:"], ([], [], ["q: invalid option -- ':'"])),
    ],
)
def test_words_are_read_as_c_reads_them(words: list[str], expected: object) -> None:
    assert parse("q", words, "ah:") == CommandLine(*expected)  # type: ignore[misc]
