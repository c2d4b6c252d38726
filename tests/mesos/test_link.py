"""The link: each hazard of pymesos that is not of the connection has its test."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

from tests.mesos.common import MakeLink, offer, offers, update
from tests.mesos.conftest import Seen
from tests.mesos.scripted import (
    FRAMEWORK_ID,
    ScriptedMaster,
    closes,
    subscribes,
)
from tests.waiting import wait_for
from torque_mesos.mesos.base import (
    Disconnected,
    Event,
    Malformed,
    Offers,
    Subscribed,
    TaskStatus,
)
from torque_mesos.mesos.credentials import Credentials
from torque_mesos.model import Resources


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
