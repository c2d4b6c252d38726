"""Teardown: the end of the framework, with every mom and job of it."""

from __future__ import annotations

import contextlib
import os
import signal
import threading

import psutil
import structlog

from torque_mesos.batch.base import BatchError
from torque_mesos.config import Settings
from torque_mesos.framework.exit import CannotStart, Exit
from torque_mesos.framework.identity import Identity, Lock
from torque_mesos.framework.log import configure_log
from torque_mesos.framework.naming import host_names
from torque_mesos.framework.site import (
    batch_site,
    link_settings,
    prepare_state_dir,
)
from torque_mesos.mesos.base import Ended, Event, MesosError, Subscribed
from torque_mesos.mesos.credentials import CredentialsError
from torque_mesos.mesos.link import PymesosLink
from torque_mesos.mom.hosts_file import NamesError

_log = structlog.get_logger(__name__)
_STOP_WAIT_S = 30.0


def teardown(settings: Settings) -> int:
    """End the framework with every mom and job of it, then the daemons that were started here.

    A running service is stopped first. Gives the exit code.
    """
    configure_log(settings.log_level, settings.log_format)
    try:
        _stop_service(settings)
        _end_framework(settings)
        host_names(settings).remove()
        site = batch_site(settings)
        if site.daemons is not None:
            site.daemons.teardown()
    except (
        CannotStart,
        BatchError,
        MesosError,
        NamesError,
        CredentialsError,
        OSError,
    ) as error:
        _log.error("teardown failed", error=str(error))
        return Exit.CANNOT_START
    return 0


def _stop_service(settings: Settings) -> None:
    prepare_state_dir(settings.state_dir)
    lock = Lock(settings.state_dir)
    with contextlib.closing(lock):
        pid = lock.holder()
        if not lock.held() or pid is None:
            return
        _log.info("stopping the running service", pid=pid)
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            os.kill(pid, signal.SIGTERM)
            psutil.Process(pid).wait(_STOP_WAIT_S)


def _end_framework(settings: Settings) -> None:
    """Subscribe with the remembered id, tear down, and forget it."""
    identity = Identity(settings.state_dir)
    framework_id, master = identity.read(), settings.mesos.master
    if framework_id is None:
        _log.info("no framework is known here")
        return
    if master is None:
        raise CannotStart("no master: set mesos.master (or TORQUE_MESOS_MESOS__MASTER)")
    subscribed = threading.Event()
    ended: list[Ended] = []

    def sink(event: Event) -> None:
        if isinstance(event, Ended):
            ended.append(event)
        if isinstance(event, (Subscribed, Ended)):
            subscribed.set()

    link = PymesosLink(link_settings(settings, master, framework_id), sink)
    link.start()
    try:
        if not subscribed.wait(_STOP_WAIT_S):
            raise CannotStart(f"no subscription with {master} within {_STOP_WAIT_S:.0f} s")
        if not ended:
            link.teardown()
    finally:
        link.stop()
    identity.forget()
    _log.info("framework ended", framework=framework_id)
