from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from torque_mesos.simulate.account import Point
from torque_mesos.simulate.plot import means, svg


def test_means_keep_the_area() -> None:
    steps = [(0.0, 0.0), (10.0, 4.0), (25.0, 1.0), (60.0, 0.0)]
    assert means(steps, 100.0, 10) == pytest.approx([0, 4, 2.5, 1, 1, 1, 0, 0, 0, 0])
    for buckets in (1, 3, 7, 600):
        area = sum(means(steps, 100.0, buckets)) * 100.0 / buckets
        assert area == pytest.approx(15 * 4 + 35 * 1)


def test_means_of_a_step_within_a_part_and_past_the_end() -> None:
    assert means([(2.0, 6.0), (4.0, 0.0)], 10.0, 1) == pytest.approx([1.2])
    assert means([(5.0, 2.0), (50.0, 9.0)], 10.0, 2) == pytest.approx([0.0, 2.0])


def test_the_plot_is_xml_that_explains_itself() -> None:
    points = [Point(0, 0, 0, 0), Point(100, 8, 16, 12), Point(4000, 0, 0, 0)]
    text = svg(points, 7200.0, "small <trace>: elastic", whole=56)
    root = ElementTree.fromstring(text)
    words = " ".join(element.text or "" for element in root.iter())
    for word in ("small <trace>: elastic", "held: cpus", "used: slots", "queue: slots", "slots"):
        assert word in words
    assert "time (minutes since" in words or "time (hours since" in words
    assert "all hosts together: 56 slots" in words
    lines = {e.get("id"): e.get("points") or "" for e in root.iter() if e.tag.endswith("polyline")}
    assert set(lines) == {"held", "used", "queued"}
    for corners in lines.values():
        for x, y in re.findall(r"([\d.]+),([\d.]+)", corners):
            assert 70 <= float(x) <= 980
            assert 60 <= float(y) <= 400
    heights = {
        name: min(float(y) for _, y in re.findall(r"([\d.]+),([\d.]+)", corners))
        for name, corners in lines.items()
    }
    assert heights["held"] < heights["used"] < heights["queued"]  # upwards is more
