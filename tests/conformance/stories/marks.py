"""Nodes that are offline, with notes, new."""

from __future__ import annotations

from collections.abc import Sequence

from tests.conformance.site import (
    Site,
    reaches,
    states,
    submit,
    until,
)
from tests.conformance.steps import (
    Step,
    command,
    reported_by,
    settings,
    with_nodes,
    with_records,
)


def busy_offline(site: Site) -> None:
    """n1's slots are all a job's, and it is offline with a note."""
    job = submit(site, "-l", "nodes=n1:ppn=2", "-v", "SLP=100")
    reaches(site, job, "R")
    site.run(["pbsnodes", "-o", "-N", "drain", "n1"])


def drained(site: Site) -> None:
    """Its jobs are gone."""
    site.run(["qdel", "-p", "0.head"])
    until(lambda: states(site)["n1"] == {"offline"}, "n1 is idle")


STORIES: dict[str, Sequence[Step]] = {
    "nodes that are marked": [
        with_nodes("n1", properties="foo"),
        with_records("n6", "n200"),
        with_nodes("n3", properties="foo"),
        reported_by("n1", "n3"),
        "04-pbsnodes-unknown",
        "04-pbsnodes-x-unknown",
        "04-pbsnodes-o-unknown",
        "04-pbsnodes-n-n3",
        "04-pbsnodes-note-set",
        "04-pbsnodes-note-clear",
        "04-pbsnodes-o-N",
        "04-pbsnodes-show",
        command("pbsnodes -N '' n3"),
        "04-pbsnodes-note-list",
        command("pbsnodes -N vcc:drain n3"),
        lambda site: site.kill_mom("n3"),  # else its next report may be faster than we
        "04-pbsnodes-r",
        "04-pbsnodes-show2",
        "04-qdel-unknown",
        "04-qstat-unknown",
        "04-qstat-x-unknown",
        busy_offline,
        "04-pbsnodes-x-offline-busy",
        drained,
        "04-pbsnodes-offline-after",
    ],
    "marks of nodes that are down": [
        settings("create node n200 np=1000"),
        with_records("n15", "n20"),
        with_nodes("n1"),
        with_records("n46", "10.77.0.57"),
        command("pbsnodes -o n15"),
        busy_offline,
        "04-pbsnodes-l-n-note",
    ],
    "a new node": [
        with_nodes("n3"),
        reported_by("n3"),
        command("pbsnodes -o n3"),
        "04-pbsnodes-offline-n3",
        settings("create node n11 np=2"),
        "04-pbsnodes-l",
    ],
}
