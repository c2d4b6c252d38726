"""`torque-mesos setup-server` on a server that runs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.batch.builtin.adapter import adapter_of
from tests.batch.builtin.cluster import Cluster, install_settings
from torque_mesos.cli.app import app
from torque_mesos.framework.identity import Lock

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(os.geteuid() != 0, reason="the server belongs to root here"),
]


class Site:
    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster, self.folder, self.file = cluster, folder, folder / "torque-mesos.toml"
        ports = install_settings(cluster.home)
        self.file.write_text(
            f'state_dir = "{folder}/state"\nqueues = ["batch", "gpuq"]\n'
            '[mesos]\nmaster = "127.0.0.1:1"\n'
            f'[batch]\nkind = "builtin"\nmode = "existing"\nhome = "{cluster.home}"\n'
            f'server_host = "head.cluster.test"\nserver_port = {ports["server_port"]}\n'
            '[pools.gpu]\nqueues = ["gpuq"]\nnode_properties = ["gpunode"]\n'
            'attributes = {kind = "gpu"}\n'
        )

    def setup(self, *options: str) -> Result:
        return CliRunner().invoke(app, ["setup-server", "-c", str(self.file), *options])

    def told(self) -> str:
        return self.cluster.run("qmgr", "-c", "print server").stdout


@pytest.fixture
def site(cluster: Cluster, tmp_path: Path) -> Site:
    return Site(cluster, tmp_path)


def test_there_and_back(site: Site) -> None:
    before = site.told()
    dry = site.setup("--dry-run")
    assert dry.exit_code == 4, dry.output
    assert site.told() == before
    done = site.setup()
    assert done.exit_code == 0, done.output
    assert dry.output.splitlines()[1:] == done.output.splitlines()[1:]
    assert "set server auto_node_np" not in done.output  # it is off
    assert "resources_default.nodes = 1:gpunode" in done.output
    again = site.setup("--dry-run", "--json")
    assert (again.exit_code, json.loads(again.output)["would_be_done"]) == (0, [])
    site.cluster.qmgr("set server node_check_rate=77")
    back = site.setup("--undo")
    assert back.exit_code == 0, back.output
    assert "node_check_rate: left alone, for somebody has changed it since: 77" in back.output
    assert site.setup("--undo").output == "nothing was changed here\n"
    after = site.told().replace("node_check_rate = 77", "node_check_rate = 150")
    # It cannot be unset; 600 is what holds where it is not set.
    assert after.replace("set server scheduler_iteration = 600\n", "") == before


def test_what_a_start_sets_is_noted_too(site: Site) -> None:
    before = site.told()
    (site.folder / "state").mkdir()
    from torque_mesos.batch.setup.record import SetupRecord

    adapter = adapter_of(site.cluster, record=SetupRecord(site.folder / "state"))
    adapter.prepare(["batch"], 100)
    assert site.told() != before
    assert site.setup("--undo").exit_code == 0
    assert site.told() == before


def test_nothing_is_taken_back_under_a_running_framework(site: Site) -> None:
    site.setup()
    lock = Lock(site.folder / "state")
    lock.take()
    answer = site.setup("--undo")
    lock.close()
    assert answer.exit_code == 8
    assert "stop it first" in answer.output


def test_a_server_that_does_not_answer(site: Site) -> None:
    site.cluster.run("qterm")
    answer = site.setup()
    assert answer.exit_code == 3, answer.output
