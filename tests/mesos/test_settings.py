"""What a link is told."""

from __future__ import annotations

import pytest

from torque_mesos.mesos.settings import LinkSettings, MasterUri, address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("m1.cluster.test", "m1.cluster.test:5050"),
        ("m1:5051", "m1:5051"),
        ("http://m1:5051/", "m1:5051"),
        ("http://m1", "m1:5050"),
        (" 10.0.0.1:5050\n", "10.0.0.1:5050"),
    ],
)
def test_a_master_by_its_address(text: str, expected: str) -> None:
    assert MasterUri.parse(text) == MasterUri(address=expected)


def test_masters_by_zookeeper() -> None:
    text = "zk://z1:2181,z2:2181/mesos/"
    assert MasterUri.parse(text) == MasterUri(zookeeper="z1:2181,z2:2181/mesos")


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":5050",
        "m1:port",
        "m1:99999",
        "m1:5050/path",
        "https://m1:5050",
        "zk://z1:2181",
        "zk://z1:2181/",
        "zk:///mesos",
        "zk://user:secret@z1:2181/mesos",
        "http://me@m1:5050",
        "[::1]:5050",
    ],
)
def test_what_is_no_master_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        MasterUri.parse(text)


@pytest.mark.parametrize(
    "location", ["//m2:5050", "http://m2:5050/api/v1/scheduler", "m2:5050", "//m2"]
)
def test_a_redirect(location: str) -> None:
    # pymesos takes the path off.
    if location.endswith("scheduler"):
        with pytest.raises(ValueError, match="HOST:PORT"):
            address(location)
    else:
        assert address(location) == "m2:5050"


def test_the_framework_info() -> None:
    settings = LinkSettings("m1", "torque", "root", roles=("eng/batch",), gpu_agents=False)
    info = settings.framework_info()
    assert info == {
        "user": "root",
        "name": "torque",
        "roles": ["eng/batch"],
        "failover_timeout": 1_814_400.0,
        "checkpoint": True,
        "capabilities": [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}],
    }
    more = LinkSettings(
        "m1", "t", "root", framework_id="F1", hostname="h", webui_url="http://h/", gpu_agents=True
    )
    info = more.framework_info()
    assert {"type": "GPU_RESOURCES"} in info["capabilities"]
    assert (info["id"], info["hostname"], info["webui_url"]) == ({"value": "F1"}, "h", "http://h/")
