"""`torque-mesos plan`: a dry run, as a person and as a program reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from torque_mesos.cli.show import printable
from torque_mesos.decide import Plan, Policy
from torque_mesos.decide.reason import Reason
from torque_mesos.framework.journal import Written, plain_action
from torque_mesos.simulate.forecast import Forecast, forecast
from torque_mesos.simulate.replay import sentence

API_VERSION = 1
_QUIET = frozenset({"Decline", "Revive", "Suppress", "Wake"})


def settled(turn: Written) -> bool:
    """Whether a turn has left nodes and tasks as it found them; else another one follows."""
    return all(action["action"] in _QUIET for action in turn.actions)


def dry_run(turn: Written, now: float, policy: Policy | None = None) -> dict[str, Any]:
    """What would be done now, and next, as JSON values. `now`: seconds since 1970.

    `policy`: other settings than those of the framework. A turn that is not `settled` is told
    as it was: what it did is under way.
    """
    age_s = max(0.0, now - turn.at_s)
    values: dict[str, Any] = {"api": API_VERSION, "turn": turn.turn, "age_s": round(age_s, 3)}
    if not settled(turn) and policy is None:
        return {**values, "under_way": list(turn.actions), "now": [], "next": None}
    found = forecast(turn.snapshot, policy or turn.policy, turn.snapshot.now_s + age_s)
    return {
        **values,
        "under_way": [],
        "now": _actions(found.now),
        "next": _next(found),
        "jobs": _reasons(found.now.jobs),
        "nodes": _reasons(found.now.nodes),
    }


def with_settings(turn: Written, make: Callable[[str, str | None], Policy]) -> Policy:
    """The policy of other settings, for the same framework: executors and server as they are."""
    same = turn.policy
    policy = make(same.generation, same.capacity_record)
    return replace(policy, capacity_np=same.capacity_np)


def _actions(plan: Plan) -> list[dict[str, Any]]:
    return [plain_action(action) for action in plan.actions]


def _next(found: Forecast) -> dict[str, Any] | None:
    if found.next is None or found.next_s is None:
        return None
    return {"in_s": round(found.next_s, 3), "actions": _actions(found.next)}


def _reasons(reasons: Mapping[str, Reason]) -> dict[str, Any]:
    return {
        name: {"code": reason.code.value, "text": reason.text, "numbers": dict(reason.numbers)}
        for name, reason in sorted(reasons.items())
    }


def lines(values: dict[str, Any]) -> Iterator[str]:
    """The same for a person."""
    yield f"after turn {values['turn']}, {values['age_s']:.0f} s ago:"
    if values["under_way"]:
        yield "under way, as that turn decided:"
        yield from _told(values["under_way"])
        return
    if values["now"]:
        yield "would be done now:"
        yield from _told(values["now"])
    else:
        yield "nothing would be done now"
    if values["next"]:
        yield f"if nothing happens, in {values['next']['in_s']:.0f} s:"
        yield from _told(values["next"]["actions"])
    for what in ("jobs", "nodes"):
        if values[what]:
            yield f"{what}:"
            for name, reason in values[what].items():
                yield printable(f"  {name}: {reason['text']} [{reason['code']}]")


def _told(actions: list[dict[str, Any]]) -> Iterator[str]:
    for action in actions:
        yield printable(f"  {sentence(action)} [{action['reason']['code']}]")
