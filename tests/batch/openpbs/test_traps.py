"""Traps of OpenPBS' that no other test is about (docs/traps.md has them all)."""

from tests.batch.openpbs.answers import recorded
from tests.batch.recorded import said
from torque_mesos.model import JobState, NodeState


def test_what_can_never_run_says_the_scheduler_waits(server, runner):
    """It says so of what the nodes of the moment cannot hold: on an empty cluster, of all jobs."""
    assert "Can Never Run: Insufficient amount" in recorded("qstat-mix").stdout
    (job,) = (job for job in server.read().jobs if job.comment.startswith("Can Never Run"))
    assert job.state is JobState.QUEUED
    assert job.resources["select"].startswith("2:ncpus=8")


def test_a_node_in_part_use_is_free_and_has_jobs(server, runner):
    text = recorded("pbsnodes-mix").stdout.replace('"job-busy"', '"free"')
    runner.answer("pbsnodes", "-av", by=said(stdout=text))
    node = next(node for node in server.read().nodes if node.name == "n1")
    assert node.states == {NodeState.FREE}
    assert node.jobs == {"43.head", "44[1].head"}


def test_nodes_are_asked_for_one_by_one_and_not_by_host(server, runner):
    """`-a` and `pbsnodes NAME` merge the nodes of a host."""
    server.read()
    assert [command[1] for command in runner.asked if command[0] == "pbsnodes"] == ["-av"]


def test_records_are_made_without_np_properties_and_note(server, runner):
    """OpenPBS has none of these: a command with one of them fails."""
    server.set_np("n1", 3)
    server.set_offline(["n1"], "torque-mesos:parked")
    for _, _, text in runner.changes():
        assert not {"np", "properties", "note"} & {
            item.partition("=")[0] for item in text.split()[-1].split(",")
        }
