"""The link on a master that misbehaves: each hazard of pymesos has its test."""

from __future__ import annotations

import itertools
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.mesos.conftest import Seen
from tests.mesos.scripted import (
    FRAMEWORK_ID,
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
    Event,
    Malformed,
    MesosError,
    NotConnected,
    Offers,
    Subscribed,
    TaskStatus,
)
from torque_mesos.mesos.credentials import Credentials
from torque_mesos.mesos.link import PymesosLink
from torque_mesos.model import Resources, TaskState

MakeLink = Callable[..., PymesosLink]


def offer(name: str, **more: Any) -> dict[str, Any]:
    return {
        "id": {"value": name},
        "agent_id": {"value": "S1"},
        "hostname": "n1.cluster.test",
        "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 2.0}, "role": "*"}],
        **more,
    }


def offers(*each: dict[str, Any]) -> dict[str, Any]:
    return {"type": "OFFERS", "offers": {"offers": list(each)}}


def update(state: str = "TASK_RUNNING") -> dict[str, Any]:
    status = {
        "task_id": {"value": "t1"},
        "agent_id": {"value": "S1"},
        "state": state,
        "uuid": "IuzqYAqwRZStGdR7SINY6A==",
    }
    return {"type": "UPDATE", "update": {"status": status}}


# --- hazard 1: what a callback raises --------------------------------------------------


def test_hazard_1_a_sink_that_raises_does_not_end_the_link(seen: Seen, make_link: MakeLink) -> None:
    def sink(event: Event) -> None:
        seen.append(event)
        raise RuntimeError("the sink is broken")

    with ScriptedMaster([subscribes()]) as master:
        make_link(master.address, sink)
        seen.wait(Subscribed)
        master.say(update())
        seen.wait(TaskStatus)
        master.say(offers(offer("O1")))
        seen.wait(Offers)
        assert [call["type"] for call in master.calls] == ["ACKNOWLEDGE"]


def test_hazard_1_what_cannot_be_read_is_told_and_skipped(seen: Seen, make_link: MakeLink) -> None:
    with ScriptedMaster([subscribes()]) as master:
        make_link(master.address)
        seen.wait(Subscribed)
        for said in (b"{nope", b"7", b'{"type":3}', b"[]", b'{"type":"RESCIND"}', b'"\xff"'):
            master.say(said)
        two = b'7\n{nope}}8\n{"a":{}}'
        master.events.put(b"%x\r\n%s\r\n" % (len(two), two))
        master.say({"type": "NEWS", "news": {}})
        master.say(update("TASK_DANCING"))
        master.say(offers(offer("O1"), offer("O2", hostname=7), {}, offer("O3")))
        got = seen.wait(Offers)
        assert [each.offer_id for each in got.offers] == ["O1", "O3"]
        assert len(seen.of(Malformed)) == 6 + 2 + 1 + 2
        assert not seen.of(Disconnected)
        wait_for(lambda: len(master.calls) == 2, 60, "two calls")
        acknowledged, declined = master.calls
        assert acknowledged["acknowledge"]["uuid"], "or it would be sent again for ever"
        assert declined["decline"]["offer_ids"] == [{"value": "O2"}], "or it would be held for ever"


def test_hazard_1_text_that_is_not_utf8_loses_no_offer(seen: Seen, make_link: MakeLink) -> None:
    text = json.dumps(offers(offer("O1"), offer("O2", hostname="KIEL"))).encode()
    with ScriptedMaster([subscribes()]) as master:
        make_link(master.address)
        master.say(text.replace(b"KIEL", b"K\xefEL"))
        got = seen.wait(Offers)
    assert [each.hostname for each in got.offers] == ["n1.cluster.test", "K�EL"]


# --- hazard 2: teardown ---------------------------------------------------------------


def test_hazard_2_stop_never_sends_teardown(seen: Seen, make_link: MakeLink) -> None:
    with ScriptedMaster([subscribes()]) as master:
        link = make_link(master.address)
        seen.wait(Subscribed)
        link.stop()
        wait_for(lambda: threads() == [], 60, "the thread's end")
        assert master.calls == []
        info = master.subscriptions[0][1]["subscribe"]["framework_info"]
        assert info["failover_timeout"] == 3 * 7 * 86400
        assert info["checkpoint"] is True


def threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name == "Process IO"]


def test_teardown_is_explicit_and_the_end(seen: Seen, make_link: MakeLink) -> None:
    with ScriptedMaster([subscribes()]) as master:
        link = make_link(master.address)
        seen.wait(Subscribed)
        link.teardown()
        assert [call["type"] for call in master.calls] == ["TEARDOWN"]
        wait_for(lambda: threads() == [], 60, "the thread's end")
        assert len(master.subscriptions) == 1
        assert [type(event) for event in seen] == [Subscribed]


def test_a_teardown_whose_answer_comes_after_the_end_of_the_stream(
    seen: Seen, make_link: MakeLink
) -> None:
    """Mesos closes the stream first: subscribing again would make a new framework."""
    with ScriptedMaster([subscribes()]) as master:

        def close_the_stream() -> None:
            master.events.put(None)
            time.sleep(0.3)

        master.before_reply = close_the_stream
        link = make_link(master.address, backoff=Backoff(first_s=0.01))
        seen.wait(Subscribed)
        link.teardown()
        assert len(master.subscriptions) == 1
        assert [type(event) for event in seen] == [Subscribed]


def test_a_teardown_that_fails_leaves_the_link_as_it_was(seen: Seen, make_link: MakeLink) -> None:
    with ScriptedMaster([subscribes()], reply=answer("403 Forbidden", "no")) as master:
        link = make_link(master.address)
        seen.wait(Subscribed)
        with pytest.raises(MesosError, match="HTTP 403: no"):
            link.teardown()
        master.say(update())
        seen.wait(TaskStatus)


# --- hazard 3: a master that hangs ------------------------------------------------------


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


# --- hazard 4: silence --------------------------------------------------------------------


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


# --- hazard 5: calls while disconnected -----------------------------------------------------


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


# --- hazard 6: storms -----------------------------------------------------------------------


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


# --- hazard 7: the end ------------------------------------------------------------------------


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


# --- hazards 8 and 9: what is told -------------------------------------------------------------


def test_hazard_8_disconnected_is_told_once_and_not_before_the_first_success(
    seen: Seen, make_link: MakeLink
) -> None:
    with ScriptedMaster([closes, closes, subscribes(closing=True), closes, closes]) as master:
        make_link(master.address)
        wait_for(lambda: len(master.subscriptions) >= 6, 60, "six attempts")
    assert [type(event) for event in seen] == [Subscribed, Disconnected]


def test_hazard_9_only_a_new_framework_id_is_not_again(seen: Seen, make_link: MakeLink) -> None:
    with ScriptedMaster([subscribes(closing=True), subscribes()]) as master:
        make_link(master.address)
        assert seen.wait(Subscribed) == Subscribed(FRAMEWORK_ID, master.address, again=False)
        assert seen.wait(Subscribed, 2).again
        make_link(master.address, framework_id=FRAMEWORK_ID)
        assert seen.wait(Subscribed, 3).again
        first, second, third = (body for _, body in master.subscriptions)
    assert "framework_id" not in first
    assert second["framework_id"] == third["framework_id"] == {"value": FRAMEWORK_ID}


# --- hazards 10, 11, 13 -------------------------------------------------------------------------


def test_hazard_10_neither_the_version_nor_the_form_of_the_address_matter(
    seen: Seen, make_link: MakeLink
) -> None:
    with ScriptedMaster([subscribes()]) as master:
        make_link(f"http://{master.address}/")
        seen.wait(Subscribed)
        master.say(offers(offer("O1")))
        assert seen.wait(Offers).offers[0].resources == Resources(2, 0)
        assert [line for line, _ in master.requests] == ["POST /api/v1/scheduler"]


def test_hazard_11_importing_in_a_thread_works_and_leaves_ctrl_c_alone() -> None:
    code = """
import signal, threading
before = signal.getsignal(signal.SIGINT)
failed = []
threading.excepthook = lambda args: failed.append(args)
def work():
    import torque_mesos.mesos.link
thread = threading.Thread(target=work)
thread.start()
thread.join()
import logging
assert not failed, failed
assert signal.getsignal(signal.SIGINT) is before
assert signal.signal(signal.SIGINT, before) is before
assert not logging.getLogger("pymesos").handlers
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_hazard_11_an_earlier_import_by_others_is_undone() -> None:
    code = """
import signal
before = signal.getsignal(signal.SIGINT)
import pymesos
assert signal.getsignal(signal.SIGINT) is not before
import torque_mesos.mesos.link
assert signal.getsignal(signal.SIGINT) is before
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    # (A shell starts its background jobs with SIGINT ignored.)
    assert signal.getsignal(signal.SIGINT) in (signal.default_int_handler, signal.SIG_IGN)


def test_hazard_12_a_long_event_takes_time_in_proportion(seen: Seen, make_link: MakeLink) -> None:
    with ScriptedMaster([subscribes()]) as master:
        make_link(master.address)
        seen.wait(Subscribed)
        padding = "x" * 20_000_000
        master.say(offers(offer("O1", padding=padding)))
        begin = time.process_time()
        seen.wait(Offers, deadline_s=120)
        # With a quadratic buffer it is 35 s of the processor's time.
        assert time.process_time() - begin < 15


def test_hazard_13_links_share_no_headers(seen: Seen, make_link: MakeLink) -> None:
    with ScriptedMaster([subscribes()]) as one, ScriptedMaster([subscribes()]) as other:
        first = make_link(one.address, credentials=Credentials("moss", "of-the-oak"))
        second = make_link(other.address)
        seen.wait(Subscribed, 2)
        first.revive()
        second.revive()
        assert {headers["authorization"] for _, headers in one.requests} == {
            Credentials("moss", "of-the-oak").basic()
        }
        assert all("authorization" not in headers for _, headers in other.requests)
        info = one.subscriptions[0][1]["subscribe"]["framework_info"]
        assert info["principal"] == "moss"


def test_hazard_14_the_capabilities_are_those_that_were_asked_for(
    seen: Seen, make_link: MakeLink
) -> None:
    with ScriptedMaster([subscribes(closing=True), subscribes()]) as master:
        make_link(master.address, gpu_agents=True)
        seen.wait(Subscribed, 2)
        make_link(master.address, gpu_agents=False)
        seen.wait(Subscribed, 3)
        asked = [
            {each["type"] for each in body["subscribe"]["framework_info"]["capabilities"]}
            for _, body in master.subscriptions
        ]
        plain = {"MULTI_ROLE", "PARTITION_AWARE"}
        assert asked == [plain | {"GPU_RESOURCES"}] * 2 + [plain]


# --- the calls ------------------------------------------------------------------------------------


def test_the_bodies_of_the_calls(seen: Seen, make_link: MakeLink) -> None:
    with ScriptedMaster([subscribes()]) as master:
        link = make_link(master.address)
        seen.wait(Subscribed)
        task = {"task_id": {"value": "t1"}}
        link.launch(["O1", "O2"], [task], 5)
        link.decline(["O3"], 60.5)
        link.suppress()
        link.revive()
        link.suppress(["eng"])
        link.revive(["eng", "ops"])
        link.kill("t1", "S1")
        link.kill("t2", None)
        link.reconcile()
        link.reconcile([("t1", "S1"), ("t2", None)])
        for call in master.calls:
            assert call.pop("framework_id") == {"value": FRAMEWORK_ID}
        for line, headers in master.requests[1:]:
            assert line == "POST /api/v1/scheduler"
            assert headers["mesos-stream-id"] == "stream-1"
        assert master.calls == [
            {
                "type": "ACCEPT",
                "accept": {
                    "offer_ids": [{"value": "O1"}, {"value": "O2"}],
                    "operations": [{"type": "LAUNCH", "launch": {"task_infos": [task]}}],
                    "filters": {"refuse_seconds": 5},
                },
            },
            {
                "type": "DECLINE",
                "decline": {"offer_ids": [{"value": "O3"}], "filters": {"refuse_seconds": 60.5}},
            },
            {"type": "SUPPRESS"},
            {"type": "REVIVE"},
            {"type": "SUPPRESS", "suppress": {"roles": ["eng"]}},
            {"type": "REVIVE", "revive": {"roles": ["eng", "ops"]}},
            {"type": "KILL", "kill": {"task_id": {"value": "t1"}, "agent_id": {"value": "S1"}}},
            {"type": "KILL", "kill": {"task_id": {"value": "t2"}}},
            {"type": "RECONCILE", "reconcile": {"tasks": []}},
            {
                "type": "RECONCILE",
                "reconcile": {
                    "tasks": [
                        {"task_id": {"value": "t1"}, "agent_id": {"value": "S1"}},
                        {"task_id": {"value": "t2"}},
                    ]
                },
            },
        ]


def test_a_status_is_told_and_acknowledged(seen: Seen, make_link: MakeLink) -> None:
    with ScriptedMaster([subscribes()]) as master:
        make_link(master.address)
        master.say(update())
        assert seen.wait(TaskStatus) == TaskStatus("t1", TaskState.RUNNING, "S1")
        wait_for(lambda: master.calls, 60, "the acknowledgement")
        assert master.calls[0]["acknowledge"] == {
            "agent_id": {"value": "S1"},
            "task_id": {"value": "t1"},
            "uuid": "IuzqYAqwRZStGdR7SINY6A==",
        }


@pytest.mark.parametrize("text", ["[]", '{"slaves": 7}', "nope", '{"frameworks": []}'])
def test_a_list_of_agents_that_is_none_is_an_error(
    text: str, seen: Seen, make_link: MakeLink
) -> None:
    with ScriptedMaster([subscribes()], get={"/slaves": answer("200 OK", text)}) as master:
        link = make_link(master.address)
        seen.wait(Subscribed)
        with pytest.raises(MesosError):
            link.agents()


def test_a_sink_may_stop_the_link(seen: Seen, make_link: MakeLink) -> None:
    links: list[PymesosLink] = []

    def sink(event: Event) -> None:
        seen.append(event)
        wait_for(lambda: links, 60, "the link")
        links[0].stop()

    with ScriptedMaster([subscribes()]) as master:
        links.append(make_link(master.address, sink))
        wait_for(lambda: seen and threads() == [], 60, "the thread's end")
