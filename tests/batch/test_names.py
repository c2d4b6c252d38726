import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torque_mesos.batch import names
from torque_mesos.batch.base import BatchError, InvalidName

CHECKS = [
    names.host_name,
    names.property_name,
    names.note_text,
    names.queue_name,
    names.job_id,
]
# What qmgr, a node specification, or the nodes file gives a meaning to.
DANGEROUS = re.compile(r"""[\s,"'=;&|$`\\<>*?!~^%{}\x00-\x1f\x7f-\U0010ffff]""")


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (names.host_name, "n1"),
        (names.host_name, "n1.cluster.test"),
        (names.host_name, "node_1-a.example"),
        (names.host_name, "192.0.2.1"),
        (names.host_name, "1n.test"),
        (names.node_name, "n1.cluster.test"),
        (names.node_name, "localhost"),
        (names.property_name, "mesos"),
        (names.property_name, "rack-1.a_b"),
        (names.note_text, "torque-mesos:8f3a#2 parked (agent S0)"),
        (names.queue_name, "batch"),
        (names.job_id, "12.head"),
        (names.job_id, "9[3].head.cluster.test"),
        (names.job_id, "12"),
    ],
)
def test_what_is_usual_passes_unchanged(check, text):
    assert check(text) == text


@pytest.mark.parametrize(
    ("check", "text", "says"),
    [
        (names.host_name, "", "empty"),
        (names.host_name, "n1,n2", "','"),
        (names.host_name, "-o", "'-'"),
        (names.host_name, "n1\n", r"\n"),
        (names.host_name, "n1..test", "empty part"),
        (names.host_name, "n1.", "empty part"),
        (names.host_name, "12", "number"),
        (names.host_name, "10.1.2", "IPv4"),
        (names.host_name, "10.1.2.256", "IPv4"),
        (names.host_name, "fe80::1", "':'"),
        (names.host_name, "n1@other", "'@'"),
        (names.host_name, "a" * 64 + ".test", "64 characters"),
        (names.host_name, "a." * 130 + "b", "253"),
        (names.host_name, "nöd", "'ö'"),
        (names.node_name, "192.0.2.1", "could not start again"),
        (names.node_name, "1n.test", "--hostname"),
        (names.node_name, "n1,n2", "','"),
        (names.property_name, "mesos fat", "' '"),
        (names.property_name, "a+b", "'+'"),
        (names.property_name, "1", "'1'"),
        (names.property_name, "ppn", "meaning"),
        (names.note_text, 'a"b', "'\"'"),
        (names.note_text, "a=b", "'='"),
        (names.note_text, "a,b", "','"),
        (names.note_text, "two  spaces", "' '"),
        (names.note_text, " leading", "' '"),
        (names.note_text, "a\nb", r"\n"),
        (names.note_text, "x" * 201, "200"),
        (names.queue_name, "a" * 16, "15"),
        (names.job_id, "9[].head", "'['"),
        (names.job_id, "12.head;reboot", "';'"),
        (names.job_id, "-f", "'-'"),
        (names.job_id, "all", "'a'"),
    ],
)
def test_what_is_wrong_is_refused_with_what_and_where(check, text, says):
    with pytest.raises(InvalidName) as caught:
        check(text)
    assert says in str(caught.value)
    assert isinstance(caught.value, BatchError)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("check", CHECKS)
@given(text=st.text(max_size=300) | st.from_regex(r"[a-z0-9.,=\"'\s\[\]-]{1,40}"))
def test_nothing_dangerous_ever_passes(check, text):
    try:
        passed = check(text)
    except InvalidName:
        return
    assert passed == text
    if check is names.note_text:
        text = text.replace(" ", "")  # an argument of its own, and quoted in qmgr
    else:
        assert not text.startswith("-")
    assert not DANGEROUS.search(text)


@given(
    labels=st.lists(st.from_regex(r"[a-z][a-z0-9]{0,20}", fullmatch=True), min_size=1, max_size=5)
)
def test_every_ordinary_host_name_passes(labels):
    assert names.host_name(".".join(labels)) == ".".join(labels)
