"""The service: parts put together, run until told to stop."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

import structlog

from torque_mesos.admin.board import StatusBoard
from torque_mesos.admin.server import AdminServer
from torque_mesos.admin.server import Bundle as ServedBundle
from torque_mesos.batch.base import BatchError, BatchServer, Hears, Refused, ServerUnreachable
from torque_mesos.batch.daemons import BatchDaemons, DaemonState
from torque_mesos.batch.setup.rights import account, manager_line
from torque_mesos.config import Settings
from torque_mesos.framework.bundle import BundleError, build_bundle
from torque_mesos.framework.execute import Executor
from torque_mesos.framework.exit import CannotStart, Exit
from torque_mesos.framework.identity import AlreadyRunning, Identity, Lock, RememberedPort
from torque_mesos.framework.inbox import Deleted, Inbox, QueueChanged, Stop
from torque_mesos.framework.journal import Journals
from torque_mesos.framework.log import configure_log
from torque_mesos.framework.loop import Loop, Timing
from torque_mesos.framework.naming import NameKeeper, host_names, naming_of, server_of
from torque_mesos.framework.poller import MasterPoller
from torque_mesos.framework.recipe import Recipe
from torque_mesos.framework.site import (
    BatchSite,
    batch_site,
    link_settings,
    prepare_state_dir,
    recipe,
)
from torque_mesos.framework.spending import SpendingFile
from torque_mesos.framework.told_names import ToldNames
from torque_mesos.framework.unknown_users import UnknownUsers
from torque_mesos.framework.view import View
from torque_mesos.framework.watching import Watch
from torque_mesos.mesos.credentials import CredentialsError
from torque_mesos.mesos.link import PymesosLink

_log = structlog.get_logger(__name__)
_DAEMON_CHECK_S = 1.0
_MASTER_POLL_S = 5.0
_SERVER_RETRY_S = 1.0


def run(settings: Settings) -> int:
    """Run the service until SIGTERM or SIGINT, or until Mesos ends it; gives the exit code.

    Jobs, moms and the batch server go on when it ends.
    """
    configure_log(settings.log_level, settings.log_format)
    try:
        return _run(settings)
    except AlreadyRunning as error:
        _log.error("cannot start", error=str(error))
        return Exit.ALREADY_RUNNING
    except (CannotStart, BatchError, BundleError, CredentialsError, OSError) as error:
        _log.error("cannot start", error=str(error))
        return Exit.CANNOT_START


def _run(settings: Settings) -> int:
    master = settings.mesos.master
    if master is None:
        raise CannotStart("no master: `torque-mesos run MASTER`, or mesos.master in the settings")
    prepare_state_dir(settings.state_dir)
    lock = Lock(settings.state_dir)
    with contextlib.closing(lock):
        lock.take()
        inbox = Inbox()
        with _signals(inbox):
            site = batch_site(settings)
            with contextlib.closing(site.calls), _daemons(site.daemons) as daemon_problems:
                if not _prepare(site, settings, inbox):
                    return 0
                return _serve(settings, master, site, inbox, daemon_problems)


def _serve(
    settings: Settings,
    master: str,
    site: BatchSite,
    inbox: Inbox,
    daemon_problems: list[str],
) -> int:
    """Put the parts together and let the loop run."""
    bundle = build_bundle(settings.state_dir / "bundle")
    served = ServedBundle(bundle.path, bundle.sha256)
    host = settings.http_host
    by_uri = settings.executor.delivery == "uri"
    policy = settings.policy("", site.server.traits.capacity_record)
    watch = Watch(settings, site.settings, lambda: _queue_changed(site.server, inbox))
    spending = SpendingFile(settings.state_dir)
    journal = Journals(settings.state_dir, snapshots=settings.journal_snapshots)

    def problems() -> tuple[str, ...]:
        found = list(daemon_problems)
        if watch.problem is not None:
            found.append(f"the queue is only polled: {watch.problem}")
        found += [each for each in (site.calls.problem, spending.problem) if each is not None]
        if site.journal.lost or journal.lost:
            found.append(f"{site.journal.lost + journal.lost} journal lines could not be written")
        return tuple(found)

    keeper = NameKeeper(naming_of(settings), host_names(settings), inbox.put, server_of(settings))
    board = StatusBoard(policy, lambda: (*problems(), *keeper.problems))
    admin, port = _start_admin(settings, board, served)
    uri = f"http://{host}:{port}{served.url_path}" if by_uri else None
    loop = _loop(
        settings,
        master,
        site=site,
        inbox=inbox,
        keeper=keeper,
        made_by=recipe(settings, bundle.sha256, uri),
        board=board,
        journal=journal,
        spending=spending,
    )
    watch.start()
    try:
        return int(loop.run())
    finally:
        watch.stop()
        admin.stop()
        journal.close()


def _queue_changed(server: BatchServer, inbox: Inbox) -> None:
    if isinstance(server, Hears):
        server.changed()
    inbox.put(QueueChanged())


def _start_admin(
    settings: Settings, board: StatusBoard, served: ServedBundle
) -> tuple[AdminServer, int]:
    """Serve status and bundle, on the port of last time if the settings leave it open."""
    remembered = RememberedPort(settings.state_dir)
    wanted = settings.http.port or remembered.read()
    for port in (wanted, 0):
        admin = AdminServer(
            board,
            settings.status_socket,
            host=settings.http_bind,
            port=port,
            bundle=served,
        )
        try:
            got = admin.start()
        except OSError as error:
            if settings.http.port or port == 0:
                raise
            _log.warning("the port of last time cannot be had", port=port, error=str(error))
            continue
        remembered.write(got)
        return admin, got
    raise AssertionError("port 0 is always tried")


def _loop(
    settings: Settings,
    master: str,
    *,
    site: BatchSite,
    inbox: Inbox,
    keeper: NameKeeper,
    made_by: Recipe,
    board: StatusBoard,
    journal: Journals,
    spending: SpendingFile,
) -> Loop:
    view = View()
    unknown_users = UnknownUsers(site.server, view)
    identity = Identity(settings.state_dir)
    poller = MasterPoller(keeper.put, _MASTER_POLL_S)
    poller.start()
    ports = (settings.batch.mom_service_port, settings.batch.mom_manager_port)
    policy = settings.policy(made_by.generation, site.server.traits.capacity_record)

    def make_link(framework_id: str | None) -> PymesosLink:
        return PymesosLink(link_settings(settings, master, framework_id), keeper.put)

    def remember(framework_id: str | None) -> None:
        if framework_id is None:
            identity.forget()
        elif identity.read() != framework_id:
            identity.write(framework_id)

    return Loop(
        server=site.server,
        make_link=make_link,
        remember_id=remember,
        framework_id=identity.read(),
        executor=Executor(
            site.server,
            view,
            made_by,
            ports,
            lambda name, error: inbox.put(Deleted(name, error)),
            ToldNames(lambda: keeper.told, lambda: unknown_users.asked),
        ),
        view=view,
        policy=policy,
        inbox=inbox,
        poller=poller,
        publish=board.publish,
        journal=lambda published: journal.write(published, policy),
        timing=Timing(poll_s=settings.poll_interval_s),
        spending=spending,
        unknown_users=unknown_users,
    )


def _prepare(site: BatchSite, settings: Settings, inbox: Inbox) -> bool:
    """Set what the server needs; one that is away is waited for. False: told to stop meanwhile."""
    capacity_np = settings.policy("", None).capacity_np
    told = False
    while True:
        try:
            site.server.prepare(settings.named_queues, capacity_np)
        except ServerUnreachable as error:
            if not told:
                _log.warning("waiting for the batch server", error=str(error))
            told = True
        except Refused as error:
            hint = ""
            if "Unauthorized" in str(error):
                hint = (
                    ". torque-mesos needs a manager's rights on the batch server: as a manager,"
                    f" {manager_line(account())}"
                )
            raise CannotStart(f"{error}{hint}") from error
        else:
            return True
        if any(isinstance(message, Stop) for message in inbox.drain(_SERVER_RETRY_S)):
            return False


@contextlib.contextmanager
def _daemons(daemons: BatchDaemons | None) -> Iterator[list[str]]:
    """Keep the batch server's daemons on a thread; gives a list of what is wrong with them."""
    problems: list[str] = []
    if daemons is None:
        yield problems
        return
    daemons.start()
    over = threading.Event()

    def keep() -> None:
        while not over.wait(_DAEMON_CHECK_S):
            bad = [
                s for s in daemons.check() if s.state in (DaemonState.WAITING, DaemonState.FAILED)
            ]
            problems[:] = [f"{s.name} does not run: {s.detail}" for s in bad]

    thread = threading.Thread(target=keep, name="daemons", daemon=True)
    thread.start()
    try:
        yield problems
    finally:
        over.set()
        thread.join()


@contextlib.contextmanager
def _signals(inbox: Inbox) -> Iterator[None]:
    def stop(number: int, _frame: object) -> None:
        inbox.put(Stop(signal.Signals(number).name))

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
