"""The settings of pools, costs, floors: what they become, and what is said of wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from torque_mesos.config import ConfigError, load
from torque_mesos.config.pools import days_of
from torque_mesos.decide.pool import Budget, Limit, Pool, Schedule, Share

WHOLE = """
reserve_slots = 4
schedules = [{days = "mon-fri", begin = "07:30", end = "09:00", slots = 16}]
[mesos]
role = "batch"
[cost]
per_cpu_hour = 0.05
budget_per_day = 40
[pools.gpu]
queues = ["gpu*"]
accounts = "ml-*"
attributes = {kind = "gpu", rack = ["r1", "r2"]}
node_properties = ["gpunode"]
role = "batch/gpu"
safe_allocation = {nodes = 4, gpus = 8}
min_slots_held = 2
reserve_slots = 1
per_cpu_hour = 0.5
budget_per_month = 900
[pools.rest]
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "torque-mesos.toml"
    path.write_text(text)
    return path


def test_what_decide_is_told(tmp_path: Path) -> None:
    settings = load(written(tmp_path, WHOLE), {})
    policy = settings.policy("g1", None)
    gpu = Pool(
        "gpu",
        queues=("gpu*",),
        accounts=("ml-*",),
        attributes=(("kind", ("gpu",)), ("rack", ("r1", "r2"))),
        properties=("gpunode",),
        share=Share(Limit(nodes=4, gpus=8), 2, 1, (), Budget(None, 900)),
        price=0.5,
        role="batch/gpu",
    )
    assert policy.pools == (gpu, Pool("rest"))
    assert policy.fallback.name == "rest"
    assert policy.schedules == (Schedule(frozenset(range(5)), 27000, 32400, 16),)
    assert (policy.reserve_slots, policy.price, policy.budget) == (4, 0.05, Budget(40, None))
    assert settings.roles == ("batch", "batch/gpu")


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("daily", range(7)),
        ("mon-fri", range(5)),
        ("sat,sun", (5, 6)),
        ("sat-mon, wed", (5, 6, 0, 2)),
    ],
)
def test_days(text: str, days: object) -> None:
    assert days_of(text) == frozenset(days)  # type: ignore[call-overload]


def test_pools_may_be_given_by_a_variable() -> None:
    settings = load(None, {"TORQUE_MESOS_POOLS": '{gpu = {queues = ["gpu"], users = "a*"}}'})
    assert settings.policy("", None).pools == (Pool("gpu", queues=("gpu",), users=("a*",)),)


@pytest.mark.parametrize(
    ("text", "key", "right"),
    [
        ("[pools.gpu]\nqueue = 'a'", "pools.gpu.queue", "queues may be meant"),
        ("[pools.'1 x']", "pools.1 x", "named with a letter"),
        ("[pools.a]\n[pools.b]", "pools.b", "pools.a's already"),
        ("[pools.a]\nusers='u'\nrole='r'", "pools.a.role", "pools.a.attributes be set"),
        ("[pools.a]\nusers='u'\nmin_slots_held=1", "pools.a.min_slots_held", "attributes be set"),
        ("[pools.a]\nattributes={'a b'='x'}", "pools.a.attributes.a b", "name of an attribute"),
        ("[pools.a]\nrole='a b'", "pools.a.role", "should be a role"),
        ("[pools.a]\nper_cpu_hour=-1", "pools.a.per_cpu_hour", "greater than or equal to 0"),
        ("[pools.a]\nbudget_per_day=3", "pools.a.budget_per_day", "pools.a.per_cpu_hour be set"),
        ("[cost]\nbudget_per_day=3", "cost.budget_per_day", "per_cpu_hour be more than 0"),
        (
            "[pools.a]\nmin_slots_held=3\nsafe_allocation={cpus=2}",
            "pools.a.min_slots_held",
            "at most 2 slots",
        ),
        (
            "[pools.a]\nusers='a'\nattributes={k='v'}\n[pools.b]\nattributes={k='v'}",
            "pools.b.attributes",
            "should differ from pools.a.attributes",
        ),
        ("schedules=[{days='mo',begin='1:00',end='25:00',slots=1}]", "schedules.0.days", "mon-fri"),
        ("schedules=[{days='mo',begin='1:00',end='25:00',slots=1}]", "schedules.0.begin", "07:30"),
        ("schedules=[{days='mo',begin='1:00',end='25:00',slots=1}]", "schedules.0.end", "23:59"),
        ("schedules=[{begin='01:00',end='02:00'}]", "schedules.0.slots", "required"),
        (
            "schedules=[{begin='01:00',end='02:00',slots=9}]\nsafe_allocation={cpus=4}",
            "schedules.0.slots",
            "at most 4 slots",
        ),
        (
            "[batch]\nkind='openpbs'\nmode='existing'\n[pools.a]\nnode_properties=['a.b']",
            "pools.a.node_properties",
            "resource of OpenPBS",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    tmp_path: Path, text: str, key: str, right: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    (line,) = (line for line in str(caught.value).splitlines() if f": {key}" in line)
    assert line.startswith(f"{path}: ")
    assert right in line
