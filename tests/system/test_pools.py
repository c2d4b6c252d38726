"""Two pools on agents of different attributes, each with a role: one does not hold up the other."""

from __future__ import annotations

import json

import pytest

from tests.system.conftest import StartStage
from tests.system.stage import Stage

pytestmark = pytest.mark.system

POOLS = """{fast = {queues = ["fast"], attributes = {kind = "fast"}, role = "fast",
 node_properties = ["fastnode"], safe_allocation = {cpus = 1.0}}}"""
SETTINGS = {
    "POOLS": POOLS.replace("\n", ""),
    "MESOS__ROLE": "batch",
    "COST__PER_CPU_HOUR": "3.0",
    "COST__BUDGET_PER_DAY": "1000.0",
}


@pytest.fixture(scope="module")
def pools(start_stage: StartStage) -> Stage:
    stage = start_stage(SETTINGS, agents=3, attributes=["kind:fast", "kind:plain", "kind:plain"])
    stage.manage("create queue fast queue_type=execution,resources_default.nodes=1")
    if stage.kind.batch != "openpbs":  # which has no neednodes; the jobs here ask for it, too
        stage.manage("set queue fast resources_default.neednodes=fastnode")
    stage.manage("set queue fast enabled=true,started=true")
    return stage


def test_a_pools_limit_holds_up_that_pool_only(pools: Stage) -> None:
    stage = pools
    quick, *slow = stage.hostnames
    properties = {name: node.properties for name, node in stage.nodes().items()}
    assert "fastnode" in properties[quick]
    assert all("fastnode" not in properties[name] for name in slow)
    first = stage.submit("fast0", "nodes=1:fastnode", queue="fast", held=True)
    assert stage.started(first).startswith(quick)
    second = stage.submit("fast1", "nodes=1:fastnode", queue="fast", held=True)
    assert "limit of pool fast" in stage.why(second, "pool-limit")
    plain = [stage.submit(f"plain{number}", held=True) for number in range(2)]
    for job in plain:
        assert not stage.started(job).startswith(quick)
    assert stage.starts(second) == []
    assert stage.cluster.used_resources(quick)["cpus"] == 1.0
    stage.let_go(first, *plain)
    assert stage.started(second).startswith(quick)
    stage.let_go(second)
    for job in (first, second, *plain):
        stage.output(job)
    stage.at_rest()


def test_the_framework_has_both_roles_and_remembers_what_was_spent(pools: Stage) -> None:
    stage = pools
    (framework,) = stage.cluster.frameworks()
    assert sorted(framework["roles"]) == ["batch", "fast"]
    path = stage.site.state / "spending.json"

    def spent() -> float:
        return float(json.loads(path.read_text())["spent"][""]["in_day"])

    job = stage.submit("costs", held=True)
    stage.started(job)
    stage.stop_framework()
    before = spent()
    assert before > 0
    stage.start_framework()
    stage.let_go(job)
    stage.output(job)
    stage.at_rest()
    stage.stop_framework()
    assert spent() > before
    stage.start_framework()
