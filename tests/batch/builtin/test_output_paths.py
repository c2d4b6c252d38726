"""Where a job's output goes: variables and folders in `-o` and `-e`, as TORQUE 6.1.3 does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.batch.builtin.cluster import Cluster
from torque_mesos.batch.builtin.mom_paths import NoPath, expand
from torque_mesos.batch.builtin.option_values import output_path

N1 = "n1.cluster.test"
VARIABLES = {"PBS_JOBID": "7.head", "HOME": "/home/alice"}


@pytest.mark.parametrize(
    ("path", "expanded"),
    [
        ("/d/o.$PBS_JOBID", "/d/o.7.head"),
        ("/d/o.${PBS_JOBID}x", "/d/o.7.headx"),
        ("${HOME}/o", "/home/alice/o"),
        (r"/d/o.\$PBS_JOBID", "/d/o.$PBS_JOBID"),
        ("/d/cost$", "/d/cost$"),
        ("head:/d/plain-1[2]", "head:/d/plain-1[2]"),
    ],
)
def test_variables(path: str, expanded: str) -> None:
    assert expand(path, VARIABLES) == expanded


@pytest.mark.parametrize("path", ["/d/$FOO", "/d/$PBS_JOBIDx", "/d/$(id)", "/d/`id`", "${A:-b}"])
def test_what_cannot_be_expanded_is_quoted(path: str) -> None:
    with pytest.raises(NoPath, match="cannot be expanded") as caught:
        expand(path, VARIABLES)
    assert repr(path) in str(caught.value)


def test_what_the_command_does_to_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    for value, asked in (
        ("sub", "sub/"),
        ("sub/", "sub/"),
        (":sub", ":sub/"),
        ("head:sub", "head:sub"),
        ("other", "other"),
        ("$HOME/o.$PBS_JOBID", "/home/alice/o.$PBS_JOBID"),
        ("head:$HOME/o", "head:/home/alice/o"),
        ("${PBS_JOBNAME}", "${PBS_JOBNAME}"),
    ):
        assert output_path(value, {"HOME": "/home/alice"}) == asked


@pytest.mark.system
def test_output_of_jobs(cluster: Cluster) -> None:
    cluster.with_nodes(N1)
    (cluster.work / "sub7").mkdir()
    cluster.give(cluster.work / "sub7")
    body = "echo out; echo err >&2\n"
    first = cluster.submit(body, "-j", "oe", "-o", "o.$PBS_JOBID")
    names = ("-o", "$PBS_JOBNAME.$FOO", "-e", "${PBS_JOBNAME}.err.$FOO")
    second = cluster.submit(body, "-N", "two", "-v", "FOO=bar", *names)
    third = cluster.submit(body, "-N", "k2", "-o", "sub7", "-e", "x.$NOSUCH")
    shown = cluster.job(third)["Output_Path"]
    for job in (first, second, third):
        assert cluster.wait_state(job, "C")["exit_status"] == "0"
    assert (cluster.work / f"o.{first}").read_text() == "out\nerr\n"
    assert (cluster.work / "two.bar").read_text() == "out\n"
    assert (cluster.work / "two.err.bar").read_text() == "err\n"
    made = f"k2.o{third.partition('.')[0]}"
    assert shown.endswith(f":{cluster.work}/sub7/{made}")
    assert (cluster.work / "sub7" / made).read_text() == "out\n"
    undelivered = cluster.mom_home(N1) / "undelivered"
    assert [path.name for path in undelivered.iterdir()] == [f"{third}.ER"]
    assert not list(cluster.work.glob("*$*"))
