"""Node records: one for every agent, parked while no mom runs there."""

from __future__ import annotations

from torque_mesos.decide.facts import Mark
from torque_mesos.decide.plan import CreateNode, DeleteNode, Offline, Rerun, SetNp
from torque_mesos.decide.reason import Code, Reason, counted
from torque_mesos.decide.request import RequestError, parse_request
from torque_mesos.decide.turn import RETRY_S, Turn, because
from torque_mesos.decide.worker import CAPACITY_NOTE, DRAINING_NOTE, ERROR, PARKED_NOTE, Phase
from torque_mesos.model import JobState, NodeState

_NOT_RUNNING = (Phase.ABSENT, Phase.UNPARKED, Phase.PARKED, Phase.STRANDED, Phase.STARTING)


def keep_records(turn: Turn) -> None:
    """Make, park, size and forget records, and take care of the jobs of lost moms."""
    _note_times(turn)
    _capacity_record(turn)
    for name in _to_look_at(turn):
        where = turn.phases[name]
        if where is Phase.ABSENT:
            _create(turn, name)
        elif where is Phase.UNPARKED:
            _park(turn, name)
        elif where is Phase.PARKED:
            _parked(turn, name)
        elif where is Phase.STRANDED:
            _stranded(turn, name)
        elif where is Phase.STARTING:
            _size(turn, name)
        elif where in (Phase.ONLINE, Phase.DRAINING) and turn.unreachable(name):
            _unreachable(turn, name)


def _to_look_at(turn: Turn) -> list[str]:
    """The hosts whose records may have to be changed, or that fail, in order."""
    if turn.failures:
        return sorted(turn.phases)
    in_phase = turn.known.in_phase
    names = [name for where in _NOT_RUNNING for name in in_phase.get(where, ())]
    for where in (Phase.ONLINE, Phase.DRAINING):
        names += [name for name in in_phase.get(where, ()) if turn.unreachable(name)]
    return sorted(names)


def _note_times(turn: Turn) -> None:
    """Since when nodes are down, and since when agents are not listed."""
    down, unseen = turn.known.marked[Mark.DOWN], turn.known.unseen
    if turn.down_since.keys() != down:
        turn.down_since = {n: turn.down_since.get(n, turn.now_s) for n in sorted(down)}
    if turn.unseen_since.keys() != set(unseen):
        turn.unseen_since = {n: turn.unseen_since.get(n, turn.now_s) for n in unseen}


def _asked_lately(turn: Turn, name: str) -> bool:
    """Whether a record was asked for a short while ago; notes the time if not."""
    if turn.now_s - turn.created_at.get(name, float("-inf")) < RETRY_S:
        return True
    turn.created_at[name] = turn.now_s
    return False


def _capacity_record(turn: Turn) -> None:
    name = turn.policy.capacity_record
    if name is None or turn.capacity is not None or name in turn.reading.unreadable_nodes:
        return
    turn.phases = {**turn.phases, name: Phase.ABSENT}
    if not _asked_lately(turn, name):
        turn.do(
            CreateNode(
                name,
                turn.policy.capacity_np,
                turn.policy.capacity_properties,
                CAPACITY_NOTE,
                because(
                    Code.KEEPS_JOBS_FEASIBLE,
                    "this record never runs; it keeps the server from refusing jobs while"
                    " nodes are away",
                ),
            )
        )


def _create(turn: Turn, name: str) -> None:
    agent = turn.agents.get(name)
    if agent is None or not agent.active or not (turn.policy.park or name in turn.workers):
        return
    slots = turn.full_slots(name)
    if slots == 0:
        turn.nodes[name] = because(
            Code.TOO_SMALL,
            f"its agent has {agent.total.cpus:g} cpus and {agent.total.mem_mb:g} MB, less than"
            " one slot",
        )
        return
    reason = because(Code.NEW_AGENT, "Mesos shows an agent that had no node record yet")
    turn.nodes[name] = reason
    if not _asked_lately(turn, name):
        turn.do(CreateNode(name, slots, turn.policy.node_properties(agent), PARKED_NOTE, reason))


def _park(turn: Turn, name: str) -> None:
    """A record whose mom does not run goes offline, so that no job is put there too early."""
    agent = turn.agents.get(name)
    if turn.down(name) or (agent is not None and agent.active):
        reason = because(Code.NOTHING_RUNS_HERE, "no mom is ready here")
        turn.nodes[name] = reason
        turn.do_if_fresh(Offline(name, PARKED_NOTE, reason))


def _parked(turn: Turn, name: str) -> None:
    if failing := turn.failing(name):
        turn.nodes[name] = failing
    node, full = turn.records[name], turn.full_slots(name)
    unseen_s = turn.now_s - turn.unseen_since.get(name, turn.now_s)
    if turn.must_be_marked(name):
        reason = because(Code.NOTHING_RUNS_HERE, "its mom was stopped")
        turn.do_if_fresh(Offline(name, PARKED_NOTE, reason))
    elif not turn.policy.park:
        reason = because(Code.NO_DEMAND, "records are not kept (park = false)")
        _delete(turn, name, reason)
    elif unseen_s >= turn.policy.forget_after_s:
        reason = because(Code.AGENT_GONE, f"its agent is gone for {unseen_s:.0f} s", s=unseen_s)
        _delete(turn, name, reason)
    elif node.np < full:
        reason = because(
            Code.FULL_SIZE, f"its agent has room for {counted(full, 'slot')}", slots=full
        )
        turn.do_if_fresh(SetNp(name, full, reason))


def _delete(turn: Turn, name: str, reason: Reason) -> None:
    """Delete a parked record, unless a waiting job may need it."""
    if not turn.feasible_without() or name in turn.offers or name in _named(turn):
        return
    turn.nodes[name] = reason
    turn.do_if_fresh(DeleteNode(name, reason))


def _named(turn: Turn) -> frozenset[str]:
    """The hosts (and properties) that waiting jobs name; a request that cannot be read: all."""
    names: set[str] = set()
    for job in turn.reading.jobs:
        if job.state in (JobState.COMPLETE, JobState.EXITING):
            continue
        try:
            names |= parse_request(job.resources).names
        except RequestError:
            names |= {word for text in job.resources.values() for word in _words(text)}
    return frozenset(names)


def _words(text: str) -> list[str]:
    return text.replace("+", ":").replace("#", ":").split(":")


def _size(turn: Turn, name: str) -> None:
    """While a mom starts, its node gets the slots of its grants: no time is lost later."""
    node, worker = turn.records[name], turn.workers[name]
    gpus = worker.resources.gpus if turn.policy.gpus else 0
    if node.slots or (node.np == worker.slots and gpus in (0, node.gpus)):
        return
    if node.np < worker.slots or turn.feasible_without():
        reason = because(Code.AS_GRANTED, f"its grants hold {counted(worker.slots, 'slot')}")
        turn.do_if_fresh(SetNp(name, worker.slots, reason, gpus))


def _stranded(turn: Turn, name: str) -> None:
    """Jobs on a record whose mom is gone: its agent lives without it, or is dead too."""
    agent = turn.agents.get(name)
    if agent is not None and agent.active:
        reason = because(Code.MOM_LOST, "its mom ended while jobs ran there")
    elif _dead(turn, name):
        reason = because(Code.HOST_LOST, "Mesos has lost its agent, and the server its mom")
    else:
        return
    _requeue(turn, name, PARKED_NOTE, reason)


def _unreachable(turn: Turn, name: str) -> None:
    reason = because(Code.HOST_LOST, "Mesos cannot reach its agent")
    turn.nodes[name] = reason
    if _dead(turn, name):
        _requeue(turn, name, DRAINING_NOTE, reason)


def _dead(turn: Turn, name: str) -> bool:
    """Whether the server has had no news of a mom for so long that its host must be dead."""
    down_s = turn.now_s - turn.down_since.get(name, turn.now_s)
    turn.timer(turn.down_since.get(name, turn.now_s) + turn.policy.dead_after_s)
    return turn.down(name) and down_s >= turn.policy.dead_after_s


def _taken_offline(turn: Turn, name: str, note: str, reason: Reason) -> bool:
    """Put our mark on a lost node. Behind a person's note it could not be told from that person's:

    there the node stays as it is. It is down, so no job is put on it.
    """
    if turn.marked(name):
        return turn.do_if_fresh(Offline(name, note, reason))
    if turn.records[name].note.startswith(ERROR):
        return turn.do_if_fresh(Offline(name, None, reason))
    return True


def _requeue(turn: Turn, name: str, note: str, reason: Reason) -> None:
    """Nothing new is put on a lost node, and its jobs go back into the queue."""
    node = turn.records[name]
    turn.nodes[name] = reason
    if NodeState.OFFLINE not in node.states and not _taken_offline(turn, name, note, reason):
        return
    for job_id in sorted(node.jobs):
        if job_id not in turn.rerun_at and turn.do_if_fresh(Rerun(job_id, name, reason)):
            turn.rerun_at[job_id] = turn.now_s
