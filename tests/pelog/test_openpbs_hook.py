"""OpenPBS' hook, run with a `pbs` module in the place of the server's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.pelog.scripts import HOSTILE, USER

EVENTS = ("BEGIN", "LAUNCH", "PRETERM", "END")
# What the hook uses of OpenPBS' module; at the end it tells what has become of the event.
PBS = """
import json, os, sys, types
EXECJOB_BEGIN, EXECJOB_LAUNCH, EXECJOB_PRETERM, EXECJOB_END = range(4)
given = json.loads(os.environ["GIVEN"])
pbs_conf = {"PBS_HOME": given["home"]}
logged = []
class Job:
    id, Job_Name, Job_Owner = given["id"], given["name"], given["owner"]
    euser, egroup = given["euser"], given["egroup"]
    def in_ms_mom(self):
        return given["first"]
class Event:
    type, job, argv, progname = given["type"], Job(), given["argv"], given["progname"]
    def accept(self):
        told = {"argv": self.argv, "progname": self.progname, "logged": logged}
        sys.stdout.write(json.dumps(told))
        raise SystemExit
_event = Event()
def event():
    return _event
def logjobmsg(job_id, text):
    logged.append(text)
"""
NOTE = "#!/usr/bin/python3\nimport json, sys\nprint(json.dumps(sys.argv))\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A mom's home in which each script tells its words."""
    (tmp_path / "pbs.py").write_text(PBS)
    (tmp_path / "home" / "torque-mesos").mkdir(parents=True)
    (tmp_path / "home" / "mom_priv").mkdir()
    scripts = ("prologue.parallel", "epilogue.parallel", "epilogue.precancel")
    for path in ("torque-mesos/start", *(f"mom_priv/{name}" for name in scripts)):
        (tmp_path / "home" / path).write_text(NOTE)
        (tmp_path / "home" / path).chmod(0o755)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    return tmp_path / "home"


def fire(home: Path, event: str, *, first: bool = False, **given: object) -> dict[str, object]:
    values = {
        "home": str(home),
        "type": EVENTS.index(event),
        "first": first,
        "id": "1.head",
        "name": "name",
        "owner": f"{USER}@head",
        "euser": None,
        "egroup": "group",
        "argv": ["-sh", "a b"],
        "progname": "/bin/sh",
        **given,
    }
    done = subprocess.run(
        [sys.executable, str(ROOT / "prologue" / "openpbs_hook.py")],
        env={
            "PYTHONPATH": str(home.parent),
            "PATH": os.environ["PATH"],
            "GIVEN": json.dumps(values),
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    told: dict[str, object] = json.loads(done.stdout)
    return told


def words(told: dict[str, object]) -> list[str]:
    """The words that a script has told."""
    (line,) = told["logged"]  # type: ignore[misc]
    found: list[str] = json.loads(line)
    return found


@pytest.mark.parametrize("event", ["BEGIN", "END"])
def test_further_hosts_run_the_parallel_scripts(home: Path, event: str) -> None:
    assert fire(home, event, first=True)["logged"] == []
    script = {"BEGIN": "prologue.parallel", "END": "epilogue.parallel"}[event]
    more = {"BEGIN": [], "END": ["name", "0", "", "", "", "", "0"]}[event]
    found = words(fire(home, event))
    assert found == [str(home / "mom_priv" / script), "1.head", USER, "group", *more]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_reach_them_as_they_are(home: Path, text: str) -> None:
    if "\udcff" in text:
        pytest.skip("OpenPBS' module gives text")
    found = words(fire(home, "END", id=text, name=text, euser=text or None, egroup=text))
    assert found[1:5] == [text, text or USER, text, text]
    assert not Path("/tmp/owned").exists()


def test_the_shell_and_the_tasks_are_started_by_start(home: Path) -> None:
    start = str(home / "torque-mesos" / "start")
    told = fire(home, "LAUNCH")
    assert (told["argv"], told["progname"]) == ([start, "/bin/sh", "a b"], start)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_before_the_end_the_first_host_runs_a_script_as_the_user(home: Path) -> None:
    script = home / "mom_priv" / "epilogue.precancel"
    script.write_text('#!/bin/sh\necho "$(id -un) $4"\n')
    assert fire(home, "PRETERM", euser="nobody")["logged"] == []
    told = fire(home, "PRETERM", first=True, euser="nobody", name="$(id)")
    assert told["logged"] == ["nobody $(id)"]
    told = fire(home, "PRETERM", first=True, euser="no such user")
    assert "epilogue.precancel: " in str(told["logged"])


def test_a_script_that_cannot_be_run_is_logged_and_no_more(home: Path) -> None:
    (home / "mom_priv" / "prologue.parallel").unlink()
    assert "prologue.parallel: [Errno 2]" in str(fire(home, "BEGIN")["logged"])


@pytest.mark.parametrize("event", EVENTS)
def test_moms_of_others_are_left_alone(home: Path, event: str) -> None:
    (home / "torque-mesos" / "start").unlink()
    told = fire(home, event, first=event == "PRETERM")
    assert told == {"argv": ["-sh", "a b"], "progname": "/bin/sh", "logged": []}
