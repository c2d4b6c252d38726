"""OpenPBS' mom: what it is told, and how its executor sees that it is ready."""

from __future__ import annotations

import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from torque_mesos.mom.home import Home, make_home
from torque_mesos.mom.openpbs import OpenPbsMom, mom_of, openpbs_conf
from torque_mesos.mom.process import Mom
from torque_mesos.mom.settings import MomSettings, SettingsError

LOG = """\
11/20/2026 19:00:10;0002;pbs_mom;Svr;pbs_mom;HELLO sent to server at head:15001, stream:1
11/20/2026 19:00:10;0002;pbs_mom;Svr;im_eof;Server closed connection.
"""
REPLY = "11/20/2026 19:00:16;0002;pbs_mom;Svr;pbs_mom;ReplyHello from server at 10.78.0.1:15001\n"


def settings(**changes: object) -> MomSettings:
    values: dict[str, object] = {"pbs_mom": "/opt/pbs/sbin/pbs_mom", "openpbs": True, **changes}
    return MomSettings("head.c.test", "n1.c.test", **values)  # type: ignore[arg-type]


@pytest.fixture
def home() -> Iterator[Home]:
    # A folder that a job's user could pass through, as an agent's must be.
    folder = Path(tempfile.mkdtemp(prefix="torque-mesos-test-"))
    delivery = folder / "delivery"
    (delivery / "prologue").mkdir(parents=True)
    (delivery / "prologue" / "prologue").write_text("#!/bin/sh\n")
    folder.chmod(0o755)
    path = folder / "pbs"
    yield make_home(settings(home=str(path), usecp=("*:/home /home",)), folder, delivery)
    shutil.rmtree(folder)


def test_nobody_else_may_enter_its_checkpoint_folder(home: Home) -> None:
    assert stat.S_IMODE((home.path / "checkpoint").stat().st_mode) == 0o700
    assert (home.path / "mom_priv" / "hooks" / "tmp").is_dir()


def test_its_config_has_nothing_of_torques(home: Home) -> None:
    text = (home.path / "mom_priv" / "config").read_text()
    assert text == "$prologalarm 300\n$logevent 0x1ff\n$usecp *:/home /home\n"


def test_torques_prologue_is_not_installed(home: Home) -> None:
    assert not (home.path / "mom_priv" / "prologue").exists()


def test_its_conf_names_node_server_home_and_ports(home: Home) -> None:
    lines = openpbs_conf(settings(service_port=16002), home, Path("/opt/pbs")).splitlines()
    assert set(lines) >= {
        "PBS_EXEC=/opt/pbs",
        f"PBS_HOME={home.path}",
        "PBS_SERVER=head.c.test",
        "PBS_MOM_NODE_NAME=n1.c.test",
        "PBS_MOM_SERVICE_PORT=16002",
    }


def test_it_runs_in_front_and_is_ready_when_the_server_has_answered(home: Home) -> None:
    program = home.path.parent / "exec" / "sbin" / "pbs_mom"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\nexec sleep 100\n")
    program.chmod(0o755)
    mom = mom_of(settings(pbs_mom=str(program)), home, Path("/nowhere"))
    assert isinstance(mom, OpenPbsMom)
    home.log.write_text(REPLY)  # of an earlier mom
    mom.start()
    try:
        assert not mom.is_ready()
        with home.log.open("a") as log:
            log.write(LOG)
        assert not mom.is_ready()
        with home.log.open("a") as log:
            log.write(REPLY)
        assert mom.is_ready()
        assert f"PBS_EXEC={program.parent.parent}\n" in (home.path / "pbs.conf").read_text()
        assert mom.command()[:4] == [str(program), "-N", "-d", str(home.path)]
    finally:
        mom.stop()
    assert mom.pid is None


def test_torques_mom_is_another() -> None:
    assert type(mom_of(settings(openpbs=False), Home(Path("/x")), Path("/y"))) is Mom


@pytest.mark.parametrize("change", [{"momctl": "/x"}, {"builtin": True, "pbs_mom": None}])
def test_what_openpbs_has_not_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="openpbs: true and"):
        settings(**change)
