"""An OpenPBS as it is set up."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from torque_mesos.batch import processes
from torque_mesos.batch.commands import Runner
from torque_mesos.batch.openpbs_commands import OpenPbsCalls, accepted
from torque_mesos.batch.openpbs_queues import parse_attributes, parse_server
from torque_mesos.batch.openpbs_sched import LookedAt, looked_at, replace_line
from torque_mesos.batch.openpbs_settings import OpenPbsSettings
from torque_mesos.batch.setup import openpbs, openpbs_hook
from torque_mesos.batch.setup.wish import Change, Needs, Present, Thing, Wish, quoted
from torque_mesos.batch.wake_hook import HOOK, TARGET

_UNTOLD = "changes are noticed by the accounting files and by polling"
_RESOURCE = re.compile(r"^Resource (\S+)$", re.MULTILINE)


class OpenPbsDesk:
    """See `deed.Desk`."""

    def __init__(self, settings: OpenPbsSettings, runner: Runner) -> None:
        self._settings = settings
        self._calls = OpenPbsCalls(settings, runner)

    def present(self, *, whole: bool) -> Present:
        """What is there."""
        server = parse_server(self._told("-B"))
        queues = parse_attributes(self._told("-Q"), "Queue")
        if not whole:
            return Present(server, queues)
        resources = self._resources()
        found = looked_at(self._settings.home, resources)
        return Present(
            server,
            queues,
            resources=frozenset(_RESOURCE.findall(resources)),
            files={} if found is None or found.line is None else {str(found.path): found.line},
            hooks=self._hooks(),
            whole=True,
        )

    def wishes(self, needs: Needs, present: Present) -> Sequence[Wish | Thing | Change]:
        """What is wished for."""
        wanted = openpbs.wishes(needs, present, self._settings.node_fail_requeue_s)
        if not present.whole:
            return wanted
        socket = self._settings.wake_socket
        hooks = [] if socket is None else openpbs_hook.hook_wishes(socket, self._hook())
        return [*wanted, *openpbs.line(self._looked_at()), *hooks]

    def remarks(self, needs: Needs, present: Present) -> Sequence[str]:  # noqa: ARG002
        """What is left alone, and why."""
        found = []
        if self._looked_at() is None:
            path = self._settings.home / "sched_priv" / "sched_config"
            found.append(
                f"{path} cannot be read: whether the scheduler looks at all resources is not known"
            )
        if self._settings.wake_socket is not None and self._hook().barred:
            found.append(
                f"only root on the server's host may make the hook {HOOK}: without it, {_UNTOLD}"
            )
        return found

    def do(self, change: Change) -> None:
        """Do it; a scheduler whose settings were changed is made to read them."""
        if change.kind == "line":
            replace_line(Path(change.target), change.old, change.new)
            self._reread()
        elif change.target == TARGET and self._settings.wake_socket is not None:
            openpbs_hook.make_hook(self._calls.qmgr, self._settings.wake_socket, self._hook())
        else:
            accepted(self._calls.qmgr(change.command()))

    def undo(self, change: Change) -> str:
        """Take it back."""
        if change.kind == "line":
            replace_line(Path(change.target), change.new, change.old)
            self._reread()
        elif change.kind == "make":
            accepted(self._calls.qmgr(f"delete {change.target}"))
        else:
            where = f"{change.target} {change.attribute}"
            back = f"unset {where}" if change.old is None else f"set {where}={quoted(change.old)}"
            accepted(self._calls.qmgr(back))
        return ""

    def keeps_jobs(self, change: Change) -> bool:  # noqa: ARG002
        """Never: OpenPBS keeps jobs of any size."""
        return False

    def _hook(self) -> openpbs_hook.HookThere:
        return openpbs_hook.hook_there(self._calls.qmgr)

    def _hooks(self) -> Mapping[str, str]:
        shown = self._hook().shown
        return {} if shown is None else {HOOK: shown}

    def _looked_at(self) -> LookedAt | None:
        return looked_at(self._settings.home, self._resources())

    def _resources(self) -> str:
        return accepted(self._calls.qmgr("list resource")).stdout

    def _reread(self) -> None:
        """One that does not run reads its settings when it starts."""
        scheduler = processes.find("pbs_sched", None)
        if scheduler is not None:
            os.kill(scheduler.pid, signal.SIGHUP)

    def _told(self, option: str) -> str:
        return accepted(self._calls.run("qstat", option, "-f", "-F", "json")).stdout
