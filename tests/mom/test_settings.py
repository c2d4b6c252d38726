from __future__ import annotations

import base64
import json
import re
from types import MappingProxyType

import pytest

from torque_mesos.mom.settings import MomSettings, SettingsError

FULL = MomSettings(
    server_host="head.cluster.test",
    node="n1.cluster.test",
    version="1",
    service_port=30001,
    usecp=("*:/home /home",),
    config=("$loglevel 3",),
    ready_timeout_s=1.5,
    environment={"B": "2", "A": "1"},
    hosts={"n1.cluster.test": "127.0.0.11"},
    mom_args=("-x",),
)


def test_what_is_written_is_read_back():
    assert MomSettings.from_json(FULL.to_json()) == FULL
    assert MomSettings.from_data(FULL.to_data()) == FULL


def test_equal_settings_give_the_same_text():
    other = MomSettings.from_json(json.dumps(dict(reversed(json.loads(FULL.to_json()).items()))))
    assert other.to_data() == FULL.to_data()
    assert (
        MomSettings("head", "n1", stop_grace_s=7, hosts=MappingProxyType({})).to_json()
        == MomSettings("head", "n1", stop_grace_s=7.0, usecp=[]).to_json()
    )


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"nodes": "x"}, "unknown: nodes"),
        ({"node": 3}, "node: 3 is not str"),
        ({"node": ""}, "node: must not be empty"),
        ({"node": "a\nb"}, "node: a line break"),
        ({"config": ["$pbsserver a\n$pbsserver b"]}, "config: a line break"),
        ({"service_port": True}, "service_port: True is not int"),
        ({"service_port": 70000}, "70000 is not a port"),
        ({"usecp": "*:/home /home"}, "usecp: "),
        ({"environment": {"A": 1}}, "environment: "),
        ({"builtin": 1}, "builtin: 1 is not bool"),
        ({"builtin": True, "pbs_mom": "/x"}, "exclude each other"),
        ({"ready_timeout_s": 0}, "is not positive"),
        ({"stop_grace_s": -1}, "is negative"),
    ],
)
def test_what_makes_no_sense_is_named(change, part):
    with pytest.raises(SettingsError, match=re.escape(part)):
        MomSettings.from_json(json.dumps({"server_host": "head", "node": "n1", **change}))


def test_what_cannot_be_read_is_quoted():
    with pytest.raises(SettingsError, match="'nonsense'"):
        MomSettings.from_json("nonsense")
    with pytest.raises(SettingsError, match="not a JSON object"):
        MomSettings.from_json("[]")
    with pytest.raises(SettingsError, match="server_host"):
        MomSettings.from_json('{"node": "n1"}')
    with pytest.raises(SettingsError, match="base64"):
        MomSettings.from_data("***")
    with pytest.raises(SettingsError, match="base64"):
        MomSettings.from_data(base64.b64encode(b"\xff").decode())
