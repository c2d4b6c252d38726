"""The connection of a link to a master that hangs, refuses, redirects or falls silent."""

from __future__ import annotations

import itertools
import re
import socket
import threading
import time
from collections.abc import Callable

import pytest

from tests.mesos.common import MakeLink, offer, offers, threads
from tests.mesos.conftest import Seen
from tests.mesos.scripted import (
    ScriptedMaster,
    Step,
    answer,
    closes,
    errs,
    is_silent,
    says,
    subscribes,
)
from tests.waiting import wait_for
from torque_mesos.mesos.backoff import Backoff
from torque_mesos.mesos.base import (
    Disconnected,
    EndCause,
    Ended,
    MesosError,
    NotConnected,
    Offers,
    Subscribed,
)


def test_hazard_3_a_call_to_a_hung_master_times_out_and_blocks_nobody(
    seen: Seen, make_link: MakeLink
) -> None:
    with ScriptedMaster([subscribes()], reply=b"") as master:
        link = make_link(master.address, call_timeout_s=3.0)
        seen.wait(Subscribed)
        failed: list[MesosError] = []

        def call() -> None:
            try:
                link.revive()
            except MesosError as error:
                failed.append(error)

        begin = time.monotonic()
        caller = threading.Thread(target=call)
        caller.start()
        wait_for(lambda: master.calls, 60, "the call", interval_s=0.005)
        master.say(offers(offer("O1")))
        seen.wait(Offers)
        assert not failed, "the event came while the call was waiting"
        caller.join(60)
        assert failed
        assert time.monotonic() - begin > 2.9


def test_a_call_that_the_master_refuses_is_an_error(seen: Seen, make_link: MakeLink) -> None:
    with ScriptedMaster([subscribes()], reply=answer("400 Bad Request", "why so")) as master:
        link = make_link(master.address)
        seen.wait(Subscribed)
        with pytest.raises(MesosError, match="HTTP 400: why so"):
            link.kill("t1", "S1")


def test_hazard_4_three_missed_heartbeats_are_a_lost_connection(
    seen: Seen, make_link: MakeLink
) -> None:
    with ScriptedMaster([subscribes(0.1), subscribes(0.5, beats=True)]) as master:
        begin = time.monotonic()
        make_link(master.address)
        lost = seen.wait(Disconnected)
        assert re.search(r"heard nothing for \d+\.\d s", lost.reason)
        assert time.monotonic() - begin > 0.29
        seen.wait(Subscribed, 2)
        # With heartbeats it stands: twice what a silent one lives.
        time.sleep(3.0)
        assert len(master.subscriptions) == 2


def test_hazard_4_a_master_that_never_answers_is_given_up(seen: Seen, make_link: MakeLink) -> None:
    with ScriptedMaster([is_silent, subscribes()]) as master:
        make_link(master.address, call_timeout_s=0.3)
        assert not seen.wait(Subscribed).again
        assert len(master.subscriptions) == 2
        assert not seen.of(Disconnected)


def test_hazard_5_calls_without_a_subscription_are_refused_not_dropped(
    seen: Seen, make_link: MakeLink
) -> None:
    with ScriptedMaster([subscribes(), is_silent]) as master:
        link = make_link(master.address)
        seen.wait(Subscribed)
        master.events.put(None)
        seen.wait(Disconnected)
        calls: list[Callable[[], object]] = [
            link.revive,
            link.suppress,
            link.reconcile,
            link.agents,
            link.teardown,
            lambda: link.decline(["O1"], 5),
            lambda: link.launch(["O1"], [], 5),
            lambda: link.kill("t1", None),
        ]
        for call in calls:
            with pytest.raises(NotConnected):
                call()
        assert master.calls == []


@pytest.mark.parametrize(
    "step",
    [
        says("503 Service Unavailable"),
        says("500 Internal Server Error", "oh"),
        says("404 Not Found"),
        says("200 OK", "not a stream"),
        says("307 Temporary Redirect"),
        says("307 Temporary Redirect", Location="//[nonsense"),
        closes,
        errs("Authorization failure: the authorizer is gone"),
        subscribes(closing=True),
    ],
    ids=["503", "500", "404", "plain", "nowhere", "nonsense", "close", "authorizer", "accept"],
)
def test_hazard_6_every_failure_waits_longer_each_time(
    step: Step, seen: Seen, make_link: MakeLink
) -> None:
    with ScriptedMaster([step]) as master:
        make_link(master.address, backoff=Backoff(first_s=0.05, most_s=0.4, chance=lambda: 0.0))
        wait_for(lambda: len(master.subscriptions) >= 6, 60, "six attempts")
        times = [moment for moment, _ in master.subscriptions]
        waits = [b - a for a, b in itertools.pairwise(times)]
        for wait, least in zip(waits, [0.05, 0.1, 0.2, 0.4, 0.4], strict=False):
            assert wait >= least * 0.98
        assert not seen.of(Ended)


def test_hazard_6_masters_that_send_each_other_around_make_no_storm(
    seen: Seen, make_link: MakeLink
) -> None:
    with ScriptedMaster([]) as one, ScriptedMaster([]) as other:
        one.steps.append(says("307 Temporary Redirect", Location=f"//{other.address}"))
        other.steps.append(says("307 Temporary Redirect", Location=f"//{one.address}"))
        begin = time.monotonic()
        make_link(one.address, backoff=Backoff(first_s=0.1, most_s=0.1, chance=lambda: 0.0))
        wait_for(
            lambda: len(one.subscriptions) + len(other.subscriptions) >= 25,
            60,
            "two dozen of attempts",
            interval_s=0.005,
        )
        assert time.monotonic() - begin > 1


def test_a_redirect_is_followed_at_once_and_forgotten_when_that_master_is_lost(
    seen: Seen, make_link: MakeLink
) -> None:
    with ScriptedMaster([]) as one, ScriptedMaster([subscribes()]) as other:
        one.steps += [
            says("307 Temporary Redirect", Location=f"//{other.address}/api/v1/scheduler"),
            subscribes(),
        ]
        make_link(one.address, backoff=Backoff(first_s=0.01))
        assert seen.wait(Subscribed).master == other.address
        other.events.put(None)
        assert seen.wait(Subscribed, 2).master == one.address
        assert len(seen.of(Disconnected)) == 1


def test_hazard_6_stop_does_not_wait_a_back_off_out(seen: Seen, make_link: MakeLink) -> None:
    with ScriptedMaster([closes]) as master:
        link = make_link(master.address, backoff=Backoff(first_s=600, most_s=600))
        wait_for(lambda: master.subscriptions, 60, "an attempt")
        begin = time.monotonic()
        link.stop()
        assert time.monotonic() - begin < 60
        assert threads() == []


def test_hazard_6_a_port_where_nobody_listens_is_tried_again(
    seen: Seen, make_link: MakeLink
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    make_link(f"127.0.0.1:{port}", backoff=Backoff(first_s=0.05, most_s=0.05))
    time.sleep(0.3)
    assert seen == []
    assert threads() == ["Process IO"]


@pytest.mark.parametrize(
    ("step", "cause"),
    [
        (errs("Framework has been removed"), EndCause.REMOVED),
        (errs("Framework failed over"), EndCause.TAKEN_OVER),
        (errs("'FrameworkInfo.roles' contains invalid role: Role '..'"), EndCause.REJECTED),
        (says("401 Unauthorized", "who?"), EndCause.REJECTED),
        (says("403 Forbidden"), EndCause.REJECTED),
        (says("400 Bad Request", "Failed to validate"), EndCause.REJECTED),
    ],
)
def test_hazard_7_what_will_not_change_ends_the_link(
    step: Step, cause: EndCause, seen: Seen, make_link: MakeLink
) -> None:
    with ScriptedMaster([step]) as master:
        link = make_link(master.address)
        assert seen.wait(Ended).cause is cause
        wait_for(lambda: threads() == [], 60, "the thread's end")
        assert len(master.subscriptions) == 1
        assert len(seen) == 1
        with pytest.raises(NotConnected):
            link.revive()


def test_hazard_7_an_error_on_a_stream_that_stood_is_tried_again(
    seen: Seen, make_link: MakeLink
) -> None:
    with ScriptedMaster([subscribes()]) as master:
        make_link(master.address)
        seen.wait(Subscribed)
        master.say({"type": "ERROR", "error": {"message": "something odd"}})
        assert "something odd" in seen.wait(Disconnected).reason
        seen.wait(Subscribed, 2)
