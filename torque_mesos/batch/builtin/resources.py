"""Kinds of values, and the resources that a job may ask for."""

from __future__ import annotations

import re
from typing import Dict, Optional

from .errors import BADATVAL, UNKRESC, PbsError
from .home import clock

BOOLEAN, NUMBER, TEXT, DURATION, SIZE = "boolean", "number", "text", "duration", "size"
FREQUENCY = "frequency"

_NUMBERS = """cpupercent ncpus nice nodect procs procct taskspn gpus mics size mppe mppwidth
    mppdepth mppnppn mppnodect"""
_DURATIONS = "cput pcput walltime mppt pmppt mpptime"
_SIZES = "file mem pmem vmem pvmem pf ppf mppmem maxmem"
# Words that schedulers understand; to the server they are texts.
_TEXTS = """nodes neednodes arch host software opsys os other feature epilogue prologue gres
    naccesspolicy nallocpolicy qos advres trl depend deadline ddisk dmem flags gattr geometry
    gmetric hostlist image jgroup jobflags latency loglevel minprocspeed minpreempttime
    minwclimit nodeset partition pref queuejob reqattr retrycount retrycc rmtype select sid
    signal stagein spriority subnode subnode_list taskdistpolicy template termsig termtime tid
    tpn trig var vcores wcrequeue mppnodes mpplabels mpphost mpparch"""
RESOURCES: Dict[str, str] = {
    **dict.fromkeys(_NUMBERS.split(), NUMBER),
    **dict.fromkeys(_DURATIONS.split(), DURATION),
    **dict.fromkeys(_SIZES.split(), SIZE),
    **dict.fromkeys(_TEXTS.split(), TEXT),
    "cpuclock": FREQUENCY,
}
_YES = ("true", "t", "y", "1")
_NO = ("false", "f", "n", "0")


def normal(kind: str, name: str, value: str) -> str:
    """`value` in the form in which TORQUE shows it. Raises `PbsError` (BADATVAL)."""
    if kind == BOOLEAN:
        if value.lower() in _YES:
            return "True"
        if value.lower() in _NO:
            return "False"
    elif kind == NUMBER:
        if value.lstrip("+-").isdigit():
            return str(int(value))
    elif kind == DURATION:
        total = _duration_s(value)
        if total is not None:
            return clock(total)
    elif kind == SIZE:
        found = re.fullmatch(r"(\d+)([kmgt]?[bw]?)", value.lower())
        if found is not None:
            return found[1] + (found[2] or "b")
    elif kind == FREQUENCY:
        return f"{value}MHz" if value.isdigit() else value
    else:
        return value
    raise PbsError(BADATVAL, detail=f" {name}")


def _duration_s(value: str) -> Optional[int]:
    """The seconds of `[[[days:]hours:]minutes:]seconds[.fraction]`, rounded; None if it is none.

    As TORQUE reads it, what is left out is 0 and half a second is a whole one.
    """
    found = re.fullmatch(r"((?:[0-9]*:){0,3})([0-9]*)(\.[0-9]*)?", value)
    if found is None or not value:
        return None
    parts = [int(part or 0) for part in found[1].split(":")[:-1]]
    days = parts.pop(0) if len(parts) == 3 else 0
    total = 0
    for part in (*parts, int(found[2] or 0)):
        total = total * 60 + part
    half = (found[3] or "")[1:2] >= "5"
    return days * 86400 + total + half


def resource(prefix: str, name: str, value: str) -> str:
    """A resource's value in TORQUE's form. Raises `PbsError` (UNKRESC, BADATVAL)."""
    if name not in RESOURCES:
        raise PbsError(UNKRESC, detail=f" {prefix}.{name}")
    return normal(RESOURCES[name], f"{prefix}.{name}", value)
