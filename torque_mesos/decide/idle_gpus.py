"""Gpus that are taken for no job: a record that says that there are gpus cannot say that none is.

TORQUE does not let it, and would put jobs there for them. So a mom that is started on such a
record gets one at least, which counts for the bounds as any other.
"""

from __future__ import annotations

from dataclasses import replace

from torque_mesos.decide.growth import Growth
from torque_mesos.decide.turn import Turn
from torque_mesos.model import Resources


def idle_gpus(turn: Turn, growth: Growth, name: str, wanted: int = 0) -> int:
    """How many gpus a launch on offers takes beside those that are wanted there.

    One where it is the first on such a host and wants none; -1 where an earlier one took it.
    """
    if name in growth.idle_gpus:
        return -1 if wanted else 0
    first = name not in growth.launches and name not in turn.workers
    return int(first and not wanted and turn.says_gpus(name))


def note_gpus(turn: Turn, growth: Growth, name: str, wanted: int = 0) -> None:
    """Note what `idle_gpus` tells of a launch that is to be."""
    more = idle_gpus(turn, growth, name, wanted)
    if more > 0:
        growth.idle_gpus.add(name)
    elif more < 0:
        growth.idle_gpus.discard(name)


def asked_for(growth: Growth, name: str, extra: Resources) -> Resources:
    """What of that which a launch takes beside its slots is wanted there."""
    return replace(extra, gpus=extra.gpus - 1) if name in growth.idle_gpus else extra
