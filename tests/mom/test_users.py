"""The question which users an agent lacks, and its answer."""

from __future__ import annotations

import base64
import getpass
import pwd

import pytest

from torque_mesos.mom.names import decode_names, encode_names
from torque_mesos.mom.users import (
    AGAIN_S,
    AskedUsers,
    UsersError,
    decode_lacks,
    decode_users,
    encode_told,
)

NAMES = {"10.0.0.1": ("head",)}
NOBODY_HAS = "no-such-user-here"


def test_the_question_travels_with_names_or_alone() -> None:
    names = encode_names(NAMES)
    both, alone = encode_told(names, ["bob"]), encode_told("", ["bob"])
    assert decode_users(both) == decode_users(alone) == ("bob",)
    assert decode_names(both) == NAMES
    assert decode_names(alone) == {}
    assert encode_told(names, []) == names
    assert decode_users(names) == ()


def test_who_is_lacking_is_answered() -> None:
    asked = AskedUsers()
    assert asked.told(encode_told("", [getpass.getuser(), NOBODY_HAS, "", "a\0b"]))
    assert decode_lacks(asked.answer) == {NOBODY_HAS, "", "a\0b"}
    # A framework that was restarted asks again, and knows nothing.
    assert asked.told(encode_told("", [NOBODY_HAS]))
    assert not asked.told(encode_names(NAMES))
    assert not asked.told("")


def test_nothing_is_answered_where_all_are_known() -> None:
    asked = AskedUsers()
    assert not asked.told(encode_told("", [getpass.getuser()]))
    assert asked.answer == ""
    assert decode_lacks(asked.answer) == frozenset()


def test_an_account_that_is_made_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = AskedUsers()
    asked.told(encode_told("", [NOBODY_HAS]))
    now_s = asked._looked_s + AGAIN_S
    assert not asked.changed(now_s)
    mine = pwd.getpwnam(getpass.getuser())
    monkeypatch.setattr(pwd, "getpwnam", lambda name: mine)
    assert not asked.changed(asked._looked_s + AGAIN_S / 2)
    assert asked.changed(asked._looked_s + AGAIN_S)
    assert asked.answer == ""


@pytest.mark.parametrize("text", ["[]", '{"users": "bob"}', '{"users": [1]}', "{", "\xff"])
def test_what_is_neither_is_quoted(text: str) -> None:
    data = base64.b64encode(text.encode("latin-1")).decode()
    with pytest.raises(UsersError, match=data[:4]):
        AskedUsers().told(data)
    with pytest.raises(UsersError):
        decode_lacks("no base64")
