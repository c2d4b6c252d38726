from pathlib import Path

from torque_mesos.batch.torque_settings import TorqueSettings


def test_the_commands_get_a_small_environment(monkeypatch):
    monkeypatch.setenv("LD_PRELOAD", "/tmp/x.so")
    settings = TorqueSettings(
        bin_dir=Path("/t/bin"), server_host="head.test", environment={"EXTRA": "1"}
    )
    environment = settings.command_environment()
    assert environment["PATH"].startswith("/t/bin:")
    assert environment["PBS_DEFAULT"] == "head.test"
    assert environment["EXTRA"] == "1"
    assert environment["LANG"] == "C"
    assert "LD_PRELOAD" not in environment
