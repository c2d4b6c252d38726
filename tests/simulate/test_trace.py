from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulate.worlds import MACHINES, SWF, small
from torque_mesos.decide.request import parse_nodes
from torque_mesos.simulate.dialect import Dialect
from torque_mesos.simulate.machines import FormatError, Machine, read_machines
from torque_mesos.simulate.trace import read_trace

FAT = Machine("fat1", 16, 65536.0, frozenset({"fat", "ssd"}))
THIN = Machine("thin1", 4, 16384.0, frozenset({"thin"}))


def test_machines_are_counted_and_named() -> None:
    machines = read_machines(MACHINES)
    assert [m.name for m in machines] == ["fat1", "fat2"] + [f"thin{i}" for i in range(1, 7)]
    assert machines[0].cpus == 16
    assert machines[0].mem_mb == 65536
    assert machines[0].properties == {"fat", "cl_fat", "nodecpus16", "ssd"}


@pytest.mark.parametrize(
    "line", ["0 fat", "0 fat two 16 1 1000", "0 fat 0 16 1 1000", "0 a 1 0 1 9"]
)
def test_a_machine_that_cannot_be_read_is_quoted(tmp_path: Path, line: str) -> None:
    file = tmp_path / "machines"
    file.write_text(f"# head\n{line}\n")
    with pytest.raises(FormatError, match=f"machines:2: '{line}'"):
        read_machines(file)


def test_a_host_twice_and_no_host_at_all(tmp_path: Path) -> None:
    file = tmp_path / "machines"
    file.write_text("0 fat 2 4 1 1000\n1 fat 1 4 1 1000\n")
    with pytest.raises(FormatError, match="a second host fat1"):
        read_machines(file)
    file.write_text("; nothing\n")
    with pytest.raises(FormatError, match="no machine"):
        read_machines(file)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("1:ppn=1.5:brno", "1:ppn=2:brno"),
        ("2:ppn=4", "2:ppn=4"),
        ("1:ppn=8:^fat1.site.test", "1:ppn=8:not.fat1"),
        ("1:^fat1.site.test:^thin1:ppn=2", "1:not.fat1:not.thin1:ppn=2"),
        ("1:ppn=1:host=fat1.site.test", "1:ppn=1:fat1"),
        ("fat1.site.test:ppn=12", "fat1:ppn=12"),
        ("1:ppn=1:mem=3gb", "1:ppn=1"),
        ("1:ppn=4:ssd:ssd:ssd", "1:ppn=4:ssd"),
        ("1:ppn=64:ssd#excl", "1:ppn=64:ssd"),
        ("1:ppn=64#ssd#shared", "1:ppn=64#ssd"),
        ("1:ppn=1+2:ppn=2", "1:ppn=1+2:ppn=2"),
    ],
)
def test_the_dialect_in_torques_words(text: str, right: str) -> None:
    translated = Dialect([FAT, THIN]).translate(text)
    assert translated == right
    parse_nodes(translated)


def test_words_become_properties_where_they_hold() -> None:
    dialect = Dialect([FAT, THIN])
    for text in ("1:ppn=1:brno", "1:^fat", "1:^thin1.site.test"):
        dialect.translate(text)
    fat, thin = dialect.machines()
    assert fat.properties == {"fat", "ssd", "brno", "not.thin1"}
    assert thin.properties == {"thin", "brno", "not.fat"}
    assert dialect.notes() == ("all machines are taken to have: brno",)


@pytest.mark.parametrize("text", ["1:ppn=x", "1:ppn=0", "1:ppn=-2", "1:ppn=1e9", "1:colour=red"])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        Dialect([FAT]).translate(text)


@pytest.mark.parametrize(
    ("processors", "right"),
    [(1, "1:ppn=1"), (16, "1:ppn=16"), (17, "1:ppn=9+1:ppn=8"), (48, "3:ppn=16")],
)
def test_processors_without_a_request_go_to_few_hosts(processors: int, right: str) -> None:
    assert Dialect([FAT, THIN]).spread(processors) == right
    assert parse_nodes(right).slots == processors


def test_the_made_up_trace() -> None:
    trace = small()
    assert len(trace.jobs) == 399
    assert len(trace.problems) == 1
    assert "small.swf:81: a run time of -1000 s" in trace.problems[0]
    assert trace.jobs[0].submit_s == 0
    assert [job.submit_s for job in trace.jobs] == sorted(job.submit_s for job in trace.jobs)
    assert "all machines are taken to have: linux" in trace.notes
    by_id = {job.job_id: job for job in trace.jobs}
    line = SWF.read_text().splitlines()[3 + 9].split()
    assert by_id["10.sim"].run_s == float(line[3])
    assert by_id["10.sim"].walltime_s == float(line[8])
    assert by_id["10.sim"].queue == line[19]


def test_eighteen_columns_and_lines_that_are_none(tmp_path: Path) -> None:
    file = tmp_path / "t.swf"
    fields = "7 100 5 60 20 -1 -1 20 600 -1 1 3 1 1 1 1 -1 -1"
    file.write_text(f"; Version: 2\n\n{fields}\n8 100 5\n9 x {fields[6:]}\n")
    trace = read_trace(file, [FAT, THIN])
    (job,) = trace.jobs
    assert (job.job_id, job.nodes, job.owner, job.queue) == (
        "7.sim",
        "2:ppn=10",
        "user3@sim",
        "batch",
    )
    assert [problem.partition(" ")[0] for problem in trace.problems] == ["t.swf:4:", "t.swf:5:"]
    file.write_text("nothing of use\n")
    with pytest.raises(FormatError, match="no job in it can be read"):
        read_trace(file, [FAT])


@pytest.mark.parametrize(
    ("column", "value"), [(1, "nan"), (3, "inf"), (4, "inf"), (8, "inf"), (8, "1e400")]
)
def test_a_number_that_is_none_leaves_the_job_out(tmp_path: Path, column: int, value: str) -> None:
    good = "1 0 -1 10 1 -1 -1 -1 60 -1 1 1 1 1 1 1 -1 -1"
    fields = good.split()
    fields[column] = value
    file = tmp_path / "t.swf"
    file.write_text(f"{good}\n{' '.join(fields)}\n")
    trace = read_trace(file, [FAT])
    assert len(trace.jobs) == 1
    assert "t.swf:2: " in trace.problems[0]
