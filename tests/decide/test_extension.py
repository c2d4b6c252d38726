"""What Maui reads in `-W x=`; pbs_sched does not look at it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.decide.site import Site, one
from torque_mesos.decide.extension import maui_request
from torque_mesos.decide.plan import Launch
from torque_mesos.decide.request import RequestError
from torque_mesos.model import MauiPriority, Scheduling, frozen_map


@pytest.mark.parametrize(
    ("x", "alone"),
    [
        ("NACCESSPOLICY:SINGLEJOB", True),
        ("naccesspolicy=SingleTask", True),
        ("QOS:high; NACCESSPOLICY : SINGLEJOB ", True),
        ("NACCESSPOLICY:SHARED", False),
        ("GRES:matlab", False),
        ("foo", False),
        ("", False),
    ],
)
def test_hosts_alone(x: str, alone: bool) -> None:
    assert maui_request({"nodes": "1:ppn=2", "x": x}).chunks[0].alone is alone


@pytest.mark.parametrize(
    ("nodes", "x", "names"),
    [
        ("2:ppn=2", "HOSTLIST:n1,n2.cluster.test", [{"n1"}, {"n2.cluster.test"}]),
        ("2:fat", "QOS:a;HOSTLIST:n1:n2", [{"fat", "n1"}, {"fat", "n2"}]),
        ("1", "HOSTLIST=n7", [{"n7"}]),
        ("1", "HOSTLIST:n1,n2", [set()]),
        ("1+1:fat", "HOSTLIST:n1,n2", [set(), {"fat"}]),
    ],
)
def test_a_list_of_hosts(nodes: str, x: str, names: list[set[str]]) -> None:
    request = maui_request({"nodes": nodes, "x": x})
    assert [set(chunk.names) for chunk in request.chunks] == names


def test_a_name_that_no_host_has_is_marked() -> None:
    with pytest.raises(RequestError, match=r"^x=HOSTLIST:n1,\$\(n2\): at column 15, '\$\(n2\)'"):
        maui_request({"nodes": "2", "x": "HOSTLIST:n1,$(n2)"})


def maui() -> Site:
    return Site().reads(scheduling=Scheduling(maui=MauiPriority()))


def test_what_is_for_maui_decides_only_where_maui_schedules() -> None:
    asked = frozen_map({"nodes": "1", "x": "HOSTLIST:n2"})
    for site, where in ((maui(), "n2"), (Site(), "n1")):
        for name in ("n1", "n2"):
            site.parked(name, offered=4)
        assert one(site.asks("", resources=asked).plan(), Launch).name == where


@given(st.text(max_size=30) | st.text("HOSTLISTnaccesspolicy:=;, 12", max_size=30))
def test_any_text_is_read_or_is_a_request_error(x: str) -> None:
    try:
        request = maui_request({"nodes": "2:ppn=2", "x": x})
    except RequestError:
        return
    assert request.slots == 4
