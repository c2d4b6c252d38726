"""Bringing a job's spooled output to where its user wants it."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING, Callable, List, Tuple

from . import launch, mom_staging
from .home import as_bytes
from .mom_paths import NoPath, expand
from .rotation import prune_old
from .wire import Message

if TYPE_CHECKING:
    from .mom import Mom

File = Tuple[str, str, str]  # spooled file, host:/path, path here (empty: only on that host)


def add_error(mom: Mom, order: Message, spooled: List[str], text: str) -> None:
    """Write a line of the mom's own into a job's error output."""
    path = spooled[0 if order["join"] == "oe" else 1]
    try:
        descriptor = launch.open_output(path, launch.account_of(order["user"]))
        os.write(descriptor, as_bytes(text))
        os.close(descriptor)
    except OSError as error:
        mom.log.write(f"{path}: {error}", "Job", order["job"])


def deliver(mom: Mom, order: Message, spooled: List[str], done: Callable[[bool], None]) -> None:
    """Copy as the user, in a child; what cannot be delivered goes to `undelivered`.

    Then come the files to be staged out; `done` is told whether all of those were copied.
    """
    files, lost = _files(mom, order, spooled)
    if lost:
        _save(mom, order["job"], lost)
    if not files:
        mom_staging.stage_out(mom, order, done)
        return

    def ended(failed: int, _cpu: float, _memory: int) -> None:
        if failed:
            _save(mom, order["job"], files)
        mom_staging.stage_out(mom, order, done)

    account = launch.account_of(order["user"])
    mom.children.fork(partial(launch.deliver, account, int(order["umask"]), files), ended)


def _files(mom: Mom, order: Message, spooled: List[str]) -> Tuple[List[File], List[File]]:
    """What is to be delivered, and what cannot be: no path comes of its variables."""
    wanted = {"oe": "o", "eo": "e"}.get(order["join"], "oe")
    account = launch.account_of(order["user"])
    node_file = mom.home.join("aux", order["job"])
    variables = launch.environment(order, account, node_file, mom.manager_port, mom.job_path)
    number = order["job"].split(".")[0]
    files: List[File] = []
    lost: List[File] = []
    for letter, source, asked in (
        ("o", spooled[0], order["output"]),
        ("e", spooled[1], order["error"]),
    ):
        if letter not in wanted or not os.path.exists(source):
            continue
        path = launch.local_path(asked, mom.usecp, [mom.name])
        if letter in order["keep"]:
            path = os.path.join(account.pw_dir, f"{order['name']}.{letter}{number}")
            files.append((source, asked, path))
            continue
        try:
            files.append((source, expand(asked, variables), expand(path, variables)))
        except NoPath as error:
            mom.log.write(str(error), "Job", order["job"])
            lost.append((source, asked, path))
    return files, lost


def _save(mom: Mom, job_id: str, files: List[File]) -> None:
    for name in prune_old(mom.home.join("undelivered"), mom.undelivered_days, time.time()):
        mom.log.write(f"{name} removed from undelivered, where nobody came for it")
    for source, target, _ in files:
        kept = mom.home.join("undelivered", os.path.basename(source))
        text = f"Unable to copy file {source} to {target}; saved as {kept}"
        mom.log.write(text, "Job", job_id)
        if os.path.exists(source):
            os.replace(source, kept)
