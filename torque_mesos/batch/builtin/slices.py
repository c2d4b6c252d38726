"""Long pieces of work, done in slices: whoever else asks the server is answered in between."""

from __future__ import annotations

import time
from typing import Callable, Iterator, Optional

from .errors import PbsError
from .loop import Loop

SLICE_S = 0.1

Finished = Callable[[Optional[PbsError]], None]


def in_slices(loop: Loop, steps: Iterator[object], finished: Finished) -> None:
    """Take all steps, some at once and the others in later turns of the loop.

    `finished` is called in the end, with the `PbsError` of the step that was the last for it.
    """
    until = time.monotonic() + SLICE_S
    try:
        for _ in steps:
            if time.monotonic() >= until:
                loop.call_later(0, lambda: in_slices(loop, steps, finished))
                return
    except PbsError as error:
        finished(error)
        return
    finished(None)
