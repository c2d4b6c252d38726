"""The adapter for TORQUE on a built-in server of the tests."""

from __future__ import annotations

from tests.batch.builtin.cluster import Cluster, install_settings
from torque_mesos.batch.commands import CommandRunner
from torque_mesos.batch.setup.record import SetupRecord
from torque_mesos.batch.torque import TorqueServer
from torque_mesos.batch.torque_settings import TorqueSettings


def adapter_of(
    cluster: Cluster, *, create_queue: bool = False, record: SetupRecord | None = None
) -> TorqueServer:
    """The adapter, run as whom the server belongs to."""
    ports = install_settings(cluster.home)
    settings = TorqueSettings(
        bin_dir=cluster.installed.bin_dir,
        sbin_dir=cluster.installed.sbin_dir,
        home=cluster.home,
        server_host="head.cluster.test",
        mom_service_port=int(ports["mom_service_port"]),
        mom_manager_port=int(ports["mom_manager_port"]),
        create_queue=create_queue,
    )
    return TorqueServer(settings, CommandRunner(settings.command_environment()), record=record)
