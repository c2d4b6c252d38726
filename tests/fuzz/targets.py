"""What is fuzzed: a reader for each kind of answer, and what must hold whatever it is given.

A reader gives values, or `UnreadableAnswer`; every id that stands in the bytes where the server
puts ids is that of a value or is named by a problem.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.batch.recorded import DATA
from torque_mesos.batch import openpbs_jobs, openpbs_nodes, torque_xml
from torque_mesos.batch.base import UnreadableAnswer
from torque_mesos.batch.openpbs_queues import parse_queues as openpbs_queues
from torque_mesos.batch.openpbs_queues import parse_server
from torque_mesos.batch.torque_attributes import parse_attributes, parse_queues

_JOB_ID = re.compile(r"<Job><Job_Id>([^<]*)</Job_Id>")
_NODE_NAME = re.compile(r"<Node><name>([^<]*)</name>")
_RECORD = re.compile(r'^(?:\t|    ){2}"([^"\\]+)":\t?\{$', re.MULTILINE)
_ARRAY = re.compile(r"[0-9]+\[\]")


class Lost(AssertionError):
    """A record is neither told nor named by a problem."""


@dataclass(frozen=True, slots=True)
class Target:
    """A reader, and recorded answers to begin with (`corpus`, names in tests/data)."""

    read: Callable[[str], None]
    corpus: tuple[str, ...]

    def seeds(self) -> list[bytes]:
        """The answers of the corpus, as they were printed."""
        return [_stdout((DATA / f"{name}.txt").read_bytes()) for name in self.corpus]

    def try_bytes(self, data: bytes) -> None:
        """Read `data` as the adapter would; raises what must not happen."""
        try:
            self.read(data.decode(errors="replace"))
        except UnreadableAnswer:
            return


def _stdout(recorded: bytes) -> bytes:
    return recorded.partition(b"--- stdout\n")[2].partition(b"--- stderr\n")[0]


def _all_there(ids: Iterable[str], told: Iterable[str], problems: tuple[str, ...]) -> None:
    known = set(told)
    for each in ids:
        if each and each not in known and not any(each in problem for problem in problems):
            raise Lost(each)


def _torque_jobs(text: str) -> None:
    found = torque_xml.parse_jobs(text)
    ids = [each.strip() for each in _JOB_ID.findall(text) if "&" not in each]
    ids = [each for each in ids if each.isprintable() and not _ARRAY.match(each)]
    _all_there(ids, (job.job_id for job in found.jobs), found.problems)


def _torque_nodes(text: str) -> None:
    found = torque_xml.parse_nodes(text)
    names = [each.strip() for each in _NODE_NAME.findall(text) if "&" not in each]
    names = [each for each in names if each.isprintable()]
    _all_there(names, (node.name for node in found.nodes), found.problems)


def _openpbs_jobs(text: str) -> None:
    found = openpbs_jobs.parse_jobs(text)
    ids = [each for each in _RECORD.findall(text) if not each.partition("[")[2].startswith("]")]
    _all_there(ids, (job.job_id for job in found.jobs), found.problems)


def _openpbs_nodes(text: str) -> None:
    found = openpbs_nodes.parse_nodes(text)
    _all_there(_RECORD.findall(text), (each.node.name for each in found.nodes), found.problems)


TARGETS = {
    "torque-jobs": Target(
        _torque_jobs,
        ("torque/qstat-x-t-mix", "torque/qstat-x-t-stray-bytes", "torque/qstat-x-empty"),
    ),
    "torque-nodes": Target(
        _torque_nodes, ("torque/pbsnodes-x-mix", "torque/pbsnodes-x-offline-busy")
    ),
    "torque-queues": Target(lambda text: void(parse_queues(text)), ("torque/qstat-queues",)),
    "torque-server": Target(
        lambda text: void(parse_attributes(text, "Server")), ("torque/qstat-server",)
    ),
    "openpbs-jobs": Target(
        _openpbs_jobs,
        ("openpbs/qstat-mix", "openpbs/qstat-not-json", "openpbs/later-qstat-array"),
    ),
    "openpbs-nodes": Target(_openpbs_nodes, ("openpbs/pbsnodes-mix", "openpbs/later-pbsnodes")),
    "openpbs-queues": Target(
        lambda text: void(openpbs_queues(text)), ("openpbs/qstat-queues-limits",)
    ),
    "openpbs-server": Target(
        lambda text: void(parse_server(text)), ("openpbs/qstat-server-limits",)
    ),
}


def void(_: object) -> None:
    """Only whether it is read matters."""
