"""Reports side by side, as a person reads them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from torque_mesos.simulate.report import Report

_ROWS: tuple[tuple[str, Callable[[Report], str]], ...] = (
    ("jobs that ran", lambda r: f"{r.ended:,}"),
    ("jobs that never came to run", lambda r: f"{r.unended:,}"),
    ("jobs that never fit beside the other framework", lambda r: f"{r.beside:,}"),
    ("wait, mean", lambda r: duration(r.waits.mean_s)),
    ("wait, p50", lambda r: duration(r.waits.p50_s)),
    ("wait, p95", lambda r: duration(r.waits.p95_s)),
    ("wait, p99", lambda r: duration(r.waits.p99_s)),
    ("slowdown, mean", lambda r: f"{r.waits.slowdown:,.1f}"),
    ("utilisation of all hosts", lambda r: f"{r.utilisation:.1%}"),
    ("cpu-hours used", lambda r: f"{r.used_cpu_h:,.1f}"),
    ("cpu-hours held", lambda r: f"{r.held_cpu_h:,.1f}"),
    ("cpu-hours wasted", lambda r: f"{r.wasted_cpu_h:,.1f}"),
    ("cpu-hours lost by faults", lambda r: f"{r.lost_cpu_h:,.1f}"),
    ("held / used", lambda r: f"{r.held_per_used:.3f}"),
    ("node-hours held", lambda r: f"{r.held_node_h:,.1f}"),
    ("GB-hours of memory held", lambda r: f"{r.held_mem_gb_h:,.1f}"),
    ("gpu-hours held / used", lambda r: f"{r.held_gpu_h:,.1f} / {r.used_gpu_h:,.1f}"),
    ("starts / stops", lambda r: f"{r.starts:,} / {r.stops:,}"),
    ("cost", lambda r: f"{r.cost:,.2f}"),
    ("turns of decide", lambda r: f"{r.turns:,}" if r.turns else ""),
    ("computed in", lambda r: f"{r.wall_s:.1f} s"),
)


def picture(reports: Sequence[Report]) -> RenderableType:
    """Tables with a column for each run: figures, waits by size, and what was held for what."""
    table = _table("", *(report.mode for report in reports))
    for name, value in _ROWS:
        table.add_row(name, *(value(report) for report in reports))
    sizes = _table("wait, mean (p95)", *(report.mode for report in reports))
    names = {name: None for report in reports for name in report.by_size}
    for name in names:
        cells = []
        for report in reports:
            found = report.by_size.get(name)
            cells.append(f"{duration(found.mean_s)} ({duration(found.p95_s)})" if found else "")
        sizes.add_row(name, *cells)
    parts: list[RenderableType] = [table, Text(), sizes]
    if names := {name: None for report in reports for name in report.uses_cpu_h}:
        held = _table("held cpu-hours by use", *(report.mode for report in reports))
        for name in names:
            cells = [f"{r.uses_cpu_h[name]:,.1f}" if r.uses_cpu_h else "" for r in reports]
            held.add_row(name, *cells)
        parts += [Text(), held]
    return Group(*parts)


def _table(first: str, *columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def duration(seconds: float) -> str:
    """A time as a person says it: `0.31 s`, `12 min`, `3.4 h`."""
    if seconds < 100:
        return f"{seconds:.2f} s"
    if seconds < 6000:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"
