"""What operators do, as steps of Hypothesis'."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.conformance.fake_moms import NODES
from tests.conformance.model import Node
from tests.conformance.model_machine import pick, seldom
from tests.conformance.model_of_jobs import Jobs
from tests.conformance.model_site import QUEUES

LIMITS = ("max_running", "max_user_run")


class Operators(Jobs):
    """Nodes, queues and limits change; the server is killed."""

    @precondition(lambda self: self.model.nodes)
    @rule(number=pick, offline=st.booleans(), killed=seldom)
    def pbsnodes(self, number: int, offline: bool, killed: bool) -> None:
        name = list(self.model.nodes)[number % len(self.model.nodes)]
        action = "offline" if offline else "clear"
        accepted = self.site.accepted("mark_node", name=name, action=action)
        self.agree(accepted, self.model.mark(name, offline), f"pbsnodes {action}")
        self.after(f"pbsnodes {action}", killed)

    @precondition(lambda self: len(self.model.nodes) < len(NODES))
    @rule(np=st.integers(1, 3), killed=seldom)
    def create_node(self, np: int, killed: bool) -> None:
        name = next(name for name in NODES if name not in self.model.nodes)
        assert self.site.change("create", "node", name, np=str(np))
        self.model.nodes[name] = Node(np)
        self.after("create node", killed)

    @precondition(lambda self: any(not self.model.held(name) for name in self.model.nodes))
    @rule(number=pick, killed=seldom)
    def delete_node(self, number: int, killed: bool) -> None:
        """Of idle nodes only: what a busy one's deletion costs has tests of its own."""
        idle = [name for name in self.model.nodes if not self.model.held(name)]
        name = idle[number % len(idle)]
        assert self.site.change("delete", "node", name)
        del self.model.nodes[name]
        self.after("delete node", killed)

    @precondition(lambda self: self.model.nodes)
    @rule(number=pick, np=st.integers(1, 4), killed=seldom)
    def set_np(self, number: int, np: int, killed: bool) -> None:
        """Never below a slot in use: what that does has tests of its own."""
        name = list(self.model.nodes)[number % len(self.model.nodes)]
        np = max(np, self.model.lowest_np(name))
        assert self.site.change("set", "node", name, np=str(np))
        self.model.set_np(name, np)
        self.after("set node np", killed)

    @rule(queue=st.sampled_from(QUEUES), started=st.booleans(), killed=seldom)
    def queue_started(self, queue: str, started: bool, killed: bool) -> None:
        assert self.site.change("set", "queue", queue, started=str(started))
        self.model.started[queue] = started
        self.after("qstart and qstop", killed)

    @rule(
        queue=st.sampled_from(("", *QUEUES)),
        kind=st.sampled_from(LIMITS),
        most=st.none() | st.integers(0, 3),
        killed=seldom,
    )
    def limit(self, queue: str, kind: str, most: int | None, killed: bool) -> None:
        what = "queue" if queue else "server"
        if most is None:
            self.site.unset(what, queue, kind)
            self.model.limits.pop((queue, kind), None)
        else:
            assert self.site.change("set", what, queue, **{kind: str(most)})
            self.model.limits[queue, kind] = most
        self.after(kind, killed)

    @rule(reports=st.booleans())
    def server_dies(self, reports: bool) -> None:
        self.site.restart()
        self.model.restart()
        self.after("killed")
        if reports:
            self.report()
            self.cycle()
