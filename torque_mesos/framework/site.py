"""From settings to parts: the batch server of a site, and how its workers are made."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from torque_mesos import __version__
from torque_mesos.batch.base import BatchServer
from torque_mesos.batch.commands import CommandRunner, Runner
from torque_mesos.batch.daemons import BatchDaemons, openpbs_daemons, torque_daemons
from torque_mesos.batch.journal import CommandJournal
from torque_mesos.batch.openpbs import OpenPbsServer
from torque_mesos.batch.openpbs_settings import OpenPbsSettings
from torque_mesos.batch.setup.record import SetupRecord
from torque_mesos.batch.torque import TorqueServer
from torque_mesos.batch.torque_settings import TorqueSettings
from torque_mesos.batch.wake_hook import SOCKET_NAME
from torque_mesos.config import Settings
from torque_mesos.framework.calls import Calls, calls_of, paced
from torque_mesos.framework.naming import mark
from torque_mesos.framework.recipe import Recipe
from torque_mesos.framework.scheduler import scheduler_of
from torque_mesos.mesos.settings import LinkSettings
from torque_mesos.model import frozen_map
from torque_mesos.mom.settings import MomSettings

PBS_CONF_VARIABLE = "PBS_CONF_FILE"
"""Where OpenPBS' `pbs.conf` is, for its daemons and commands, if not /etc/pbs.conf."""


@dataclass(frozen=True, slots=True)
class BatchSite:
    """A site's batch server. `daemons` is None where others start them."""

    server: BatchServer
    settings: TorqueSettings | OpenPbsSettings
    journal: CommandJournal
    daemons: BatchDaemons | None
    calls: Calls


def batch_site(settings: Settings) -> BatchSite:
    """The batch server that the settings name; the built-in one is laid out if need be.

    Raises OSError when the built-in server's home cannot be made.
    """
    managed = settings.batch.mode == "managed"
    if settings.batch.kind == "builtin" and managed:
        _lay_out_builtin(settings)
    batch, state = batch_settings(settings), settings.state_dir
    journal = CommandJournal(state)
    daemons = _daemons(batch, state, journal) if managed else None
    calls = calls_of(settings, batch, journal)
    server = _server(batch, calls.runner, SetupRecord(state))
    return BatchSite(server, batch, journal, daemons, calls)


def _daemons(
    batch: TorqueSettings | OpenPbsSettings, state: Path, journal: CommandJournal
) -> BatchDaemons:
    runner = paced(batch, CommandRunner(batch.command_environment(), journal))
    if isinstance(batch, OpenPbsSettings):
        return BatchDaemons(openpbs_daemons(batch, state, runner), state)
    return BatchDaemons(torque_daemons(batch, state, runner), state)


def batch_reader(settings: Settings) -> tuple[BatchServer, TorqueSettings | OpenPbsSettings]:
    """The batch server as any user can ask it: nothing is written, no daemon is started."""
    batch = batch_settings(settings)
    runner = paced(batch, CommandRunner(batch.command_environment()))
    return _server(batch, runner, SetupRecord(None)), batch


def _server(
    batch: TorqueSettings | OpenPbsSettings, runner: Runner, record: SetupRecord
) -> BatchServer:
    if isinstance(batch, OpenPbsSettings):
        return OpenPbsServer(batch, runner, record=record)
    return TorqueServer(batch, runner, record=record)


def batch_settings(settings: Settings) -> TorqueSettings | OpenPbsSettings:
    """Where the batch server is."""
    openpbs = settings.batch.kind == "openpbs"
    return openpbs_settings(settings) if openpbs else torque_settings(settings)


def torque_settings(settings: Settings) -> TorqueSettings:
    """Where TORQUE, or the built-in server, is."""
    scheduler = scheduler_of(settings)
    return TorqueSettings(
        bin_dir=settings.bin_dir,
        sbin_dir=settings.sbin_dir,
        home=settings.pbs_home,
        server_host=settings.batch.server_host,
        command_timeout_s=settings.batch.command_timeout_s,
        mom_service_port=settings.batch.mom_service_port,
        mom_manager_port=settings.batch.mom_manager_port,
        create_queue=settings.batch.mode == "managed",
        scheduler=scheduler.name,
        maui_config=scheduler.maui_config,
        maui_dir=scheduler.maui_dir,
    )


def openpbs_settings(settings: Settings) -> OpenPbsSettings:
    """Where OpenPBS is."""
    conf = os.environ.get(PBS_CONF_VARIABLE)
    return OpenPbsSettings(
        bin_dir=settings.bin_dir,
        sbin_dir=settings.sbin_dir,
        conf_file=Path(conf) if conf else None,
        home=settings.pbs_home,
        server_host=settings.batch.server_host,
        command_timeout_s=settings.batch.command_timeout_s,
        mom_service_port=settings.batch.mom_service_port,
        node_fail_requeue_s=round(settings.dead_after_s),
        wake_socket=(
            settings.state_dir / SOCKET_NAME if settings.batch.watch in ("auto", "hook") else None
        ),
    )


def _lay_out_builtin(settings: Settings) -> None:
    from torque_mesos.batch.builtin.install import install

    install(
        settings.pbs_home,
        server_name=settings.server_host,
        server_port=settings.batch.server_port,
        mom_service_port=settings.batch.mom_service_port,
        mom_manager_port=settings.batch.mom_manager_port,
        hosts=dict(settings.batch.hosts),
        delay_scale=settings.batch.delay_scale,
        auth=settings.batch.auth,
    )


def link_settings(settings: Settings, master: str, framework_id: str | None) -> LinkSettings:
    """What the link to Mesos is told."""
    return LinkSettings(
        master=master,
        name=settings.mesos.name,
        user=settings.user,
        roles=settings.roles,
        framework_id=framework_id,
        hostname=settings.hostname,
        failover_timeout_s=settings.mesos.failover_timeout_s,
        credentials=settings.credentials(),
        webui_url=settings.mesos.webui_url,
        gpu_agents=settings.mesos.gpus,
    )


def recipe(settings: Settings, content: str, uri: str | None) -> Recipe:
    """How a worker is made. `content`: the digest of what is delivered; `uri`: where from."""
    executor, builtin = settings.executor, settings.batch.kind == "builtin"
    template = MomSettings(
        server_host=settings.server_host,
        node="template",
        version=__version__,
        server_port=settings.batch.server_port,
        service_port=settings.batch.mom_service_port,
        manager_port=settings.batch.mom_manager_port,
        builtin=builtin,
        openpbs=settings.batch.kind == "openpbs",
        pbs_mom=_text(executor.pbs_mom),
        momctl=_text(executor.momctl),
        home=_text(executor.mom_home),
        usecp=executor.usecp,
        config=executor.mom_config,
        launch=executor.launch,
        scratch=str(executor.scratch),
        site_scripts=str(executor.site_scripts),
        site_script_timeout_s=executor.site_script_timeout_s,
        ready_timeout_s=settings.ready_timeout_s,
        stop_grace_s=executor.stop_grace_s,
        environment={**_mom_variables(settings), **executor.environment},
        hosts=dict(settings.batch.hosts),
        names_file=_text(settings.names.file),
        names_hook=_text(settings.names.command),
        names_mark=f"{mark(settings.mesos.name)} executor {settings.batch.mom_service_port}",
    )
    return Recipe(
        template=template,
        share=settings.executor_share,
        content=content,
        uri=uri,
        path=_text(executor.path),
        python=executor.python,
        environment=frozen_map(),
        roles=_roles(settings),
    )


def _mom_variables(settings: Settings) -> dict[str, str]:
    """What a mom of the built-in server, and its momctl, are told beside its configuration."""
    auth = settings.batch.auth
    return {"PBS_BUILTIN_AUTH": auth} if auth else {}


def _roles(settings: Settings) -> tuple[str, ...]:
    """Whom resources are taken for: an executor has those of one role only."""
    own = ((name, pool.role) for name, pool in settings.pools.items())
    return (settings.mesos.role, *(f"{name}={role}" for name, role in own if role is not None))


def prepare_state_dir(path: Path) -> None:
    """Make the state directory. Raises OSError."""
    path.mkdir(parents=True, exist_ok=True)
    if not os.access(path, os.W_OK | os.X_OK):
        raise PermissionError(13, "not writable by this account", str(path))


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
