"""Each target on its corpus, and on a few hundred damaged answers that are the same each time."""

from __future__ import annotations

import random

import pytest

from tests.fuzz.targets import TARGETS, Lost, Target
from torque_mesos.batch.base import UnreadableAnswer

DAMAGED = 40


def damaged(seed: bytes, chance: random.Random) -> bytes:
    """Some bytes are changed, cut, doubled or put elsewhere."""
    data = bytearray(seed)
    for _ in range(chance.randint(1, 4)):
        at, size = chance.randrange(len(data) + 1), chance.choice((1, 1, 2, 8, 40, 400))
        piece = bytes(data[at : at + size])
        what = chance.randrange(5)
        if what == 0:
            data[at : at + size] = chance.randbytes(len(piece))
        elif what == 1:
            del data[at : at + size]
        elif what == 2:
            data[at:at] = piece
        elif what == 3:
            data[at:at] = chance.choice((b"<", b">", b"&", b'"', b"{", b"}", b",", b"\n", b"\0"))
        else:
            there = chance.randrange(len(data) + 1)
            data[there:there] = piece
    return bytes(data)


@pytest.mark.parametrize("name", TARGETS)
def test_recorded_answers_are_read(name: str) -> None:
    for seed in TARGETS[name].seeds():
        assert seed
        TARGETS[name].read(seed.decode(errors="replace"))


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_answers_crash_nothing_and_lose_nothing(name: str) -> None:
    chance = random.Random(name)
    for seed in TARGETS[name].seeds():
        for _ in range(DAMAGED):
            TARGETS[name].try_bytes(damaged(seed, chance))


def test_a_reader_that_loses_a_record_is_found() -> None:
    def read(text: str) -> None:
        TARGETS["torque-jobs"].read(text)
        raise Lost("1.head")

    with pytest.raises(Lost):
        Target(read, ()).try_bytes(TARGETS["torque-jobs"].seeds()[0])


def test_two_records_in_one_are_told_both() -> None:
    text = TARGETS["torque-jobs"].seeds()[0].decode()
    TARGETS["torque-jobs"].read(text.replace("</Job><Job>", "", 1))
    nodes = TARGETS["torque-nodes"].seeds()[0].decode()
    TARGETS["torque-nodes"].read(nodes.replace("</Node><Node>", "", 1))


def test_a_record_without_its_end_takes_no_other_with_it() -> None:
    text = TARGETS["openpbs-nodes"].seeds()[1].decode()
    end = "\n        },\n" if "\n        },\n" in text else "\n\t\t},\n"
    TARGETS["openpbs-nodes"].read(text.replace(end, "\n", 1))


def test_a_record_before_the_list_is_refused() -> None:
    seed = TARGETS["openpbs-jobs"].seeds()[0].decode()
    broken = '{\n    "x":nan,\n        "9.head":{\n        },\n'
    with pytest.raises(UnreadableAnswer):
        TARGETS["openpbs-jobs"].read(broken + seed.partition("{\n")[2])
