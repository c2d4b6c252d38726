"""Many changes are written in parts, so that nobody waits for all of them at once."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from torque_mesos.batch.builtin.state import KEEP_AT, State


def test_long_work_is_written_while_it_goes_on() -> None:
    changed: set[str] = set()
    turns: list[Callable[[], None]] = []
    written: list[int] = []

    class Store:
        @property
        def waiting(self) -> int:
            return len(changed)

        def put(self, _kind: str, key: str, _record: object) -> None:
            changed.add(key)

        def flush(self) -> None:
            written.append(len(changed))
            changed.clear()

    state: Any = State.__new__(State)
    state.store, state.jobs, state.touched, state._trouble = Store(), {}, set(), ""
    state.accounting = SimpleNamespace(flush=lambda: None)
    state.loop = SimpleNamespace(call_later=lambda _delay, call: turns.append(call))
    for number in range(3 * KEEP_AT):
        state.save_job(SimpleNamespace(job_id=f"{number}.head", array_id=None))
        if number % 100 == 0:
            while turns:
                turns.pop()()
    assert len(written) == 2
    assert max(written) <= KEEP_AT + 100
