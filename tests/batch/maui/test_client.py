"""What Maui's commands answer, as recorded, and what is made of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.batch.recorded import FakeRunner, recorded
from torque_mesos.batch.base import ServerUnreachable, UnreadableAnswer
from torque_mesos.batch.commands import Answer
from torque_mesos.batch.maui.client import KeyDiffers, MauiCommands, ShortNode, short_nodes


@pytest.fixture
def runner():
    return FakeRunner()


@pytest.fixture
def maui(runner):
    return MauiCommands(Path("/opt/maui/bin"), runner)


def test_one_that_is_away_one_with_another_key_and_one_that_says_nothing_do_not_answer(
    maui, runner
):
    runner.answer("showq", by=recorded("showq", "maui"))
    maui.answers()
    runner.answer("showq", by=recorded("showq-away", "maui"))
    with pytest.raises(ServerUnreachable, match="may not be running"):
        maui.answers()
    runner.answer("showq", by=recorded("showq-other-key", "maui"))
    with pytest.raises(KeyDiffers, match="lost connection"):
        maui.answers()
    runner.answer("showq", by=Answer(("showq",), 0, "", ""))
    with pytest.raises(UnreadableAnswer):
        maui.answers()


def test_jobs_that_are_only_deferred_are_found_and_those_that_somebody_holds_are_not(maui, runner):
    runner.answer("diagnose", "-q", by=recorded("diagnose-q-defer", "maui"))
    deferred = maui.deferred()
    assert deferred is not None
    assert "3" not in deferred  # sethold -b 3
    assert set(deferred) == {*"012456789", "10", "11[2]"}  # 11[1] was released


def test_a_maui_that_knows_of_no_job_says_that_it_cannot_tell(maui, runner):
    runner.answer("diagnose", "-q", by=recorded("diagnose-q-none", "maui"))
    assert maui.deferred() is None


def test_a_sub_job_is_released_by_its_own_name_only(maui, runner):
    maui.release("11[1]")
    assert runner.asked == [("releasehold", "-a", r"11\[1\]")]


def test_a_node_whose_slots_have_grown_since_maui_saw_it_is_short():
    found = short_nodes(recorded("diagnose-n-short", "maui").stdout)
    assert found == {ShortNode("n1", slots=12, for_queues=8)}


def test_the_table_of_nodes_tells_for_how_many_it_was_compiled(maui, runner):
    runner.answer("diagnose", "-n", by=recorded("diagnose-n-short", "maui"))
    assert maui.room() == 5120


def test_an_answer_that_is_no_list_of_nodes_is_not_taken_for_an_empty_one(maui, runner):
    runner.answer("diagnose", by=Answer(("diagnose",), 0, "ERROR:    not now\n", ""))
    with pytest.raises(UnreadableAnswer):
        maui.short_nodes()
    with pytest.raises(UnreadableAnswer):
        maui.deferred()
