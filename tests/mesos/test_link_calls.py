"""The calls of a link, its end, and what it reads of the master's lists."""

from __future__ import annotations

import time

import pytest

from tests.mesos.common import MakeLink, threads, update
from tests.mesos.conftest import Seen
from tests.mesos.scripted import (
    FRAMEWORK_ID,
    ScriptedMaster,
    answer,
    subscribes,
)
from tests.waiting import wait_for
from torque_mesos.mesos.backoff import Backoff
from torque_mesos.mesos.base import (
    Event,
    MesosError,
    Subscribed,
    TaskStatus,
)
from torque_mesos.mesos.link import PymesosLink
from torque_mesos.model import TaskState


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
