from __future__ import annotations

import json

import pytest

from torque_mesos.mom.infos import command_info, executor_info
from torque_mesos.mom.settings import MomSettings

URI = "http://head:1/torque-mesos-executor-0.tar.gz"


def info(**environment: str):
    return executor_info(
        MomSettings(server_host="head", node="n1", environment=environment, stop_grace_s=7),
        executor_id="n1-3",
        command=command_info(uri=URI, environment=environment),
        cpus=0.1,
        mem_mb=32.0,
        framework_id="F",
    )


def test_the_same_inputs_give_the_same_text():
    one, other = info(A="1", B="2"), info(B="2", A="1")
    assert json.dumps(one) == json.dumps(other)


def test_a_bundle_is_unpacked_and_run_by_the_agents_python():
    command = info()["command"]
    assert [uri["value"] for uri in command["uris"]] == [URI]
    assert command["uris"][0]["extract"]
    assert not command["shell"]
    assert command["value"] == command["arguments"][0] == "python3"
    assert command["arguments"][-1] == "torque-mesos-executor/executor/torque-mesos-executor"


def test_an_installed_launcher_is_run_as_it_is():
    command = command_info(path="/opt/tm/executor/torque-mesos-executor", user="root")
    assert command == {
        "arguments": ["/opt/tm/executor/torque-mesos-executor"],
        "shell": False,
        "user": "root",
        "value": "/opt/tm/executor/torque-mesos-executor",
    }


@pytest.mark.parametrize("arguments", [{}, {"uri": URI, "path": "/x"}])
def test_there_is_one_delivery(arguments):
    with pytest.raises(ValueError, match="exactly one"):
        command_info(**arguments)


def test_the_settings_and_the_share_are_in_the_info():
    value = info()
    assert MomSettings.from_data(value["data"]).node == "n1"
    assert {r["name"]: r["scalar"]["value"] for r in value["resources"]} == {
        "cpus": 0.1,
        "mem": 32.0,
    }
    assert value["shutdown_grace_period"] == {"nanoseconds": 17_000_000_000}
