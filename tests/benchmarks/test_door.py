"""The one door to the benchmarks."""

from __future__ import annotations

import json
import types
from collections.abc import Iterable

import pytest

import benchmarks.__main__ as door
from benchmarks import offer_stream
from benchmarks.result import Result
from torque_mesos.model import Resources


def _benchmark(*results: Result | Exception, needs_torque: bool = False) -> types.SimpleNamespace:
    def run() -> Iterable[Result]:
        for result in results:
            if isinstance(result, Exception):
                raise result
            yield result

    return types.SimpleNamespace(run=run, NEEDS_TORQUE=needs_torque, __doc__="Measures.\n\nMore.")


FAST = Result("fast", 0.5, "s", reference="the other way", ratio=0.25, size="10 jobs")
ALONE = Result("alone", 1234.0, "jobs/s")


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {
        "fast": _benchmark(FAST, ALONE),
        "broken": _benchmark(RuntimeError("no such luck")),
        "torque": _benchmark(ALONE, needs_torque=True),
    }
    monkeypatch.setattr(door, "found", lambda: there)


@pytest.mark.usefixtures("three")
def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert door.main(["fast", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        {
            "name": "fast",
            "value": 0.5,
            "unit": "s",
            "reference": "the other way",
            "ratio": 0.25,
            "size": "10 jobs",
        },
        {
            "name": "alone",
            "value": 1234.0,
            "unit": "jobs/s",
            "reference": "",
            "ratio": None,
            "size": "",
        },
    ]


@pytest.mark.usefixtures("three")
def test_a_row_says_it_all(capsys: pytest.CaptureFixture[str]) -> None:
    door.main(["fast"])
    first, second = capsys.readouterr().out.splitlines()
    assert " ".join(first.split()) == "fast 0.5 s (0.25 x the other way) [10 jobs]"
    assert " ".join(second.split()) == "alone 1234 jobs/s"


@pytest.mark.usefixtures("three")
def test_without_names_all_run_that_need_no_torque_even_after_a_failure(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert door.main([]) == 1
    captured = capsys.readouterr()
    assert captured.out.count("alone") == 1
    assert "broken failed" in captured.err
    assert "no such luck" in captured.err


@pytest.mark.usefixtures("three")
def test_an_unknown_name_is_told_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert door.main(["fast", "slow"]) == 2
    captured = capsys.readouterr()
    assert captured.err == "no benchmark slow; there are: fast, broken, torque\n"
    assert captured.out == ""


@pytest.mark.usefixtures("three")
def test_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert door.main(["--list"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines == ["fast Measures.", "broken Measures.", "torque Measures. (needs TORQUE)"]


def test_the_real_ones_are_found() -> None:
    found = door.found()
    assert "offer_stream" in found
    assert "result" not in found


def test_the_offer_stream_gives_every_offer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offer_stream, "OFFERS", 50)
    monkeypatch.setattr(offer_stream, "ROUNDS", 1)
    (result,) = offer_stream.run()
    assert result.ratio is not None
    assert result.name == "offer_stream"
    _, offers = offer_stream._read(offer_stream.chunk(offer_stream.event(3)))
    assert [offer.hostname for offer in offers] == [f"n{i}.cluster.example.org" for i in range(3)]
    assert offers[0].resources == Resources(31.9, 256_000, 2)
    assert offers[2].attributes["rack"] == "r2"
