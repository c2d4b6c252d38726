import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.batch.recorded import recorded
from torque_mesos.batch.base import UnreadableAnswer
from torque_mesos.batch.openpbs_jobs import parse_exec_vnode, parse_jobs
from torque_mesos.model import JobState

MIX = recorded("qstat-mix", "openpbs").stdout
NOT_JSON = recorded("qstat-not-json", "openpbs").stdout


def by_id(text: str):
    return {job.job_id: job for job in parse_jobs(text).jobs}


def document(key: str, records: dict[str, str]) -> str:
    """A list as the release prints it, of records whose text is given."""
    body = ",\n".join(f'        "{name}":{{\n{text}\n        }}' for name, text in records.items())
    return f'{{\n    "pbs_server":"head",\n    "{key}":{{\n{body}\n    }}\n}}'


def job_text(more: str = "") -> str:
    lines = [
        '"Job_Owner":"a@head"',
        '"job_state":"Q"',
        '"queue":"workq"',
        *([more] if more else []),
    ]
    return ",\n".join(f"            {line}" for line in lines)


class TestJobs:
    def test_a_running_job_has_its_nodes_and_its_cpus_there(self):
        jobs = parse_jobs(MIX)
        job = next(job for job in jobs.jobs if job.name == "multi")
        assert job.state is JobState.RUNNING
        assert job.exec_nodes == ("n1", "n2")
        assert dict(jobs.cpus[job.job_id]) == {"n1": 1, "n2": 1}
        assert (job.owner, job.queue) == ("alice@head", "workq")
        assert job.resources["select"] == "2:ncpus=1"
        assert job.resources["nodect"] == "2"
        assert job.queued_s == 1795201169.0

    def test_what_decides_on_a_jobs_turn_is_read(self):
        more = (
            '"euser":"alice",\n"egroup":"staff",\n"Account_Name":"physics",\n"project":"p1",\n'
            '"Priority":7,\n"Hold_Types":"us",\n"depend":"afterok:1.head@head",\n'
            '"eligible_time":"01:00:30"'
        )
        (job,) = parse_jobs(document("Jobs", {"2.head": job_text(more)})).jobs
        assert (job.user, job.group, job.account, job.project) == (
            "alice",
            "staff",
            "physics",
            "p1",
        )
        assert (job.priority, job.holds, job.dependent, job.eligible_s) == (7, "us", True, 3630.0)

    def test_no_job_is_lost(self):
        ids = re.findall(r'^        "([0-9]+(?:\[[0-9]+\])?\.head)":\{', MIX, re.MULTILINE)
        assert [job.job_id for job in parse_jobs(MIX).jobs] == ids
        assert len(ids) == 14
        assert parse_jobs(MIX).problems == ()

    def test_an_arrays_own_record_is_left_out(self):
        assert not any("[]" in job.job_id for job in parse_jobs(MIX).jobs)

    def test_sub_jobs_above_the_arrays_slot_limit_are_held(self):
        states = [job.state.value for job in parse_jobs(MIX).jobs if job.name == "arr"]
        assert "".join(states) == "RRHHH"

    def test_sub_jobs_below_the_limit_are_queued(self):
        text = MIX.replace('"max_run_subjobs":2', '"max_run_subjobs":4')
        states = [job.state.value for job in parse_jobs(text).jobs if job.name == "arr"]
        assert "".join(states) == "RRQQH"

    def test_sub_jobs_of_a_held_array_are_held_though_they_say_queued(self):
        assert [j.state for j in parse_jobs(MIX).jobs if j.name == "harr"] == [JobState.HELD] * 3

    def test_the_sub_jobs_of_a_later_version(self):
        jobs = by_id(recorded("later-qstat-array", "openpbs").stdout)
        assert jobs["25[1].psrv"].state is JobState.RUNNING
        assert jobs["25[5].psrv"].state is JobState.HELD
        assert "25[].psrv" not in jobs

    def test_a_waiting_job(self):
        assert next(j for j in parse_jobs(MIX).jobs if j.name == "later").state is JobState.WAITING

    def test_a_later_version(self):
        (job,) = parse_jobs(recorded("later-qstat", "openpbs").stdout).jobs
        assert (job.name, job.state, job.exec_nodes) == ("simple", JobState.RUNNING, ("pn1",))

    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("Fri Nov 20 15:40:23 2026", 1795189223.0),
            ("Mon Nov  2 00:00:01 2026", 1793577601.0),
            *((text, None) for text in ("", "soon", "Fri Nov 20 15:40 2026", "x" * 24)),
            ("Fri Foo 20 15:40:23 2026", None),
        ],
    )
    def test_the_time_it_was_queued(self, text, seconds):
        (job,) = parse_jobs(document("Jobs", {"1.head": job_text(f'"qtime":"{text}"')})).jobs
        assert job.queued_s == seconds

    def test_no_jobs(self):
        assert parse_jobs(recorded("later-qstat-empty", "openpbs").stdout).jobs == ()

    def test_values_that_are_not_json_lose_no_job(self):
        """`qsub -N nan`, and `+5`, `.5`, bytes that are not UTF-8 in the environment."""
        with pytest.raises(ValueError, match="Expecting value"):
            json.loads(NOT_JSON)
        jobs = parse_jobs(NOT_JSON)
        assert jobs.problems == ()
        assert [job.name for job in jobs.jobs][:3] == ["007", "nan", "inf"]
        assert len(jobs.jobs) == NOT_JSON.count('"job_state"') == 11

    def test_a_record_that_cannot_be_mended_is_named_and_left_out(self):
        text = document("Jobs", {"1.head": job_text(), "2.head": job_text('"A":"no end')})
        jobs = parse_jobs(text)
        assert [job.job_id for job in jobs.jobs] == ["1.head"]
        assert len(jobs.problems) == 1
        assert jobs.problems[0].startswith("job 2.head: ")

    @pytest.mark.parametrize("value", ["[" * 100_000, "1" * 5000, "+5", "{bad", "1e999", "-"])
    def test_whatever_a_value_is_the_job_is_there(self, value):
        text = document("Jobs", {"1.head": job_text(f'"A":{value}'), "2.head": job_text()})
        jobs = parse_jobs(text)
        assert jobs.jobs[-1].job_id == "2.head"
        assert len(jobs.jobs) + len(jobs.problems) == 2

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ('"job_state":"W"', '"job_state":"?"', "unknown job_state '?'"),
            ('"job_state":"W"', '"job_state":null', "it has no job_state"),
            ('"exec_vnode":"(n1:ncpus=1)+', '"exec_vnode":"(n1:ncpus=x)+', "'ncpus=x'"),
        ],
    )
    def test_a_strange_record_is_a_problem_of_its_own(self, old, new, said):
        jobs = parse_jobs(MIX.replace(old, new))
        assert len(jobs.jobs) == 13
        assert len(jobs.problems) == 1
        assert said in jobs.problems[0]

    @pytest.mark.parametrize("text", [MIX, NOT_JSON])
    def test_a_list_that_is_cut_off_is_never_a_short_one(self, text):
        whole = text.strip()
        for end in range(0, len(whole), 97):
            with pytest.raises(UnreadableAnswer):
                parse_jobs(whole[:end])

    @pytest.mark.parametrize("text", ["", "{}", '{"Jobs":{}}', "qstat: what?", "[]", "{\n}\n}"])
    def test_what_is_no_list_is_refused(self, text):
        with pytest.raises(UnreadableAnswer):
            parse_jobs(text)

    def test_something_between_records_is_quoted(self):
        lines = NOT_JSON.split("\n")
        lines.insert(5, "a word")
        with pytest.raises(UnreadableAnswer, match="line 6: 'a word'"):
            parse_jobs("\n".join(lines))

    @settings(max_examples=200, deadline=None)
    @given(
        st.lists(
            st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=30),
            min_size=1,
            max_size=5,
        )
    )
    def test_no_bare_value_takes_another_job_with_it(self, values):
        records = {f"{n}.head": job_text(f'"A":{value}') for n, value in enumerate(values)}
        records["99.head"] = job_text()
        jobs = parse_jobs(document("Jobs", records))
        known = {job.job_id for job in jobs.jobs}
        named = {problem.split(":")[0].removeprefix("job ") for problem in jobs.problems}
        assert "99.head" in known
        assert known | named == records.keys()

    @settings(max_examples=200, deadline=None)
    @given(st.integers(0, len(NOT_JSON) - 1), st.integers(0, 40), st.text(max_size=5))
    def test_damage_never_crashes(self, start, length, text):
        try:
            parse_jobs(NOT_JSON[:start] + text + NOT_JSON[start + length :])
        except UnreadableAnswer:
            return


class TestExecVnode:
    @pytest.mark.parametrize(
        ("text", "cpus"),
        [
            ("(n1:ncpus=1)", {"n1": 1}),
            ("(n1:ncpus=2:mem=51200kb)+(n2:ncpus=1+n3:mem=5kb)", {"n1": 2, "n2": 1, "n3": 0}),
            ("(n1:ncpus=1)+(n1:ncpus=1)", {"n1": 2}),
            ("(n1.cluster.test)", {"n1.cluster.test": 0}),
        ],
    )
    def test_cpus_by_vnode(self, text, cpus):
        assert parse_exec_vnode(text) == cpus

    @pytest.mark.parametrize("text", ["", "()", "(n1:ncpus)", "(:ncpus=1)", "(n1:ncpus=-1)"])
    def test_what_cannot_be_read_is_quoted(self, text):
        with pytest.raises(ValueError, match="cannot read"):
            parse_exec_vnode(text)
