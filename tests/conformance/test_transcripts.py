"""Every recorded command, in the situation it was recorded in, is answered alike."""

from __future__ import annotations

import difflib

import pytest

from tests.conformance import transcript
from tests.conformance.differences import differences, of, unasked, without
from tests.conformance.normal import normal
from tests.conformance.site import Site
from tests.conformance.steps import Asked
from tests.conformance.stories import CASES, SLOW, STORIES
from tests.conformance.transcript import Answer
from tests.node_ids import is_a_test

_TOLD: dict[str, dict[str, Answer | Exception]] = {}


def play(site: Site, story: str, record: bool) -> dict[str, Answer | Exception]:
    """All answers of a story, which is played once; with `record` new ones are kept."""
    if story not in _TOLD:
        told = _TOLD[story] = {}
        site.fresh(slow=story in SLOW)
        for step in STORIES[story]:
            if callable(step):
                try:
                    step(site)
                except AssertionError as error:
                    told[f"step {len(told)}"] = error
                continue
            asked = step if isinstance(step, Asked) else transcript.load(step)
            if all(each.asked for each in of(site.kind, asked.name)):
                answer = site.run(asked.argv, asked.who, asked.host)
                told[asked.name] = answer
                if record and not transcript.exists(asked.name):
                    transcript.record(asked.name, asked.argv, asked.who, asked.host, answer)
    return _TOLD[story]


@pytest.mark.system
@pytest.mark.parametrize(("story", "name"), CASES, ids=[name for _, name in CASES])
def test_it_is_answered_alike(
    site: Site, story: str, name: str, request: pytest.FixtureRequest
) -> None:
    record = bool(request.config.getoption("--record", False))
    if record:
        play(site, story, record)
    wanted = transcript.load(name)
    known = of(site.kind, name)
    if not all(each.asked for each in known):
        pytest.skip(f"not asked: {known[0].why}")
    if not site.has_roles and (wanted.who != "root" or "as root" in name or name == "02-qsub-root"):
        pytest.skip("needs three accounts; without root there is one")
    told = play(site, story, record)
    answer = told[name]
    assert isinstance(answer, Answer)
    problems = [each for each in told.values() if isinstance(each, Exception)]
    code, out, err = normal(answer)
    expected = normal(wanted.answer)
    if not known:
        assert (code, out, err) == expected, f"{_difference(expected, normal(answer))}\n{problems}"
        return
    assert (code, out, err) != expected, "it is answered alike: the difference is to be forgotten"
    ignored = sum((each.ignore for each in known), ())
    if ignored:
        want = (expected[0], without(expected[1], ignored), without(expected[2], ignored))
        have = (code, without(out, ignored), without(err, ignored))
        assert have == want, f"{_difference(want, have)}\n{problems}"


def _difference(
    wanted: tuple[int, list[str], list[str]], had: tuple[int, list[str], list[str]]
) -> str:
    rows = [
        [f"exit {code}", "--- stdout", *out, "--- stderr", *err] for code, out, err in (wanted, had)
    ]
    return "\n".join(difflib.unified_diff(*rows, "recorded", "here", lineterm="", n=1))


def test_every_recorded_command_is_asked_or_has_a_reason() -> None:
    covered = [name for _, name in CASES]
    reasons = [name for each in unasked() for name in each.names]
    assert len(covered) == len(set(covered))
    assert len(reasons) == len(set(reasons))
    assert not set(covered) & set(reasons)
    assert sorted({*covered, *reasons}) == sorted(transcript.names() + transcript.experiments())


def test_the_reasons_name_tests_that_are_there() -> None:
    for each in unasked():
        assert each.why or each.tests
        for name in each.tests:
            assert is_a_test(name), name


def test_what_is_asked_is_what_was_recorded() -> None:
    steps = [step for steps in STORIES.values() for step in steps if isinstance(step, Asked)]
    for step in steps:
        found = transcript.load(step.name)
        assert (step.argv, step.who, step.host) == (found.argv, found.who, found.host), step.name


def test_differences_are_of_transcripts() -> None:
    for kind in ("builtin", "torque"):
        for each in differences(kind):
            assert set(each.transcripts) <= set(transcript.names())
            assert each.what
            assert each.why
