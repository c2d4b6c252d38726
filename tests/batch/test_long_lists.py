"""Long lists are read piece by piece; no record is lost between two pieces."""

from __future__ import annotations

import json

import pytest

from benchmarks.parse import openpbs_text, torque_text
from torque_mesos.batch import openpbs_jobs, torque_records, torque_xml
from torque_mesos.batch.base import UnreadableAnswer

COUNT = 300


@pytest.fixture(params=[1, 2000, 2**30])
def piece(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(torque_records, "_PIECE", request.param)
    return int(request.param)


@pytest.mark.usefixtures("piece")
class TestTorque:
    def test_all_jobs_are_read_in_their_order(self) -> None:
        jobs = torque_xml.parse_jobs(torque_text(COUNT))
        assert [job.job_id for job in jobs.jobs] == [f"{n}.head" for n in range(COUNT)]
        assert jobs.problems == ()

    def test_one_that_is_no_xml_is_the_only_one_left_out(self) -> None:
        text = torque_text(COUNT).replace("<Job_Id>100.head</Job_Id>", "<Job_Id>100.head</Job_I>")
        jobs = torque_xml.parse_jobs(text)
        assert len(jobs.jobs) == COUNT - 1
        assert len(jobs.problems) == 1

    @pytest.mark.parametrize("strange", ["<Other/>", "<Other></Other>", "text", "</Job>"])
    @pytest.mark.parametrize("after", [1, COUNT // 2, COUNT])
    def test_what_is_between_two_records_is_refused(self, strange: str, after: int) -> None:
        parts = torque_text(COUNT).split("</Job>")
        parts[after] = strange + parts[after]
        text = "</Job>".join(parts)
        if strange == "text":  # as ElementTree has it: not a record, and lost by nobody
            assert len(torque_xml.parse_jobs(text).jobs) == COUNT
        else:
            with pytest.raises(UnreadableAnswer):
                torque_xml.parse_jobs(text)

    def test_a_declaration_is_refused(self) -> None:
        text = torque_text(3).replace("<Data>", '<!DOCTYPE d [<!ENTITY e "x">]><Data>', 1)
        with pytest.raises(UnreadableAnswer):
            torque_xml.parse_jobs(text)
        jobs = torque_xml.parse_jobs(torque_text(3).replace("alice@", "<!ENTITY a 'b'>", 1))
        assert len(jobs.jobs) == 2


class TestOpenPbs:
    def test_all_jobs_are_read_in_their_order(self) -> None:
        jobs = openpbs_jobs.parse_jobs(openpbs_text(COUNT))
        assert [job.job_id for job in jobs.jobs] == [f"{n}.head" for n in range(COUNT)]

    def test_a_value_that_is_no_json_loses_none(self) -> None:
        text = openpbs_text(COUNT).replace('"substate":10', '"substate":nan')
        assert text.count(":nan") == 240
        jobs = openpbs_jobs.parse_jobs(text)
        assert [job.job_id for job in jobs.jobs] == [f"{n}.head" for n in range(COUNT)]

    @pytest.mark.parametrize("at", [0.2, 0.5, 0.999])
    def test_a_torn_answer_is_refused(self, at: float) -> None:
        text = openpbs_text(COUNT)
        with pytest.raises(UnreadableAnswer):
            openpbs_jobs.parse_jobs(text[: int(len(text) * at)])
        with pytest.raises(UnreadableAnswer):
            openpbs_jobs.parse_jobs(text[: int(len(text) * at)] + "}\n    }\n}\n")

    @pytest.mark.parametrize(
        "text",
        [
            '{"pbs_server":"a","Jobs":{}} more}',
            '{"pbs_server":"a","Jobs":{"1":{}}',
            '{"pbs_server":"a","Jobs":{"1":{},}}',
            '{"pbs_server":"a" "Jobs":{}}',
            '{"pbs_server":"a","Jobs":[]}',
            '{"pbs_server":"a",}',
            '{"Jobs":{}}',
            '{"pbs_server":"a","Job":{"1":{}}}',
            "{}",
            "{{}}",
        ],
    )
    def test_what_is_no_answer_is_refused(self, text: str) -> None:
        with pytest.raises(UnreadableAnswer):
            openpbs_jobs.parse_jobs(text)

    def test_the_order_and_the_white_space_of_a_document_do_not_matter(self) -> None:
        document = json.loads(openpbs_text(3))
        turned = dict(reversed(document.items()))
        for text in (
            json.dumps(turned),
            json.dumps(document, indent=1),
            f" \n{json.dumps(turned)}\n",
        ):
            assert len(openpbs_jobs.parse_jobs(text).jobs) == 3
        (job,) = openpbs_jobs.parse_jobs(
            '{"pbs_server":"a","Jobs":{"1\\u002ehead":'
            '{"Job_Owner":"a@b","queue":"q","job_state":"Q"}}}'
        ).jobs
        assert job.job_id == "1.head"
