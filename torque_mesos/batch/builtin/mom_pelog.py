"""Prologues and epilogues of a mom, and its part in the jobs of other moms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Dict, List

from . import launch, pelog
from .loop import Connection
from .wire import Message

if TYPE_CHECKING:
    from .mom import Mom


def run(
    mom: Mom,
    name: str,
    order: Message,
    number: int,
    arguments: List[str],
    output: str,
    ended: Callable[[int], None],
) -> None:
    """Run a prologue or epilogue if there is one; `ended` gets the verdict."""
    priv = mom.home.join("mom_priv")
    path = pelog.path_of(priv, name)
    if not path:
        ended(pelog.FINE)
        return
    if not pelog.permitted(path):
        mom.log.write(f"{path}: permission error", "Job", order["job"])
        ended(pelog.RETRY)
        return
    node_file = mom.home.join("aux", order["job"])
    environ = pelog.environment(order, number, node_file, mom.job_path)
    as_user = ".user" in name
    folder = pelog.home_of(order["user"]) if as_user else priv

    def body() -> int:
        account = launch.account_of(order["user"])
        if as_user:
            launch.become(account)
        written = launch.open_output(output, account) if output else -1
        return launch.run_script(path, arguments, environ, folder, written)

    def finished(status: int, _cpu: float, _memory: int) -> None:
        if status:
            mom.log.write(f"{path} exited with {status}", "Job", order["job"])
        ended(pelog.verdict(status))

    mom.children.fork(body, finished)


class Sisters:
    """The jobs of other moms that this mom has joined."""

    def __init__(self, mom: Mom) -> None:
        self._mom = mom
        self._joined: Dict[str, Message] = {}

    def join(self, address: str, connection: Connection, message: Message) -> None:
        """Join a job, unless its first host is not known here; the prologue's end is the answer."""
        known = {client.rsplit(":", 1)[0] for client in self._mom.clients}
        if address not in known:
            self._mom.log.write(f"tcp_request, bad connect from {address}")
            connection.close()
            return
        job_id, order = str(message["job"]), message["order"]
        names = [host[0] for host in order["hosts"]]
        number = names.index(self._mom.name) if self._mom.name in names else 0
        self._mom.log.write(f"JOIN JOB as node {number}", "Job", job_id)
        self._joined[job_id] = {"order": order, "number": number}

        def ended(verdict: int) -> None:
            connection.send({"failed": verdict != pelog.FINE}, last=True)

        arguments = pelog.prologue_arguments(order, "")
        run(self._mom, "prologue.parallel", order, number, arguments, "", ended)

    def end(self, message: Message) -> None:
        """Leave a job."""
        joined = self._joined.pop(str(message["job"]), None)
        if joined is None:
            return
        order, number = joined["order"], joined["number"]
        arguments = pelog.epilogue_arguments(order, "", 0, {}, int(message["status"]))
        run(self._mom, "epilogue.parallel", order, number, arguments, "", lambda _: None)
