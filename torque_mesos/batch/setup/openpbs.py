"""What OpenPBS needs for an elastic cluster, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping

from torque_mesos.batch import names
from torque_mesos.batch.base import UnreadableAnswer
from torque_mesos.batch.openpbs_nodes import NOTE_RESOURCE
from torque_mesos.batch.openpbs_resources import resource_name
from torque_mesos.batch.openpbs_sched import LookedAt
from torque_mesos.batch.setup.wish import (
    CYCLES,
    SERVER,
    Change,
    Needs,
    Present,
    Rule,
    Thing,
    Wish,
    missing_queues,
)

LEAST_REQUEUE_S = 20  # a server that is restarted hears its moms again within some ten seconds

_USUAL_REQUEUE_S = "310"


def wishes(needs: Needs, present: Present, requeue_s: int | None) -> list[Wish | Thing | Change]:
    """All that is wished for, in the order in which it is to be done.

    `requeue_s`: the longest that a job may stay on a node that is down.

    Raises:
        Refused: a watched queue is missing and may not be made.
        UnreadableAnswer: the server's own value is no number.
    """
    found: list[Wish | Thing | Change] = []
    for name in missing_queues(needs, needs.queues, present.queues):
        attributes = "queue_type=execution,enabled=True,started=True"
        reason = "the settings watch this queue"
        found.append(Thing(f"queue {names.queue_name(name)}", attributes, reason, vital=True))
    found += _server(present, requeue_s)
    found += _resources(needs)
    for name, properties in needs.queue_properties.items():
        for item in properties:
            found.append(
                Wish(
                    f"queue {names.queue_name(name)}",
                    f"default_chunk.{resource_name(item)}",
                    "True",
                    "else jobs of this queue start on nodes of other pools",
                )
            )
    return found


def line(found: LookedAt | None) -> list[Change]:
    """The line `resources:` of the scheduler's settings, where it must be another."""
    if found is None or not found.missing:
        return []
    some = ", ".join(found.missing)
    reason = f"else the scheduler does not look at {some}, and puts jobs that ask for it anywhere"
    return [Change("line", str(found.path), "resources", found.line, found.mended(), reason)]


def requeues_after_s(server: Mapping[str, str]) -> int:
    """How long a job stays on a node that is down. Raises UnreadableAnswer."""
    value = server.get("node_fail_requeue", _USUAL_REQUEUE_S)
    try:
        return int(value)
    except ValueError:
        raise UnreadableAnswer(f"server: node_fail_requeue is {value!r:.80}") from None


def _server(present: Present, requeue_s: int | None) -> list[Wish]:
    found = [
        Wish(
            SERVER, "scheduling", "True", "else no job is ever started", unset="False", vital=True
        ),
        CYCLES,
        Wish(
            SERVER,
            "job_history_enable",
            "True",
            "else a job that ends is gone before anybody can see how it ended",
            unset="False",
        ),
    ]
    if requeue_s is not None:
        requeues_after_s(present.server)
        found.append(
            Wish(
                SERVER,
                "node_fail_requeue",
                str(max(requeue_s, LEAST_REQUEUE_S)),
                "jobs of a lost node are run again after so many seconds; if it is 0, never",
                Rule.AT_MOST,
                unset=_USUAL_REQUEUE_S,
                vital=True,
            )
        )
    return found


def _resources(needs: Needs) -> list[Thing]:
    kept = "our note on a node; a node's comment does not outlive a restart of the server"
    found = [Thing(f"resource {NOTE_RESOURCE}", "type=string", kept)]
    for name in needs.properties:
        reason = "nodes have it, and jobs can ask for it"
        found.append(Thing(f"resource {resource_name(name)}", "type=boolean,flag=h", reason))
    return found
