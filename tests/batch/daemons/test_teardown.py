from __future__ import annotations

import os
import signal

from tests.batch.daemons.site import gone
from torque_mesos.batch.base import ServerUnreachable


def test_teardown_ends_all_that_was_started_here(site):
    daemons = site.daemons()
    daemons.start()
    pids = [site.await_said(name)["pid"] for name in ("pbs_server", "pbs_sched")]
    daemons.teardown()
    assert all(gone(pid) for pid in pids)
    assert ("qterm", "-t", "quick") in site.runner.asked
    assert list((site.state / "daemons").glob("*.pid")) == []
    daemons.teardown()


def test_teardown_ends_a_server_that_does_not_listen(site):
    site.runner.answer("qterm", by=ServerUnreachable("no answer"))
    daemons = site.daemons()
    daemons.start()
    pid = site.await_said("pbs_server")["pid"]
    os.kill(pid, signal.SIGSTOP)
    daemons.teardown(timeout_s=0.2)
    assert gone(pid)
