"""What a client that is none of the commands may ask for: as much as theirs, and no more."""

from __future__ import annotations

import json
import socket
import subprocess
from typing import Any

import pytest

from tests.batch.builtin.cluster import Cluster
from torque_mesos.batch.builtin import request_fields
from torque_mesos.batch.builtin.errors import PbsError
from torque_mesos.batch.builtin.install import interpreter
from torque_mesos.batch.builtin.loop import Connection, Loop
from torque_mesos.batch.builtin.wire import BadMessage, Decoder

BAD: list[tuple[str, Any]] = [
    ("after", "inf"),
    ("after", float("inf")),
    ("after", float("nan")),
    ("after", 1e18),
    ("after", True),
    ("name", "\ud800"),
    ("name", "a\0b"),
    ("name", "a\nb"),
    ("name", 5),
    ("variables", {"A": 5}),
    ("variables", {"A": "\ud800"}),
    ("resources", [["walltime"]]),
    ("resources", "walltime"),
    ("depend", [[]]),
    ("depend", [["afterok", 5]]),
    ("join", 5),
    ("keep", {"a": 1}),
    ("mail", 5),
    ("hold", "zzz"),
    ("hold", {"a": 1}),
    ("priority", 1024),
    ("priority", "-1025"),
    ("rerunable", "yes"),
    ("umask", "00000"),
    ("others", {"job_state": "R"}),
    ("others", {"a b<": "q"}),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_field_that_holds_what_it_may_not_is_named(name: str, value: object) -> None:
    for check in (request_fields.check_submit, request_fields.check_alter):
        with pytest.raises(PbsError, match=f"Illegal attribute or resource value for {name}"):
            check({name: value})


@pytest.mark.parametrize("value", ["soon", "5abc", " 5", "0", ""])
def test_one_of_the_rarer_attributes_is_named_itself(value: str) -> None:
    with pytest.raises(PbsError, match="Illegal attribute or resource value for user_kill_delay"):
        request_fields.check_submit({"others": {"user_kill_delay": value}})


@pytest.mark.parametrize("name", ["exec_hosts", "job_state", ""])
def test_a_field_that_there_is_not_is_refused(name: str) -> None:
    for check in (request_fields.check_submit, request_fields.check_alter):
        with pytest.raises(PbsError, match="Invalid request"):
            check({name: "x"})


def test_what_the_commands_ask_for_passes() -> None:
    asked = {"name": "caf\udce9", "priority": " +5", "after": 2e9, "others": {"job_radix": "4"}}
    request_fields.check_submit({**asked, "script": "true\n", "hold": "u", "number": "5"})
    request_fields.check_alter({**asked, "attributes": ["Priority"], "hold": "n"})


def test_json_that_is_nested_too_deeply_is_no_message() -> None:
    body = b"[" * 1_000_000
    with pytest.raises(BadMessage):
        list(Decoder().feed(len(body).to_bytes(4, "big") + bytes(32) + body))


def test_a_list_that_cannot_be_finished_closes_the_connection() -> None:
    logged: list[str] = []
    loop = Loop(logged.append)
    ours, theirs = socket.socketpair()
    connection = Connection(loop, ours, lambda *_: None, lambda *_: loop.stop())
    connection.stream({"part": 1 // part} for part in (1, 0))
    loop.run()
    assert connection.closed
    assert "ZeroDivisionError" in logged[0]
    theirs.close()


ASK = """
import json, sys
sys.path.insert(0, sys.argv[1] + "/lib")
from pbs_builtin.wire import ask, connect_unix
connection = connect_unix(sys.argv[1] + "/sock/pbs_server", 60)
print(json.dumps(ask(connection, json.loads(sys.argv[2]))))
"""


def _ask(cluster: Cluster, **message: object) -> dict[str, Any]:
    """The answer to a request that the user has made by hand."""
    done = subprocess.run(
        [interpreter(), "-c", ASK, str(cluster.home), json.dumps(message)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd="/",
        **cluster._identity(),
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.system
def test_requests_made_by_hand_leave_no_job_and_all_commands_work(quiet: Cluster) -> None:
    plain = {"op": "submit", "name": "x", "workdir": "/", "script": "true\n"}
    plain = {**plain, "variables": {}, "resources": [], "hold": "u"}
    first = _ask(quiet, **plain)["id"]
    refused = [
        {"after": "inf"},
        {"name": "\ud800"},
        {"hold": "o"},
        {"hold": "s"},
        {"number": "500000"},
        {"depend": [["foo", first]]},
        {"others": {"euser": "root"}},
    ]
    for each in refused:
        assert "error" in _ask(quiet, **{**plain, **each}), each
    for changes in ({"after": 1e18}, {"depend": [["foo", first]]}, {"others": {"a b": "c"}}):
        assert "error" in _ask(quiet, op="alter", id=first, changes=changes), changes
    assert "error" in _ask(quiet, op="select", criteria=[["-z", "eq", "1"]])
    assert _ask(quiet, op="select", criteria=[])["ids"] == [first]
    for options in (("-f",), ("-x",), ("-a",)):
        assert quiet.run("qstat", *options).returncode == 0
