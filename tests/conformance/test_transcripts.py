"""Every recorded command, in the situation it was recorded in, is answered alike."""

from __future__ import annotations

import difflib

import pytest

from tests.conformance import transcript
from tests.conformance.command_stories import STORIES
from tests.conformance.differences import differences, of, without
from tests.conformance.normal import normal
from tests.conformance.site import Site
from tests.conformance.stories import NOT_TOLD, SLOW
from tests.conformance.transcript import Answer

_TOLD: dict[str, dict[str, Answer | Exception]] = {}
CASES = [(story, step) for story, steps in STORIES.items() for step in steps if type(step) is str]


def play(site: Site, story: str) -> dict[str, Answer | Exception]:
    """All answers of a story, which is played once."""
    if story not in _TOLD:
        told = _TOLD[story] = {}
        site.fresh(slow=story in SLOW)
        for step in STORIES[story]:
            if isinstance(step, str) and not all(each.asked for each in of(site.kind, step)):
                continue
            if isinstance(step, str):
                wanted = transcript.load(step)
                told[step] = site.run(wanted.argv, wanted.who, wanted.host)
            else:
                try:
                    step(site)
                except (AssertionError, TimeoutError) as error:
                    told[f"step {len(told)}"] = error
    return _TOLD[story]


@pytest.mark.system
@pytest.mark.parametrize(("story", "name"), CASES, ids=[name for _, name in CASES])
def test_it_is_answered_alike(site: Site, story: str, name: str) -> None:
    wanted = transcript.load(name)
    known = of(site.kind, name)
    if not all(each.asked for each in known):
        pytest.skip(f"not asked: {known[0].why}")
    if not site.has_roles and (wanted.who != "root" or "as root" in name or name == "02-qsub-root"):
        pytest.skip("needs three accounts; without root there is one")
    told = play(site, story)
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


def test_every_transcript_has_its_situation() -> None:
    covered = [name for _, name in CASES]
    assert sorted({*covered, *NOT_TOLD}) == transcript.names()
    assert len(covered) == len(set(covered))


def test_differences_are_of_transcripts() -> None:
    for kind in ("builtin", "torque"):
        for each in differences(kind):
            assert set(each.transcripts) <= set(transcript.names())
            assert each.what
            assert each.why
