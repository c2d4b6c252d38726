"""The acceptance test itself, against a cluster of which every fault can be asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.verify.fakes import FakeAccount, FakeCluster, online, parked
from torque_mesos.batch.base import BatchError
from torque_mesos.model import JobState, Node, NodeState, Reading
from torque_mesos.verify.checks import Result
from torque_mesos.verify.run import Options, Verification, passed


def cluster_of(*nodes: Node, **faults: Any) -> FakeCluster:
    return FakeCluster({node.name: node for node in nodes}, **faults)


def verified(cluster: FakeCluster, *accounts: FakeAccount, **options: Any) -> list[Result]:
    options.setdefault("deadline_s", 20.0)
    asked = Options(bin_dir="/opt/x/bin", accounting_dir=Path("/nowhere"), **options)
    verification = Verification(
        cluster,
        accounts or (FakeAccount(cluster),),
        asked,
        clock=cluster.clock,
        sleep=cluster.sleep,
    )
    try:
        return verification.run()
    finally:
        assert verification.clean() == []
        assert cluster.folders == set()
        assert cluster.scripts == {}


def by_name(results: list[Result]) -> dict[str, Result]:
    return {result.what: result for result in results}


def failures(results: list[Result]) -> list[str]:
    return [f"{result.what}: {text}" for result in results for text in result.failures]


def test_a_good_cluster_passes_for_every_user_on_every_client() -> None:
    cluster = cluster_of(parked("n1"), parked("n2"))
    accounts = [FakeAccount(cluster, user, client) for user in "ab" for client in ("c1", "c2")]
    results = verified(cluster, *accounts, expect_nodes=2)
    assert failures(results) == []
    assert passed(results)
    rows = {(r.user, r.client, r.what) for r in results if r.job_id}
    assert rows == {(u, c, w) for u in "ab" for c in ("c1", "c2") for w in ("one", "many", "hosts")}
    found = by_name(results)
    assert found["grew"].nodes == ("n1", "n2")
    assert found["shrank"].verdict == "ok"
    assert found["hosts"].nodes == ("n1", "n2")
    assert cluster.deleted == []


def test_a_killed_job_is_told_as_one() -> None:
    cluster = cluster_of(parked("n1"), parked("n2"), exit_status=271)
    results = verified(cluster)
    assert "one: exit status 271 (it was killed), not 7" in failures(results)
    assert "many: exit status 271 (it was killed), not 0" in failures(results)
    assert not passed(results)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("user alice", "user root"), "stdout is "),
        ((" end", " en"), "stdout is "),
        (("begin", "begin\nbegin"), ""),
        (("slot n1\n", "other n1\n"), "stdout is "),
        (("slot n1", "slot other"), "it ran on other, which the framework did not bring"),
    ],
)
def test_wrong_output_is_quoted(change: tuple[str, str], told: str) -> None:
    cluster = cluster_of(parked("n1"), spoil=lambda text: text.replace(*change))
    results = verified(cluster)
    assert (not failures(results)) == (told == "")
    assert all(told in text for text in failures(results) if text.startswith("one"))


def test_slots_and_tasks_that_are_missing_are_counted() -> None:
    def without_the_last(text: str) -> str:
        lines = text.splitlines()
        for kind in (" slot n2", " task"):
            if found := [line for line in lines if line.endswith(kind)]:
                lines.remove(found[-1])
        return "\n".join(lines)

    cluster = cluster_of(parked("n1"), parked("n2"), spoil=without_the_last)
    told = failures(verified(cluster))
    assert "hosts: its slots are: n1 2, n2 1; not 2 on each of 2 hosts" in told

    cluster = cluster_of(parked("n1"), parked("n2"), spoil=lambda t: t.replace(" task", " tas"))
    assert any(text.startswith("hosts: stdout is") for text in failures(verified(cluster)))


def test_output_that_never_comes_is_told() -> None:
    class Lost(FakeAccount):
        def _answer(self, command: str, *more: Any) -> tuple[int, str, str]:
            return (1, "", "") if command == "cat" else super()._answer(command, *more)

    cluster = cluster_of(parked("n1"))
    told = failures(verified(cluster, Lost(cluster)))
    assert "one: its stdout did not come back" in told
    assert "one: its stderr did not come back" in told
    assert "grew: no job ran on any node" in told


def test_a_job_that_was_deleted_before_it_ran_is_told_as_one() -> None:
    class Deleted(FakeCluster):
        def _run(self, job_id: str) -> None:
            self.scripts.pop(job_id)
            self.jobs[job_id] = replace(self.jobs[job_id], state=JobState.COMPLETE)

    told = failures(verified(Deleted({"n1": parked("n1", np=1)})))
    assert told[0] == (
        "one: it ended without an exit status or output: it was deleted before it ran"
    )


def test_after_the_deadline_it_is_told_why_a_job_waits_and_the_job_is_deleted() -> None:
    cluster = cluster_of(parked("n1"), stuck=True)
    results = verified(cluster, why=lambda job_id: f"{job_id} may not", deadline_s=5)
    assert failures(results)[0] == "one: not over after 5 s: it is queued; 1.head may not"
    assert cluster.deleted == ["1.head", "2.head"]
    assert by_name(results)["shrank"].skipped == "nothing ran"


def test_a_refused_job_is_told_in_the_servers_words() -> None:
    cluster = cluster_of(parked("n1"))
    told = failures(verified(cluster, FakeAccount(cluster, refuses="qsub: Bad UID")))
    assert "qsub: Bad UID" in told[0]


def test_nodes_that_do_not_go_again_are_named() -> None:
    cluster = cluster_of(parked("n1"), parked("n2"), stays_online=True)
    told = failures(verified(cluster, deadline_s=5))
    assert told == ["shrank: after 5 s still online: n1, n2"]


def test_nodes_that_were_there_before_prove_no_growth() -> None:
    results = verified(cluster_of(online("n1"), online("n2")))
    assert by_name(results)["grew"].verdict == "skipped"
    assert by_name(results)["shrank"].verdict == "ok"
    assert passed(results)


def test_fewer_records_than_expected_fail() -> None:
    told = failures(verified(cluster_of(parked("n1"), stuck=True), expect_nodes=3, deadline_s=1))
    assert "records: 1 node records of the framework, not 3" in told


def test_a_server_that_lets_nobody_submit_from_a_host_is_told_how_to() -> None:
    refusal = "qsub: submit error (Bad UID for job execution MSG=ruserok failed validating a/a)"
    cluster = cluster_of(parked("n1"))
    told = failures(verified(cluster, FakeAccount(cluster, client="c1", refuses=refusal)))
    assert "qmgr -c 'set server submit_hosts += c1'" in told[0]


def test_a_job_that_the_server_forgot_is_known_from_its_accounting(tmp_path: Path) -> None:
    line = "11/20/2026 10:00:00;E;1.head;user=alice Exit_status=7 resources_used.cput=00:00:00\n"
    (tmp_path / "20261120").write_text(line.replace("1.head", "2.head") + line)

    class Forgetful(FakeCluster):
        def read(self) -> Any:
            reading = super().read()
            alive = tuple(job for job in reading.jobs if job.state.value != "C")
            return type(reading)(alive, reading.nodes)

    cluster = Forgetful({"n1": parked("n1", np=1)})
    asked = Options(accounting_dir=tmp_path, deadline_s=5)
    account = FakeAccount(cluster)
    run = Verification(cluster, [account], asked, clock=cluster.clock, sleep=cluster.sleep)
    one = by_name(run.run())["one"]
    run.clean()
    assert one.failures == ()  # its owner is told there, too
    (tmp_path / "20261120").unlink()
    cluster = Forgetful({"n1": parked("n1", np=1)})
    run = Verification(
        cluster, [FakeAccount(cluster)], asked, clock=cluster.clock, sleep=cluster.sleep
    )
    assert any("does not tell the exit status" in t for t in by_name(run.run())["one"].failures)


def test_an_interruption_between_commands_leaves_nothing() -> None:
    cluster = cluster_of(parked("n1"), parked("n2"), stuck=True)

    def interrupted(seconds: float) -> None:
        cluster.time_s += seconds
        if len(cluster.jobs) == 2:
            raise KeyboardInterrupt

    run = Verification(
        cluster, [FakeAccount(cluster)], Options(), clock=cluster.clock, sleep=interrupted
    )
    with pytest.raises(KeyboardInterrupt):
        run.run()
    assert run.clean() == []
    assert cluster.deleted == ["1.head", "2.head"]
    assert cluster.folders == set()


def test_a_server_that_cannot_be_read_is_an_error() -> None:
    cluster = cluster_of(parked("n1"), down=True)
    with pytest.raises(BatchError):
        Verification(cluster, [FakeAccount(cluster)], Options()).run()


def test_where_others_have_nodes_ours_are_asked_for_by_property() -> None:
    fixed = Node("old", frozenset({NodeState.FREE}), 8)
    cluster = cluster_of(parked("n1"), parked("n2"), fixed)
    verified(cluster, properties=("mesos",))
    assert all(":mesos," in job.resources["nodes"] for job in cluster.jobs.values())


class LongList(FakeCluster):
    """A server that reads a long list of jobs only now and then."""

    kept: Reading | None = None

    def changed(self) -> None: ...

    def renew(self) -> None:
        self.kept = None

    def read(self) -> Reading:
        if self.kept is None:
            self.kept = super().read()
        return self.kept


def test_a_job_is_not_taken_for_over_by_a_list_from_before_it() -> None:
    cluster = LongList({"n1": parked("n1"), "n2": parked("n2")})
    assert failures(verified(cluster, expect_nodes=2)) == []
