"""Which situation each recorded command was given in.

A story begins with a new server; its steps are transcripts, and functions that bring
about what the next transcripts need. Each module has a table of stories by their names.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.conformance.steps import Asked, Step
from tests.conformance.stories import (
    alterations,
    arrays,
    basics,
    dependencies,
    dotted,
    ends,
    faults,
    holds,
    limits,
    logs,
    marks,
    mix,
    moms,
    options,
    pelogs,
    queues,
    retries,
    routes,
    running,
    shutdown,
    tasks,
    usages,
)

STORIES: dict[str, Sequence[Step]] = {}
_EARLY = (basics, mix, marks, arrays, dependencies, holds, queues, faults, options, alterations)
_LATER = (usages, running, routes, ends, shutdown, pelogs, tasks, dotted, moms, retries, logs)
for _module in (*_EARLY, *_LATER, limits):
    assert not set(STORIES) & set(_module.STORIES)
    STORIES.update(_module.STORIES)

# Here a command must find what lasts ten seconds with TORQUE.
SLOW = ("qmgr", "a new node")

CASES = [
    (story, step.name if isinstance(step, Asked) else step)
    for story, steps in STORIES.items()
    for step in steps
    if isinstance(step, Asked | str)
]
"""Every recorded command that is asked: (story, transcript)."""
