"""What the settings of a site become: its batch server, and the recipe of its moms."""

from __future__ import annotations

from pathlib import Path

import pytest

from torque_mesos.batch.openpbs import OpenPbsServer
from torque_mesos.batch.torque import TorqueServer
from torque_mesos.config import ConfigError, Settings, load
from torque_mesos.framework.site import batch_site, recipe


def settings(tmp_path: Path, batch: str, more: str = "") -> Settings:
    path = tmp_path / "torque-mesos.toml"
    text = f'state_dir = "{tmp_path}"\n{more}\n[mesos]\nhostname = "head"\n[batch]\n{batch}\n'
    path.write_text(text)
    return load(path, {})


OPENPBS = 'kind = "openpbs"\nmode = "existing"\n'


class TestOpenPbs:
    def test_its_server_is_not_started_by_us(self, tmp_path: Path) -> None:
        site = batch_site(settings(tmp_path, OPENPBS))
        assert isinstance(site.server, OpenPbsServer)
        assert site.daemons is None
        assert site.settings.accounting_dir == Path("/var/spool/pbs/server_priv/accounting")
        assert site.settings.bin_dir == Path("/opt/pbs/bin")

    def test_its_daemons_are_started_where_that_is_asked(self, tmp_path: Path) -> None:
        site = batch_site(settings(tmp_path, 'kind = "openpbs"\n'))
        assert site.daemons is not None

    def test_its_moms_are_openpbs_too(self, tmp_path: Path) -> None:
        template = recipe(settings(tmp_path, OPENPBS), "digest", None).template
        assert template.openpbs
        assert template.ready_timeout_s == 15.0

    @pytest.mark.parametrize(
        ("batch", "more", "said"),
        [
            (OPENPBS + "delay_scale = 0.1", "", "batch.delay_scale"),
            (OPENPBS + '[executor]\nmomctl = "/x"', "", "executor.momctl"),
            (OPENPBS, 'node_properties = ["a.b"]', "node_properties"),
            (OPENPBS, 'node_properties = ["ncpus"]', "node_properties"),
        ],
    )
    def test_what_is_not_there_is_refused(
        self, tmp_path: Path, batch: str, more: str, said: str
    ) -> None:
        with pytest.raises(ConfigError, match=said):
            settings(tmp_path, batch, more)


class TestTorque:
    def test_its_moms_are_not_openpbs(self, tmp_path: Path) -> None:
        made = settings(tmp_path, 'mode = "existing"')
        assert isinstance(batch_site(made).server, TorqueServer)
        template = recipe(made, "digest", None).template
        assert (template.openpbs, template.ready_timeout_s) == (False, 2.0)
