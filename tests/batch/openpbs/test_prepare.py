import pytest

from tests.batch.openpbs.answers import recorded
from tests.batch.recorded import said
from torque_mesos.batch.base import Refused
from torque_mesos.batch.openpbs import OpenPbsServer
from torque_mesos.batch.openpbs_settings import OpenPbsSettings


class TestPrepare:
    def test_a_server_that_is_right_is_left_alone(self, runner, tmp_path):
        settings = OpenPbsSettings(home=tmp_path, node_fail_requeue_s=310)
        OpenPbsServer(settings, runner).prepare(["workq"], 100)
        assert runner.changes() == [("qmgr", "-c", "list resource")]

    def test_what_the_settings_ask_for(self, runner, tmp_path):
        settings = OpenPbsSettings(home=tmp_path, node_fail_requeue_s=60)
        OpenPbsServer(settings, runner).prepare([], 100)
        assert [command[2] for command in runner.changes()] == [
            "set server node_fail_requeue=60",
            "list resource",
        ]

    @pytest.mark.parametrize(
        ("now", "longest", "then"),
        [("0", 60, "60"), ("-5", 60, "60"), ("30", 60, None), ("310", 1, "20"), ("5", 60, None)],
    )
    def test_jobs_do_not_stay_on_lost_nodes(self, runner, tmp_path, now, longest, then):
        text = recorded("qstat-server").stdout.replace('requeue":310', f'requeue":{now}')
        runner.answer("qstat", "-B", "-f", by=said(stdout=text))
        OpenPbsServer(OpenPbsSettings(home=tmp_path, node_fail_requeue_s=longest), runner).prepare(
            [], 100
        )
        set_to = [c[2].partition("requeue=")[2] for c in runner.changes() if "requeue" in c[2]]
        assert set_to == ([then] if then else [])

    def test_a_queue_that_is_missing(self, server, runner, tmp_path):
        with pytest.raises(Refused, match="elastic"):
            server.prepare(["elastic"], 100)
        allowed = OpenPbsSettings(home=tmp_path, create_queue=True)
        OpenPbsServer(allowed, runner).prepare(["elastic"], 100)
        assert runner.changes()[0][2].startswith("create queue elastic ")

    def test_resources_that_the_scheduler_does_not_look_at_are_told(self, server, runner, tmp_path):
        resources = (
            "Resource fast\n    type = boolean\n    flag = h\n\n"
            "Resource pool\n    type = string\n    flag = h\n\n"
            "Resource ngpus\n    type = long\n    flag = hn\n\n"
            "Resource total\n    type = long\n"
        )
        runner.answer("qmgr", "-c", "list resource", by=said(stdout=resources))
        (tmp_path / "sched_priv").mkdir()
        config = tmp_path / "sched_priv" / "sched_config"
        config.write_text('# resources: "pool"\nresources: "ncpus, mem, host, vnode, ngpus"\n')
        server.prepare([], 100)
        (problem,) = server.read().problems
        assert "pool" in problem
        assert str(config) in problem
