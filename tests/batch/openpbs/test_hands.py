"""What is done to single jobs: those of lost moms are queued again, and some are held."""

import pytest

from tests.batch.openpbs.answers import recorded
from tests.batch.recorded import said
from torque_mesos.batch.base import InvalidName, Refused

SIGNAL = ("qsig", "-s", "0")
HOLD = ("qhold", "-h", "s")
COMMENT = "Held: started 5 times in 9 s, and no mom kept it."


class TestRerun:
    """A job that `qrerun -W force` takes from a dead mom is never run again."""

    def test_it_is_the_servers_business(self, server, runner):
        server.read()
        runner.asked.clear()
        server.rerun("43.head")
        assert [command[0] for command in runner.asked] == ["qstat"]

    @pytest.mark.parametrize(
        "answer", ["qsig-no-mom", "qsig-not-running", "qsig-unknown-job", "qsig-finished"]
    )
    def test_a_mom_that_was_not_heard_since_the_servers_start_is_called(
        self, server, runner, answer
    ):
        """Only then is she missed, and only then does `node_fail_requeue` begin."""
        runner.answer("pbsnodes", "-av", by=recorded("pbsnodes-unheard"))
        runner.answer("qsig", by=recorded(answer))
        server.read()
        server.rerun("7.head")
        server.rerun("43.head")
        assert [c for c in runner.asked if c[0] == "qsig"] == [(*SIGNAL, "7.head")]

    def test_one_that_is_heard_again_is_not_called(self, server, runner):
        runner.answer("pbsnodes", "-av", by=recorded("pbsnodes-unheard"))
        server.read()
        heard = recorded("pbsnodes-unheard").stdout.replace("state-unknown,down", "job-busy")
        runner.answer("pbsnodes", "-av", by=said(stdout=heard))
        server.read()
        server.rerun("7.head")
        assert not [c for c in runner.asked if c[0] == "qsig"]

    def test_another_error_is_told(self, server, runner):
        runner.answer("pbsnodes", "-av", by=recorded("pbsnodes-unheard"))
        runner.answer("qsig", by=said(159, stderr="qsig: Unauthorized Request  7.head"))
        server.read()
        with pytest.raises(Refused, match="Unauthorized"):
            server.rerun("7.head")

    @pytest.mark.parametrize("value", ["0", "-1"])
    def test_a_server_that_does_not_run_jobs_again_is_told(self, server, runner, value):
        text = recorded("qstat-server").stdout.replace(
            '"node_fail_requeue":310', f'"node_fail_requeue":{value}'
        )
        runner.answer("qstat", "-B", "-f", by=said(stdout=text))
        with pytest.raises(Refused, match=f"12.head stays on its lost node.* is {value}"):
            server.rerun("12.head")

    @pytest.mark.parametrize("job", ["1;reboot", "", "-W", "9[].head"])
    def test_a_strange_job_id(self, server, runner, job):
        with pytest.raises(InvalidName):
            server.rerun(job)
        assert runner.asked == []


class TestHold:
    def test_a_job_is_held_and_told_why(self, server, runner):
        """In quotes: the server would take a comma for the comment's end."""
        server.hold("12.head", COMMENT)
        assert runner.asked == [
            (*HOLD, "12.head"),
            ("qalter", "-W", f'comment="{COMMENT}"', "12.head"),
        ]

    def test_of_an_array_all_is_held_once_in_a_reading(self, server, runner):
        runner.answer(*HOLD, "4[3].head", by=recorded("qhold-member"))
        for index in range(1, 4):
            server.hold(f"4[{index}].head", COMMENT)
        holds = [c for c in runner.asked if c[0] == "qhold"]
        assert holds == [(*HOLD, "4[].head")]
        server.read()
        server.hold("4[1].head", COMMENT)
        assert len([c for c in runner.asked if c[0] == "qhold"]) == 2

    def test_a_job_that_is_gone(self, server, runner):
        runner.answer("qhold", by=recorded("qhold-unknown-job"))
        with pytest.raises(Refused, match="Unknown Job Id"):
            server.hold("99.head", COMMENT)
        assert not [c for c in runner.asked if c[0] == "qalter"]

    @pytest.mark.parametrize("job", ["1;reboot", "", "-h", "9[].head"])
    def test_a_strange_job_id(self, server, runner, job):
        with pytest.raises(InvalidName):
            server.hold(job, COMMENT)
        assert runner.asked == []
