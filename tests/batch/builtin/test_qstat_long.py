"""qstat's wide lists, held to recorded answers of TORQUE."""

from __future__ import annotations

import re

import pytest

from tests.batch.builtin.cluster import Cluster
from tests.batch.builtin.recorded import recorded
from tests.batch.builtin.test_show import _jobs
from torque_mesos.batch.builtin import qstat_long
from torque_mesos.batch.builtin.qstat_options import BadOptions, parse


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("04-mix-qstat_-a", ["-a"]),
        ("04-mix-qstat_-n", ["-n"]),
        ("04-mix-qstat_-n_-1", ["-n", "-1"]),
    ],
)
def test_as_recorded(name: str, options: list[str]) -> None:
    _, out, _ = recorded(name)
    told = list(_jobs().items())
    ours = "\n".join(qstat_long.lines("head", told, parse(options)[0])) + "\n"
    # How long they have run now is not what was recorded.
    elapsed = re.compile(r"R [ \d:]{9}")
    assert elapsed.sub("R", ours) == elapsed.sub("R", out)


@pytest.mark.parametrize(
    ("state", "options", "expected"),
    [
        ("Q", ["-i"], True),
        ("C", ["-i"], False),
        ("R", ["-i"], False),
        ("R", ["-r"], True),
        ("C", ["-r"], False),
        ("R", ["-u", "bob,alice"], True),
        ("R", ["-u", "bob"], False),
    ],
)
def test_which_jobs_are_listed(state: str, options: list[str], expected: bool) -> None:
    shown = {"job_state": state, "Job_Owner": "alice@head", "server": "head"}
    assert qstat_long.wanted(shown, parse(options)[0]) is expected


def test_queues_as_recorded() -> None:
    counts = "Transit:0 Queued:{} Held:{} Waiting:0 Running:0 Exiting:0 Complete:0 "
    on = {"enabled": "True", "started": "True"}
    limit = {"resources_max.walltime": "00:01:00"}
    told = [
        ("limited", list({**on, **limit, "state_count": counts.format(1, 2)}.items())),
        ("rstop", list({**on, "started": "False", "state_count": counts.format(2, 0)}.items())),
    ]
    assert qstat_long.queue_lines("head", told) == [
        "\nserver: head\n\n"
        "Queue            Memory CPU Time Walltime Node  Run Que Lm  State\n"
        "---------------- ------ -------- -------- ----  --- --- --  -----",
        "limited            --      --    00:01:00   --    0   3 --   E R",
        "rstop              --      --       --      --    0   2 --   E S",
        "                                               ----- -----\n"
        "                                                   0     5",
    ]


@pytest.mark.system
def test_lists_of_a_server(cluster: Cluster) -> None:
    assert cluster.run("qstat", "-r").stdout == ""
    cluster.submit("true\n", "-N", "one")
    user = cluster.account.pw_name
    for options in (["-a"], ["-i"], ["-u", user], ["-a", "batch"], ["-n"]):
        assert cluster.run("qstat", *options).stdout.count("one  ") == 1, options
    assert cluster.run("qstat", "-u", "nobody").stdout == ""
    done = cluster.run("qstat", "-q")
    assert done.stdout.startswith("\nserver: head.cluster.test\n\nQueue  ")
    traced = cluster.run("tracejob", "-m", "-l", "0")
    assert traced.stdout.startswith("\nJob: 0.head.cluster.test\n\n")
    assert "  A    queue=batch\n" in traced.stdout


@pytest.mark.parametrize(
    "words", [["-Q", "-B"], ["-a", "-f"], ["-1"], ["-a", "-i"], ["-q", "-f"], ["-W", "x"], ["-u"]]
)
def test_options_that_do_not_go_together(words: list[str]) -> None:
    with pytest.raises(BadOptions, match="usage"):
        parse(words)


@pytest.mark.parametrize(
    ("size", "unit", "shown"),
    [("10mb", "G", "1gb"), ("10mb", "M", "2mw"), ("3gb", "G", "3gb"), ("8w", "M", "1mw")],
)
def test_sizes_in_one_unit(size: str, unit: str, shown: str) -> None:
    assert qstat_long.in_unit(size, frozenset(unit)) == shown
    assert qstat_long.in_unit(size, frozenset()) == size


def test_the_list_of_reservations() -> None:
    shown = {
        "Job_Name": "s1",
        "Job_Owner": "alice@head",
        "job_state": "W",
        "queue": "batch",
        "server": "head",
        "Resource_List.nodes": "n1",
        "Resource_List.nodect": "1",
        "Resource_List.walltime": "01:00:00",
    }
    out = qstat_long.lines("head", [("8.head", list(shown.items()))], parse(["-R"])[0])
    assert out[0].splitlines()[3].endswith("S Time       BIG  FAST   PFS")
    assert out[1:] == [
        "8.head                  alice       batch        1      1       --   01:00:00 W"
        "  01:00:00   --    --    -- "
    ]


def test_the_processor_time_asked_for_comes_before_the_walltime() -> None:
    shown = {
        "Job_Name": "s1",
        "Job_Owner": "alice@head",
        "job_state": "R",
        "queue": "batch",
        "server": "head",
        "start_time": "1",
        "Resource_List.cput": "00:10:00",
        "Resource_List.walltime": "01:00:00",
    }
    for used, elapsed in (({}, "-- "), ({"resources_used.cput": "00:00:07"}, "00:00:07")):
        told = [("8.head", list({**shown, **used}.items()))]
        (row,) = qstat_long.lines("head", told, parse(["-a"])[0])[1:]
        assert row.endswith(f" 00:10:00 R {elapsed:>9}")
