import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.batch.recorded import recorded
from torque_mesos.batch.base import UnreadableAnswer
from torque_mesos.batch.torque_xml import parse_exec_host, parse_jobs, parse_nodes, parse_slots
from torque_mesos.model import JobState, NodeState


def job_xml(number: int, *, more: str = "", state: str = "Q") -> str:
    return (
        f"<Job><Job_Id>{number}.head</Job_Id><Job_Name>j</Job_Name><Job_Owner>u@head</Job_Owner>"
        f"<job_state>{state}</job_state><queue>batch</queue>{more}</Job>"
    )


def node_xml(name: str, *, state: str = "free", more: str = "") -> str:
    return f"<Node><name>{name}</name><state>{state}</state><np>2</np>{more}</Node>"


def data(*records: str) -> str:
    return f'<?xml version="1.0"?>\n<Data>{"".join(records)}</Data>\n'


class TestJobs:
    def test_recorded_jobs(self):
        answer = parse_jobs(recorded("qstat-x-t-mix").stdout)
        assert answer.problems == ()
        jobs = {job.job_id: job for job in answer.jobs}
        assert list(jobs)[:3] == ["0.head", "1.head", "2.head"]
        assert len(jobs) == 25
        assert jobs["0.head"].state is JobState.COMPLETE
        assert jobs["0.head"].exit_status == 0
        assert jobs["0.head"].comment == "Job started on Fri Nov 20 at 15:32"
        two = jobs["2.head"]
        assert (two.name, two.owner, two.queue) == ("j2x2", "batchuser@head", "batch")
        assert two.exec_nodes == ("n3", "n2")
        assert two.queued_s == 1795188794
        assert two.resources["nodes"] == "2:ppn=2"
        assert two.exit_status is None
        assert jobs["3.head"].exec_nodes == ()
        assert (two.starts, jobs["3.head"].starts) == (1, 0)
        assert jobs["3.head"].resources["mem"] == "100mb"

    def test_what_decides_on_a_jobs_turn_is_read(self):
        more = (
            "<euser>alice</euser><egroup>staff</egroup><Account_Name>physics</Account_Name>"
            "<Priority>-7</Priority><Hold_Types>us</Hold_Types><depend>afterok:1.head@head</depend>"
        )
        plain, told = parse_jobs(data(job_xml(1), job_xml(2, more=more))).jobs
        assert (plain.user, plain.group, plain.account, plain.priority) == ("u", "", "", 0)
        assert (plain.holds, plain.dependent, plain.array) == ("", False, None)
        assert (told.user, told.group, told.account) == ("alice", "staff", "physics")
        assert (told.priority, told.holds, told.dependent) == (-7, "us", True)
        assert parse_jobs(data(job_xml(9).replace("9.h", "9[3].h"))).jobs[0].array == "9[].head"

    def test_sub_jobs_stand_apart_and_their_array_is_not_doubled(self):
        jobs = parse_jobs(recorded("qstat-x-t-mix").stdout).jobs
        assert sum(job.job_id.startswith("9[") for job in jobs) == 10
        summary = job_xml(9).replace("9.head", "9[].head")
        assert parse_jobs(data(summary, job_xml(10))).jobs[0].job_id == "10.head"

    def test_a_job_that_wants_its_nodes_for_itself(self):
        """`qsub -n`."""
        alone, plain = parse_jobs(
            data(job_xml(1, more="<node_exclusive>True</node_exclusive>"), job_xml(2))
        ).jobs
        assert alone.resources["naccesspolicy"] == "singlejob"
        assert "naccesspolicy" not in plain.resources

    def test_what_is_said_for_the_scheduler(self):
        """`qsub -W x=`, as TORQUE 6.1.3 tells it."""
        more = "<x>NACCESSPOLICY:SINGLEJOB;HOSTLIST:n1</x>"
        said_so, plain = parse_jobs(data(job_xml(1, more=more), job_xml(2))).jobs
        assert said_so.resources["x"] == "NACCESSPOLICY:SINGLEJOB;HOSTLIST:n1"
        assert "x" not in plain.resources

    def test_no_jobs(self):
        assert parse_jobs(recorded("qstat-x-empty").stdout).jobs == ()

    def test_stray_bytes_of_a_users_environment_hide_no_job(self):
        text = recorded("qstat-x-t-stray-bytes").stdout
        assert "\x1b" in text
        answer = parse_jobs(text)
        assert answer.problems == ()
        assert len(answer.jobs) == 11
        assert answer.jobs[0].name == "a<b&c"
        assert answer.jobs[2].job_id == "2.head"

    def test_a_record_that_is_not_xml_is_reported_and_left_out(self):
        text = data(job_xml(1), job_xml(2, more="<comment>a & b</comment>"), job_xml(3))
        answer = parse_jobs(text)
        assert [job.job_id for job in answer.jobs] == ["1.head", "3.head"]
        assert len(answer.problems) == 1
        assert answer.problems[0].startswith("job 2.head: ")

    @pytest.mark.parametrize(
        ("record", "says"),
        [
            (job_xml(2, state="?"), "unknown job_state '?'"),
            (job_xml(2, more="<exec_host>n1</exec_host>"), "exec_host 'n1'"),
            (job_xml(2, more="<qtime>noon</qtime>"), "noon"),
            (job_xml(2).replace("job_state", "state"), "no <job_state>"),
            (job_xml(2).replace("<Job_Id>2.head</Job_Id>", ""), "job without an id"),
            (job_xml(2).replace("u@head", ""), "no <Job_Owner>"),
        ],
    )
    def test_a_record_that_makes_no_sense_is_reported_and_left_out(self, record, says):
        answer = parse_jobs(data(job_xml(1), record, job_xml(3)))
        assert [job.job_id for job in answer.jobs] == ["1.head", "3.head"]
        assert len(answer.problems) == 1
        assert says in answer.problems[0]

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "\n",
            '<?xml version="1.0"?>\n',
            data(job_xml(1), job_xml(2))[:-20],
            data(job_xml(1)).removesuffix("</Data>\n"),
            data(job_xml(1)) + "qstat: trouble",
            "<Data><Error>no</Error></Data>",
            "<Data>" + job_xml(1) + " & " + job_xml(2) + "</Data>",
            "<Data>" + job_xml(1) + "&" + "</Data>",
            "<html><Data></Data></html>",
            "Job ID  Name\n0.head  x\n",
        ],
    )
    def test_a_document_that_is_not_whole_is_never_a_short_one(self, text):
        with pytest.raises(UnreadableAnswer):
            parse_jobs(text)

    def test_the_error_quotes_the_place(self):
        with pytest.raises(UnreadableAnswer, match="between two records: ' & '"):
            parse_jobs("<Data>" + job_xml(1) + " & " + job_xml(2) + "</Data>")

    def test_entities_are_not_expanded(self):
        bomb = '<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa">]>'
        with pytest.raises(UnreadableAnswer):
            parse_jobs(bomb + data(job_xml(1, more="<comment>&a;</comment>")))

    def test_twenty_thousand_jobs_are_quick(self):
        record = recorded("qstat-x-t-mix").stdout.split("<Job>")[1].partition("</Job>")[0]
        text = data(*[f"<Job>{record}</Job>"] * 13_000)
        assert len(text) > 20_000_000
        started = time.process_time()
        assert len(parse_jobs(text).jobs) == 13_000
        assert time.process_time() - started < 3.0


class TestNodes:
    def test_recorded_nodes(self):
        answer = parse_nodes(recorded("pbsnodes-x-mix").stdout)
        assert answer.problems == ()
        nodes = {node.name: node for node in answer.nodes}
        assert list(nodes) == ["n1", "n2", "n3", "n11", "n12", "n13"]
        assert nodes["n1"].states == {NodeState.JOB_EXCLUSIVE}
        assert nodes["n1"].properties == {"foo"}
        assert dict(nodes["n1"].slots) == {0: "1.head", 1: "9[0].head"}
        assert dict(nodes["n2"].slots) == {0: "2.head", 1: "2.head"}
        assert nodes["n2"].jobs == {"2.head"}
        assert (nodes["n13"].states, nodes["n13"].np) == ({NodeState.DOWN}, 2)
        assert nodes["n13"].properties == frozenset()

    def test_gpus(self):
        plain, with_gpus = parse_nodes(
            data(node_xml("n1"), node_xml("n2", more="<gpus>2</gpus>"))
        ).nodes
        assert (plain.gpus, with_gpus.gpus) == (0, 2)

    def test_states_are_a_set_and_the_note_is_read(self):
        node = parse_nodes(recorded("pbsnodes-x-offline-busy").stdout).nodes[0]
        assert node.states == {NodeState.OFFLINE, NodeState.JOB_EXCLUSIVE}
        assert node.note == "drain"
        new = parse_nodes(data(node_xml("n1", state="down,offline,MOM-list-not-sent"))).nodes[0]
        assert new.states == {NodeState.DOWN, NodeState.OFFLINE, NodeState.MOM_LIST_NOT_SENT}

    @pytest.mark.parametrize(
        "record",
        [
            node_xml("n2", state="free,dancing"),
            node_xml("n2", more="<jobs>0-1/</jobs>"),
            node_xml("n2").replace("<np>2</np>", "<np>two</np>"),
            node_xml("n2").replace("<np>2</np>", ""),
            node_xml("n2", more="<note>a & b</note>"),
        ],
    )
    def test_a_node_that_cannot_be_read_is_named(self, record):
        answer = parse_nodes(data(node_xml("n1"), record, node_xml("n3")))
        assert [node.name for node in answer.nodes] == ["n1", "n3"]
        assert answer.unreadable == {"n2"}
        assert len(answer.problems) == 1
        assert "node n2: " in answer.problems[0]

    def test_a_slot_that_was_given_twice_hides_no_job(self):
        answer = parse_nodes(data(node_xml("n1", more="<jobs>0/1.head,1/2.head,1/3.head</jobs>")))
        node = answer.nodes[0]
        assert node.jobs == {"1.head", "2.head", "3.head"}
        assert dict(node.slots) == {0: "1.head", 1: "2.head", 2: "3.head"}
        assert answer.problems == ("node n1: slot 1 is held by 2.head and by 3.head",)

    @pytest.mark.parametrize(
        "text", ["", "<Data>", data(node_xml("n1"))[:-9], "n1\n  state = free"]
    )
    def test_a_document_that_is_not_whole_is_an_error(self, text):
        with pytest.raises(UnreadableAnswer):
            parse_nodes(text)


class TestSlots:
    @pytest.mark.parametrize(
        ("text", "pairs"),
        [
            ("0/1.head", ((0, "1.head"),)),
            ("0-1/2.head,3/9[0].head", ((0, "2.head"), (1, "2.head"), (3, "9[0].head"))),
            ("0/2.head, 1/2.head", ((0, "2.head"), (1, "2.head"))),
            ("0,2-3/2.head", ((0, "2.head"), (2, "2.head"), (3, "2.head"))),
        ],
    )
    def test_ranges_and_lists(self, text, pairs):
        assert parse_slots(text) == pairs

    @pytest.mark.parametrize("text", ["", "/1.head", "x/1.head", "3-1/1.head", "0/", "0", "0/a,1"])
    def test_anything_else_is_an_error_that_quotes_it(self, text):
        with pytest.raises(ValueError, match="jobs "):
            parse_slots(text)

    @given(held=st.dictionaries(st.integers(0, 500), st.sampled_from(["1.head", "2[7].h.test"])))
    def test_what_the_server_writes_is_read_back(self, held):
        parts = [f"{slot}/{job}" for slot, job in held.items()]
        assert not parts or dict(parse_slots(",".join(parts))) == held

    def test_exec_host_of_both_generations(self):
        assert parse_exec_host("n3/0-1+n2/0-1") == ("n3", "n2")
        assert parse_exec_host("n1.cluster.test/1+n1.cluster.test/0") == ("n1.cluster.test",)
