"""Ends of the scripts that take a broken host to see: what is missing, fails or survives."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

from tests.pelog.conftest import Run, folder_of
from tests.pelog.scripts import HOSTILE, MAY_ABORT, SCRIPTS, USER, site_script

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")


def in_a_host_with(
    replaced: dict[str, str], folder: Path, *words: str | Path, before: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command where other programs are in the place of some, by their paths."""
    commands = []
    for path, text in replaced.items():
        other = folder / f"other-{Path(path).name}"
        other.write_text(f"#!/bin/sh\n{text}\n")
        other.chmod(0o755)
        commands.append(shlex.join(["mount", "--bind", str(other), path]))
    script = "\n".join([*commands, before, 'exec "$@"'])
    return subprocess.run(
        ["unshare", "-m", "sh", "-ec", script, "sh", *words],
        env={"PATH": os.environ["PATH"]},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("part", ["hosts.sh", "strays.sh", "keys.sh"])
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_part_that_is_missing(run: Run, home: Path, job: str, part: str, script: str) -> None:
    """Whoever needs it says so, or does nothing; a status that TORQUE bears in any case."""
    (home / "torque-mesos" / part).unlink()
    done = run(script, job, USER, nodes="localhost\n")
    assert done.returncode == (1 if (script, part) == ("prologue", "hosts.sh") else 0)
    assert done.stderr == ""


@pytest.mark.parametrize("missing", ["lib.sh", "keys.sh"])
def test_clear_without_its_parts_takes_nothing_away(home: Path, job: str, missing: str) -> None:
    note = home / "torque-mesos" / "jobs" / job
    note.touch()
    (home / "torque-mesos" / missing).unlink()
    done = subprocess.run([home / "torque-mesos" / "clear"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert note.exists()


def test_clear_with_hostile_words_and_notes(home: Path, job: str, tmp_path: Path) -> None:
    clear = home / "torque-mesos" / "clear"
    notes = home / "torque-mesos" / "jobs"
    for text in HOSTILE:
        for words in ((text,), (job, text), (text, USER), (job, "0", text)):
            done = subprocess.run([clear, *words], env={"HOME": str(tmp_path)}, timeout=60)
            assert done.returncode == 0, words
        if text and len(text) < 255 and "/" not in text:
            (notes / text).touch()
    assert subprocess.run([clear], timeout=60).returncode == 0
    assert os.listdir(notes) == []
    assert not Path("/tmp/owned").exists()


def test_a_node_file_that_is_none(run: Run, job: str, tmp_path: Path) -> None:
    done = run("prologue", job, USER, PBS_NODEFILE=str(tmp_path))
    assert done.returncode == 1
    assert f"cannot read {tmp_path}" in done.stdout
    assert not folder_of(job).exists()


@needs_root
@pytest.mark.parametrize("script", ["prologue", "prologue.parallel"])
def test_a_user_without_a_group(home: Path, job: str, tmp_path: Path, script: str) -> None:
    others = {"/usr/bin/getent": 'echo "$2:x:1234::::"'}
    done = in_a_host_with(others, tmp_path, home / "mom_priv" / script, job, USER)
    assert done.returncode == (1 if script in MAY_ABORT else 0)
    assert done.stdout == f"torque-mesos {script}: no group of user: {USER}\n"
    assert not folder_of(job).exists()


@needs_root
def test_a_name_service_that_knows_one_host_only(home: Path, job: str, tmp_path: Path) -> None:
    nodes = tmp_path / "nodes"
    nodes.write_text("n1\nn2\nn3\n")
    knows = 'case $1 in passwd) echo "$2:x:0:0::/:" ;; *) [ "$*" = "ahosts n1" ] ;; esac'
    others = {"/usr/bin/getent": knows}
    words = ("env", f"PBS_NODEFILE={nodes}", home / "mom_priv" / "prologue", job, USER)
    done = in_a_host_with(others, tmp_path, *words)
    assert done.returncode == 1
    assert done.stdout == ("torque-mesos prologue: host of this job does not resolve here: n2\n")


@needs_root
@pytest.mark.parametrize("script", ["epilogue", "epilogue.parallel"])
def test_a_folder_that_cannot_be_removed(home: Path, job: str, tmp_path: Path, script: str) -> None:
    """It is in use as a mount: told of once, and no more."""
    folder = shlex.quote(str(folder_of(job)))
    before = f"mkdir {folder}; mount -t tmpfs none {folder}"
    done = in_a_host_with({}, tmp_path, home / "mom_priv" / script, job, USER, before=before)
    assert done.returncode == 0
    assert done.stdout.startswith(f"torque-mesos {script}: cannot remove {folder_of(job)}: ")
    assert len(done.stdout.splitlines()) == 1


@needs_root
@pytest.mark.parametrize("script", ["epilogue", "epilogue.parallel"])
def test_processes_that_survive_sigkill(home: Path, job: str, tmp_path: Path, script: str) -> None:
    """A root that may not kill others is as good as a process that hangs in the kernel."""
    words = (
        *("unshare", "-p", "--fork", "--kill-child", "--mount-proc", "sh", "-c"),
        'PBS_JOBID="$2" setpriv --reuid=nobody --clear-groups tail -f /dev/null > /dev/null &\n'
        'until [ "$(stat -c %U "/proc/$!")" = nobody ]; do :; done\n'
        'setpriv --bounding-set=-kill --inh-caps=-kill "$@"',
        *("sh", home / "mom_priv" / script, job, "nobody"),
    )
    done = in_a_host_with({"/usr/bin/sleep": "exit 0"}, tmp_path, *words)
    assert done.returncode == 0
    assert done.stdout == f"torque-mesos {script}: processes of the job outlive SIGKILL: 2\n"
    assert not folder_of(job).exists()


@needs_root
@pytest.mark.parametrize("script", ["epilogue", "epilogue.parallel"])
def test_an_epilogue_in_the_jobs_own_session_spares_itself(
    home: Path, job: str, tmp_path: Path, script: str
) -> None:
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    for folder in (home / "torque-mesos", home / "torque-mesos" / "jobs"):
        folder.chmod(0o755)
    mine = 'exec "$0" "$1" nobody group name $$'
    done = subprocess.run(
        ["/bin/sh", "-c", mine, home / "mom_priv" / script, job],
        user="nobody",
        cwd="/",
        env={},
        start_new_session=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("script", SCRIPTS)
def test_other_signals_end_them_with_a_status_that_torque_bears(
    home: Path, job: str, script: str, number: signal.Signals
) -> None:
    site_script(home / "mom_priv" / f"{script}.d" / "1", "echo waits; sleep 0.1")
    process = subprocess.Popen(
        [home / "mom_priv" / script, job, USER],
        stdout=subprocess.PIPE,
        text=True,
        # pytest's caller may have it ignored; a mom does not.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL) and None,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "waits\n"
    process.send_signal(number)
    process.stdout.close()
    assert process.wait(timeout=60) == (1 if script in MAY_ABORT else 0)
