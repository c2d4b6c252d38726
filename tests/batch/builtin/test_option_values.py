"""What the options of qsub take, and what they make of it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from torque_mesos.batch.builtin import option_values as values
from torque_mesos.batch.builtin.job_options import request_of
from torque_mesos.batch.builtin.job_script import directives
from torque_mesos.batch.builtin.option_values import BadOption, BadValue


def resources(*lists: str) -> dict[str, str]:
    asked = request_of([("-l", text) for text in lists], {}, {})["resources"]
    assert isinstance(asked, list)
    return dict(asked)


def test_later_resources_win_and_quotes_keep_commas() -> None:
    assert resources("walltime=10", "mem=1gb,walltime=20") == {"walltime": "20", "mem": "1gb"}
    assert resources("other='a,b',nodes=2") == {"other": "a,b", "nodes": "2"}
    assert resources("gpus=1") == {"gres": "gpus:1"}


@pytest.mark.parametrize("text", ["=3", ",", "nodes=1,", ",nodes=1", "nodes=1,procs=2"])
def test_lists_that_are_illegal(text: str) -> None:
    with pytest.raises(BadValue, match="illegal -l value"):
        resources(text)


def test_a_resource_without_a_value_is_named() -> None:
    with pytest.raises(BadOption, match=r"Cannot find an attr=value pair .* 'foo'") as caught:
        resources("walltime=10,foo")
    assert caught.value.usage == 1


def test_variables_as_torque_reads_them() -> None:
    environ = {"HERE": "yes"}
    assert values.variables("A=1,HERE,B=", environ) == {"A": "1", "HERE": "yes", "B": ""}
    assert values.variables("GONE", environ) == {"name": ""}
    assert values.variables("GONE,BB=1", environ) == {"GONE": "", "B": "1"}
    for text in ("=3", ",A=1", "GONE,B=1"):
        with pytest.raises(BadOption) as caught:
            values.variables(text, environ)
        assert caught.value.usage == 3


@given(st.dictionaries(st.from_regex(r"[A-Z]{1,8}", fullmatch=True), st.from_regex(r"[a-z0-9 ]{1,9}", fullmatch=True)))  # fmt: skip  # noqa: E501
@settings(max_examples=50)
def test_variables_that_are_given_are_read(given_: dict[str, str]) -> None:
    text = ",".join(f"{name}={value}" for name, value in given_.items())
    assert values.variables(text, {}) == given_


@given(st.text(alphabet="0123456789.", max_size=16))
@settings(max_examples=200)
def test_a_moment_lies_ahead_or_is_illegal(text: str) -> None:
    try:
        due = values.moment(text)
    except BadValue:
        return
    if len(text.partition(".")[0]) == 4:
        assert time.time() - 60 < due < time.time() + 86400 * 1.1


@pytest.mark.parametrize("text", ["2400", "1260", "99", "000000", "13011200", "1200.70", "1200.5", "x", ""])  # fmt: skip  # noqa: E501
def test_moments_that_are_none(text: str) -> None:
    with pytest.raises(BadValue, match="illegal -a value"):
        values.moment(text)


def test_dependencies() -> None:
    read = values.dependencies("afterok:1:2.head@head,on:x,afteranyarray:7[]")
    assert read == [["afterok", "1", "2.head"], ["on", "x"], ["afteranyarray", "7[]"]]
    for text in ("foo:1", "afterok:1,", "AFTEROK:1", "afterok:x", "afterok::1"):
        with pytest.raises(BadValue, match="illegal -W dependency value"):
            values.dependencies(text)


def test_an_attribute_that_is_none_goes_to_the_scheduler() -> None:
    assert request_of([("-W", "foo")], {}, {})["others"] == {"x": "foo"}
    assert request_of([("-W", "bar=1")], {}, {})["unknown"] == "bar"


def test_directives_end_at_the_first_command() -> None:
    script = "#!/bin/sh\n# a comment\n\n  #PBS -N one\n#PBS -v 'A=x y'\nsleep 1\n#PBS -N late\n"
    assert directives(script, "#PBS") == ["-N", "one", "-v", "A=x y"]
    assert directives("#FOO -N foo\n#PBS -N pbs\n", "#FOO") == ["-N", "foo"]
