"""What TORQUE (and the built-in server) needs for an elastic cluster, each with its reason."""

from __future__ import annotations

from torque_mesos.batch import names
from torque_mesos.batch.counts import slots
from torque_mesos.batch.setup.wish import (
    CYCLES,
    SERVER,
    Needs,
    Present,
    Rule,
    Thing,
    Wish,
    missing_queues,
    watched_queues,
)

NODECT = "resources_available.nodect"
NEEDNODES = "resources_default.neednodes"
"""What Maui ties a queue to nodes by; pbs_sched does not look at it, nor features_required."""

MARK = "torque-mesos:"
"""What the notes of our records begin with."""

_LONGEST_REPORT_S = 5  # `$status_update_time` of our moms
_KEEP_S = 60
_NODES = "resources_default.nodes"
_QUEUE = "queue_type=execution,resources_default.nodes=1,enabled=true,started=true"


def wishes(needs: Needs, present: Present) -> list[Wish | Thing]:
    """All that is wished for, in the order in which it is to be done.

    Raises:
        Refused: a watched queue is missing and may not be made.
    """
    execution = [
        name
        for name, attributes in present.queues.items()
        if attributes.get("queue_type", "").lower() == "execution"
    ]
    wanted = watched_queues(needs, execution)
    missing = missing_queues(needs, wanted, present.queues)
    found: list[Wish | Thing] = []
    for name in missing:
        reason = "the settings watch this queue"
        found.append(Thing(f"queue {names.queue_name(name)}", _QUEUE, reason, vital=True))
    if missing and "default_queue" not in present.server:
        reason = "else qsub would have to name the queue"
        found.append(Wish(SERVER, "default_queue", missing[0], reason, vital=True))
    found += _server(needs, present)
    for name in wanted:
        found += _queue(needs, present, names.queue_name(name))
    if needs.capacity is not None:
        found.append(needs.capacity)
        name = needs.capacity.target.partition(" ")[2]
        if present.nodes.get(name, "").startswith(MARK):
            found.append(
                Wish(
                    needs.capacity.target,
                    "properties",
                    ",".join(names.property_name(item) for item in needs.properties),
                    "else the scheduler deletes waiting jobs that ask for one that no node has yet",
                    Rule.INCLUDES,
                )
            )
    return found


def remarks(needs: Needs, present: Present) -> list[str]:
    """What is left as it is though another value would serve better, and why."""
    found = []
    if present.others_nodes and needs.dead_after_s <= 150:
        some = ", ".join(present.others_nodes[:3])
        found.append(
            f"node_check_rate is left as it is, for there are nodes of others ({some}): their moms"
            " may report each 45 s only, and would be down and free in turn; a lost node is"
            " noticed after 150 to 300 s"
        )
    if needs.pbs_sched:
        found += [
            f"pbs_sched ties no queue to nodes: jobs in {name} that ask for nodes must ask for"
            f" {':'.join(properties)}, too, as in nodes=2:ppn=2:{':'.join(properties)}"
            for name, properties in needs.queue_properties.items()
        ]
    return found


def _server(needs: Needs, present: Present) -> list[Wish | Thing]:
    found: list[Wish | Thing] = [
        Wish(
            SERVER,
            "scheduling",
            "True",
            "else no job is ever started",
            unset="False",
            vital=True,
        ),
        Wish(
            SERVER,
            "auto_node_np",
            "False",
            "else what a mom counts on its host overwrites the slots that were granted",
            unset="False",
            vital=True,
        ),
        Wish(
            SERVER,
            "down_on_error",
            "True",
            "else the next jobs fail, too, on a node whose prologue or health check failed",
            unset="False",
        ),
        Wish(
            SERVER,
            "note_append_on_error",
            "False",
            "else a mom's error is added to its node's note, which carries our mark",
            unset="False",
            vital=True,
        ),
        CYCLES,
        Wish(
            SERVER,
            "keep_completed",
            str(_KEEP_S),
            "else a job that ends is gone before anybody can see how it ended",
            Rule.AT_LEAST,
            unset="0",
        ),
    ]
    if not present.others_nodes:
        rate_s = max(3 * _LONGEST_REPORT_S, min(150, round(needs.dead_after_s / 2)))
        found.append(
            Wish(
                SERVER,
                "node_check_rate",
                str(rate_s),
                f"else a lost node is noticed after 150 to 300 s; our moms report each"
                f" {_LONGEST_REPORT_S} s",
                Rule.AT_MOST,
                unset="150",
            )
        )
    found.append(_nodect(SERVER, needs))
    return found


def _queue(needs: Needs, present: Present, name: str) -> list[Wish | Thing]:
    target = f"queue {name}"
    found: list[Wish | Thing] = [_nodect(target, needs)]
    if properties := needs.queue_properties.get(name):
        value = ":".join(names.property_name(item) for item in properties)
        if not needs.pbs_sched:
            reason = "else the scheduler starts jobs of this queue on nodes of other pools"
            found.append(Wish(target, NEEDNODES, value, reason))
        elif present.attribute(target, _NODES) in (None, "1"):
            reason = "else jobs of this queue that name no nodes start on nodes of other pools"
            found.append(Wish(target, _NODES, f"1:{value}", reason))
    return found


def _nodect(target: str, needs: Needs) -> Wish:
    return Wish(
        target,
        NODECT,
        str(slots(needs.slots)),
        "else the server refuses jobs that are larger than the nodes of the moment",
        Rule.AT_LEAST,
        unset="0",
        vital=True,
    )
