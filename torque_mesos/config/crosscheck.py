"""What settings must be towards each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torque_mesos.config.checks import openpbs_resource

if TYPE_CHECKING:
    from torque_mesos.config.models import Settings
    from torque_mesos.config.sections import SafeAllocation


@dataclass(frozen=True, slots=True)
class CrossProblem:
    """`key` (dotted) has a `value` that does not fit another key's; `right` says what would."""

    key: str
    value: Any
    right: str


class CrossError(ValueError):
    """Settings that do not fit each other, all of them."""

    def __init__(self, problems: tuple[CrossProblem, ...]) -> None:
        super().__init__(
            "; ".join(f"{item.key} = {item.value!r}: {item.right}" for item in problems)
        )
        self.problems = problems


def cross_problems(settings: Settings) -> Iterator[CrossProblem]:
    """Everything that does not fit."""
    from torque_mesos.config.crosscheck_pools import pool_problems

    yield from _shares(settings)
    yield from _floor(settings)
    yield from pool_problems(settings)
    yield from _mesos(settings)
    yield from _batch(settings)
    yield from _executor(settings)
    yield from _names(settings)


def _shares(settings: Settings) -> Iterator[CrossProblem]:
    for part in ("cpus", "mem_mb"):
        own = getattr(settings.executor, part)
        slot = getattr(settings.min_compute_node, part)
        if own >= slot:
            yield CrossProblem(
                f"executor.{part}",
                own,
                f"should be less than min_compute_node.{part} ({slot:g}), for it is taken "
                "out of a node's first slot",
            )


def _floor(settings: Settings) -> Iterator[CrossProblem]:
    limit = settings.safe_allocation
    yield from floor_problems(settings, "min_slots_held", settings.min_slots_held, limit)
    for number, schedule in enumerate(settings.schedules):
        yield from floor_problems(settings, f"schedules.{number}.slots", schedule.slots, limit)


def floor_problems(
    settings: Settings, key: str, slots: int, limit: SafeAllocation
) -> Iterator[CrossProblem]:
    """What keeps a floor from fitting into a limit."""
    if not slots:
        return
    if limit.nodes == 0:
        yield CrossProblem(key, slots, "should be 0, for safe_allocation.nodes is 0")
    for part in ("cpus", "mem_mb"):
        ceiling = getattr(limit, part)
        slot = getattr(settings.min_compute_node, part)
        if ceiling is not None and slots * slot > ceiling + 1e-6:
            yield CrossProblem(
                key,
                slots,
                f"should fit into safe_allocation.{part} ({ceiling:g}): at most "
                f"{int(ceiling / slot + 1e-9)} slots of min_compute_node.{part} ({slot:g})",
            )


def _mesos(settings: Settings) -> Iterator[CrossProblem]:
    mesos = settings.mesos
    if mesos.secret_file is not None and mesos.principal is None:
        yield CrossProblem("mesos.principal", None, "should be set, for mesos.secret_file is")
    if mesos.principal is not None and mesos.secret_file is None:
        yield CrossProblem("mesos.secret_file", None, "should be set, for mesos.principal is")


def _batch(settings: Settings) -> Iterator[CrossProblem]:
    batch = settings.batch
    ports: dict[int, str] = {}
    for key in ("server_port", "mom_service_port", "mom_manager_port"):
        port = getattr(batch, key)
        if port in ports:
            yield CrossProblem(f"batch.{key}", port, f"should differ from batch.{ports[port]}")
        ports.setdefault(port, key)
    if batch.kind == "openpbs":
        yield from _openpbs(settings)
    elif batch.watch == "hook":
        yield CrossProblem(
            "batch.watch", "hook", 'should be "auto": only OpenPBS has hooks (batch.kind)'
        )
    yield from _maui(settings)
    if batch.kind == "builtin" and batch.calls == "library":
        yield CrossProblem(
            "batch.calls", "library", 'should be "auto": the built-in server has no library'
        )
    if batch.kind != "builtin":
        if batch.hosts:
            yield CrossProblem(
                "batch.hosts", dict(batch.hosts), 'should be left out, or batch.kind be "builtin"'
            )
        for key, usual in (("delay_scale", 1.0), ("auth", "")):
            if (value := getattr(batch, key)) != usual:
                yield CrossProblem(
                    f"batch.{key}", value, 'should be left out, or batch.kind be "builtin"'
                )


def _maui(settings: Settings) -> Iterator[CrossProblem]:
    batch = settings.batch
    if batch.scheduler == "maui" and batch.kind != "torque":
        right = f'should be "auto" or left out, for batch.kind is "{batch.kind}"'
        yield CrossProblem("batch.scheduler", "maui", right)
    if batch.maui_config is not None and batch.scheduler == "pbs_sched":
        right = 'should be left out, or batch.scheduler be "maui" (or "none": it runs elsewhere)'
        yield CrossProblem("batch.maui_config", str(batch.maui_config), right)
    own = batch.scheduler in ("auto", "maui")
    if batch.maui_config is not None and own and batch.maui_config.name != "maui.cfg":
        right = "should end in maui.cfg: Maui looks for no other name in its home"
        yield CrossProblem("batch.maui_config", str(batch.maui_config), right)


def _openpbs(settings: Settings) -> Iterator[CrossProblem]:
    if settings.executor.momctl is not None:
        yield CrossProblem(
            "executor.momctl",
            str(settings.executor.momctl),
            'should be left out, for batch.kind is "openpbs", which has none',
        )
    for name in settings.node_properties:
        if not openpbs_resource(name):
            yield CrossProblem(
                "node_properties",
                name,
                "should be a letter, then letters, digits, '_' and '-', and no resource that"
                " every node has, for it becomes a resource of OpenPBS",
            )


def _names(settings: Settings) -> Iterator[CrossProblem]:
    taken: dict[str, str] = {}
    for agent, node in settings.names.nodes.items():
        if node in taken:
            yield CrossProblem(
                f"names.nodes.{agent}", node, f"should differ from that of {taken[node]}"
            )
        taken.setdefault(node, agent)


def _executor(settings: Settings) -> Iterator[CrossProblem]:
    executor = settings.executor
    if executor.delivery == "path" and executor.path is None:
        yield CrossProblem("executor.path", None, 'should be set, for executor.delivery is "path"')
    if executor.delivery == "uri" and executor.path is not None:
        yield CrossProblem(
            "executor.path",
            str(executor.path),
            'should be left out, or executor.delivery be "path"',
        )
    if settings.batch.kind == "builtin":
        for key in ("pbs_mom", "momctl"):
            value = getattr(executor, key)
            if value is not None:
                yield CrossProblem(
                    f"executor.{key}",
                    str(value),
                    'should be left out, for batch.kind is "builtin", which brings its own',
                )
    for name in executor.environment:
        if not name.isidentifier() or not name.isascii():
            yield CrossProblem(
                "executor.environment", name, "should name variables: letters, digits and '_'"
            )
