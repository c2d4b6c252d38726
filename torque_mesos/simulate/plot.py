"""A plot of queue, held and used slots over time, as SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

from torque_mesos.simulate.account import Point

_WIDTH, _HEIGHT = 1000, 460
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 60, 60
_BUCKETS = 600
_LINES = (
    ("held", "#1f77b4", "held: cpus that Mesos gave"),
    ("used", "#2ca02c", "used: slots of running jobs"),
    ("queued", "#d62728", "queue: slots that waiting jobs ask for"),
)


def svg(points: Sequence[Point], end_s: float, title: str, whole: int | None = None) -> str:
    """The plot as a text. `whole`: the size of the cluster, drawn as a dashed line.

    Each line shows means over a 600th of the time, so nothing that lasted is lost.
    """
    end_s = max(end_s, 1.0)
    unit_s, unit = _unit(end_s)
    values: dict[str, list[float]] = {
        name: means([(p.at_s, float(getattr(p, name))) for p in points], end_s, _BUCKETS)
        for name, _, _ in _LINES
    }
    highest = max([1.0, float(whole or 0), *(max(line) for line in values.values())])
    step = _step(highest)
    top = math.ceil(highest / step) * step

    def x(part: float) -> float:
        return _LEFT + part * (_WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return _HEIGHT - _BOTTOM - value / top * (_HEIGHT - _TOP - _BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" height="{_HEIGHT}" font-family="sans-serif" font-size="13">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="22" font-size="16">{escape(title)}</text>',
        *_legend(whole),
        *_y_axis(y, step, top),
        *_x_axis(x, end_s / unit_s, unit),
    ]
    if whole:
        parts.append(
            f'<line x1="{x(0):.1f}" x2="{x(1):.1f}" y1="{y(whole):.1f}" y2="{y(whole):.1f}" '
            'stroke="#888" stroke-dasharray="6 4"/>'
        )
    for name, colour, _ in _LINES:
        corners = " ".join(
            f"{x(number / _BUCKETS):.1f},{y(value):.1f} {x((number + 1) / _BUCKETS):.1f},"
            f"{y(value):.1f}"
            for number, value in enumerate(values[name])
        )
        parts.append(
            f'<polyline id="{name}" points="{corners}" fill="none" stroke="{colour}" '
            'stroke-width="1.4"/>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def means(steps: Sequence[tuple[float, float]], end_s: float, buckets: int) -> list[float]:
    """A step function's means over `buckets` equal parts of 0 to `end_s`; 0 before its first."""
    width_s = end_s / buckets
    sums = [0.0] * buckets
    ends = [at_s for at_s, _ in steps[1:]] + [end_s]
    for (from_s, value), to_s in zip(steps, ends, strict=False):
        at_s = max(0.0, from_s)
        while value and at_s < min(to_s, end_s):
            number = min(buckets - 1, int(at_s / width_s))
            until_s = min(to_s, end_s)
            if number < buckets - 1:
                until_s = min(until_s, (number + 1) * width_s)
            if until_s <= at_s:  # rounding: at the end of a bucket
                number, until_s = number + 1, min(to_s, end_s, (number + 2) * width_s)
            sums[number] += value * (until_s - at_s)
            at_s = until_s
    return [total / width_s for total in sums]


def _unit(end_s: float) -> tuple[float, str]:
    for seconds, name, most in ((1.0, "seconds", 600), (60.0, "minutes", 600)):
        if end_s <= seconds * most:
            return seconds, name
    return (3600.0, "hours") if end_s <= 4 * 86400 else (86400.0, "days")


def _step(highest: float, lines: int = 6) -> float:
    """A round distance of some `lines` lines up to `highest`."""
    raw = highest / lines
    power = 10.0 ** math.floor(math.log10(raw)) if raw > 0 else 1.0
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)


def _legend(whole: int | None) -> list[str]:
    entries = [(colour, "", text) for _, colour, text in _LINES]
    if whole:
        entries.append(("#888", ' stroke-dasharray="6 4"', f"all hosts together: {whole} slots"))
    parts, at = [], float(_LEFT)
    for colour, dash, text in entries:
        parts.append(
            f'<line x1="{at:.0f}" x2="{at + 20:.0f}" y1="40" y2="40" stroke="{colour}" '
            f'stroke-width="2"{dash}/><text x="{at + 25:.0f}" y="44" font-size="12">'
            f"{escape(text)}</text>"
        )
        at += 45 + 6.4 * len(text)
    return parts


def _y_axis(y: Callable[[float], float], step: float, top: float) -> list[str]:
    parts = []
    for number in range(round(top / step) + 1):
        value = number * step
        parts.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" '
            f'stroke="#ddd"/><text x="{_LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">'
            f"{value:g}</text>"
        )
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    parts.append(
        f'<text x="18" y="{middle:.0f}" text-anchor="middle" '
        f'transform="rotate(-90 18 {middle:.0f})">slots</text>'
    )
    return parts


def _x_axis(x: Callable[[float], float], length: float, unit: str) -> list[str]:
    base = _HEIGHT - _BOTTOM
    parts = [f'<line x1="{x(0):.1f}" x2="{x(1):.1f}" y1="{base}" y2="{base}" stroke="black"/>']
    step = _step(length, 10)
    for number in range(int(length / step) + 1):
        at = x(number * step / length)
        parts.append(
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{base}" y2="{base + 5}" stroke="black"/>'
            f'<text x="{at:.1f}" y="{base + 20}" text-anchor="middle">{number * step:g}</text>'
        )
    parts.append(
        f'<text x="{(x(0) + x(1)) / 2:.0f}" y="{_HEIGHT - 18}" text-anchor="middle">'
        f"time ({unit} since the cluster started)</text>"
    )
    return parts
