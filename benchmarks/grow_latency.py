"""qsub to first instruction on parked hosts: 1 node, and 4 nodes at once.

Real Mesos, the built-in batch server, `torque-mesos run`. Beside it, in turn with it, the
same steps by hand, with neither Mesos nor framework: qsub, start pbs_mom on the parked
hosts, wait until they are ready, `pbsnodes -c`, wake pbs_sched. The stages follow each
other: qsub returned; the launch was decided; Mesos has the executor's TASK_STARTING, then
its TASK_RUNNING, of the last node; the nodes are online; the first instruction.

GROW_LATENCY_TRIALS: how many of each (7).
"""

from __future__ import annotations

import json
import os
import pwd
import statistics
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.by_hand import ByHand, wait
from benchmarks.result import Result
from dev.demo.account import submitter
from dev.demo.site import SLOTS_PER_HOST, DemoError, Site
from torque_mesos.batch.torque_xml import parse_nodes
from torque_mesos.decide.worker import PARKED_NOTE

NEEDS_TORQUE = False

TRIALS = int(os.environ.get("GROW_LATENCY_TRIALS", "7"))
SIZES = (1, 4)
HOSTNAMES = tuple(f"n{number}.cluster.test" for number in range(1, max(SIZES) + 1))
STAGES = ("qsub", "launch", "starting", "running", "online", "first_instruction")
VARIABLES = {
    "TORQUE_MESOS_GRACE_S": "0.5",
    "TORQUE_MESOS_LOG_FORMAT": "json",
    "TORQUE_MESOS_BATCH__DELAY_SCALE": "0.1",
}
REFERENCE = "the same steps by hand, without Mesos"


class _Trials:
    """Jobs that note the time of their first instruction, and what was seen on the way."""

    def __init__(self, site: Site, hand: ByHand) -> None:
        self._site = site
        self._hand = hand
        self._count = 0

    def elastic(self, nodes: int) -> list[float]:
        """A job that the framework serves: the moments of all stages, from qsub's start."""
        log, commands = self._site.log.stat().st_size, self._commands().stat().st_size
        stamp = self._script(nodes)
        begin = time.time()
        self._site.batch("qsub", stamp.stem + ".sh")
        submitted = time.time()
        first = self._first_instruction(stamp)
        self._at_rest()
        events = [json.loads(line) for line in _lines(self._site.log, log)]
        launch = max(_at(event) for event in _those(events, "plan", action="Launch"))
        starting = max(_at(event) for event in _those(events, "task", state="STARTING"))
        running = max(_at(event) for event in _those(events, "task", state="RUNNING"))
        online = max(
            command["at"]
            for line in _lines(self._commands(), commands)
            if "-c" in (command := json.loads(line))["argv"]
            and command["argv"][0].endswith("/pbsnodes")
        )
        return [at - begin for at in (submitted, launch, starting, running, online, first)]

    def by_hand(self, nodes: int) -> float:
        """The same job on the other server: the moment of its first instruction."""
        stamp = self._script(nodes)
        names = HOSTNAMES[:nodes]
        begin = time.time()
        self._site.as_account(self._hand.bin_dir / "qsub", stamp.stem + ".sh")
        self._hand.grow(names)
        first = self._first_instruction(stamp)
        wait(lambda: not self._hand.busy(), "the job by hand has ended")
        self._hand.park(names)
        return first - begin

    def _script(self, nodes: int) -> Path:
        self._count += 1
        stamp = self._site.jobs / f"trial{self._count}.stamp"
        stamp.with_suffix(".sh").write_text(
            f"#PBS -S /bin/bash\n#PBS -l nodes={nodes}:ppn={SLOTS_PER_HOST}\n"
            f"echo $EPOCHREALTIME > {stamp}.new\nmv {stamp}.new {stamp}\n"
        )
        return stamp

    def _first_instruction(self, stamp: Path) -> float:
        wait(stamp.exists, f"{stamp.stem} runs")
        return float(stamp.read_text())

    def _at_rest(self) -> None:
        wait(lambda: at_rest(self._site), "every node is parked, and nothing lent")

    def _commands(self) -> Path:
        return self._site.state / "commands.jsonl"


def at_rest(site: Site) -> bool:
    """Whether every node is parked and Mesos has everything."""
    time.sleep(0.2)  # do not disturb what is being waited for
    site.check_running()
    if any(site.cluster.used_resources().values()):
        return False
    try:
        nodes = parse_nodes(site.batch("pbsnodes", "-x")).nodes
    except DemoError:
        return False  # the server is being started
    notes = {node.name: node.note for node in nodes}
    return all(notes.get(name) == PARKED_NOTE for name in HOSTNAMES)


def _lines(path: Path, offset: int) -> Iterator[str]:
    with path.open() as file:
        file.seek(offset)
        yield from (line for line in file if line.startswith("{"))


def _those(events: Sequence[dict[str, Any]], kind: str, **fields: str) -> list[dict[str, Any]]:
    wanted = {"event": kind, **fields}
    return [event for event in events if wanted.items() <= event.items()]


def _at(event: dict[str, Any]) -> float:
    return datetime.fromisoformat(event["timestamp"]).timestamp()


def _results(nodes: int, ours: list[list[float]], hand: list[float]) -> Iterator[Result]:
    name = f"grow_latency_{nodes}"
    size = f"{nodes} node{'s' * (nodes > 1)}, {len(ours)} trials"
    totals = [moments[-1] for moments in ours]
    for kind, of in (("median", statistics.median), ("worst", max)):
        value, beside = of(totals), of(hand)
        yield Result(f"{name}.{kind}", value, "s", REFERENCE, value / beside, size)
    for number, stage in enumerate(STAGES):
        spent = [at[number] - (at[number - 1] if number else 0.0) for at in ours]
        yield Result(f"{name}.{stage}", statistics.median(spent), "s", size=size)


def run() -> Iterable[Result]:
    """Measure both in turn, after one trial of each that does not count."""
    account = submitter(os.geteuid(), os.environ, pwd.getpwall())
    with Site(account, hostnames=HOSTNAMES, variables=VARIABLES) as site:
        site.start_mesos()
        site.start_framework()
        wait(lambda: at_rest(site), "all records are parked")
        hand = ByHand(site)
        try:
            hand.start()
            trials = _Trials(site, hand)
            for nodes in SIZES:
                trials.elastic(nodes)
                trials.by_hand(nodes)
                ours, reference = [], []
                for _ in range(TRIALS):
                    ours.append(trials.elastic(nodes))
                    reference.append(trials.by_hand(nodes))
                yield from _results(nodes, ours, reference)
        finally:
            hand.stop()
