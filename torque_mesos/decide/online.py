"""What goes online: nodes that are ready, with the slots of their grants."""

from __future__ import annotations

from torque_mesos.decide.growth import Growth, growable
from torque_mesos.decide.plan import Online, SetNp, Wake
from torque_mesos.decide.reason import Code, Reason, counted
from torque_mesos.decide.turn import Turn, because
from torque_mesos.decide.worker import PARKED_NOTE, Phase

_READY = Reason(Code.READY, "ready for jobs")


def bring_online(turn: Turn, growth: Growth) -> None:
    """Nodes that are ready go online, but for those that wait for the rest of a job's nodes."""
    in_phase = turn.known.in_phase
    ready = in_phase.get(Phase.READY, ())
    usable = {name for name in ready if not turn.stopping(name) and not turn.unreachable(name)}
    usable = {name for name in usable if turn.leaving(name) is None}
    undrained = {name for name in growth.online if turn.phases[name] is Phase.DRAINING}
    names = (usable - (growth.held_back - growth.online)) | undrained
    names = {name for name in names if not turn.ending(name)}
    unmarked = {
        name for name in in_phase.get(Phase.ONLINE, ()) if turn.records[name].note == PARKED_NOTE
    }
    sized = sorted({name for name in names if _np_as_granted(turn, name)} | unmarked)
    if sized and turn.do_if_fresh(Online(tuple(sized), _READY)):
        growth.wake = True
        turn.nodes.update(dict.fromkeys(sized, _READY))
    elif sized:
        growth.wake = False
    if _raise_np(turn):
        growth.wake = True
    if growth.wake and growth.waiting:
        turn.woken_s = turn.now_s
        turn.do(Wake(because(Code.RUNS_SOON, "there are free slots and waiting jobs")))


def _np_as_granted(turn: Turn, name: str) -> bool:
    """See to it that a node that goes online has the slots of its grants."""
    node, slots = turn.records[name], turn.workers[name].running_slots
    if node.np == slots and not _gpus_to_set(turn, name):
        return True
    if node.np > slots and (turn.slots_in_use(name) > slots or not turn.feasible_without()):
        return False  # it may not fall now
    return _set_np(turn, name, slots)


def _raise_np(turn: Turn) -> bool:
    """Give online nodes the slots of grants that they got meanwhile. Raising is always safe."""
    raised = False
    for name in turn.known.in_phase.get(Phase.ONLINE, ()):
        if name in turn.workers:
            slots = max(turn.usable_slots(name), turn.records[name].np)
            more = slots > turn.records[name].np or _gpus_to_set(turn, name) > 0
            raised |= more and growable(turn, name) and _set_np(turn, name, slots)
    return raised


def _set_np(turn: Turn, name: str, slots: int) -> bool:
    reason = because(Code.AS_GRANTED, f"its grants hold {counted(slots, 'slot')}", slots=slots)
    done = turn.do_if_fresh(SetNp(name, slots, reason, _gpus_to_set(turn, name)))
    if done and slots > turn.records[name].np:
        turn.raised(name)
    return done


def _gpus_to_set(turn: Turn, name: str) -> int:
    """How many gpus a record is to have, 0 where it says so already (or there are none)."""
    held = turn.workers[name].running_gpus if turn.policy.gpus else 0
    return held if held != turn.records[name].gpus else 0
