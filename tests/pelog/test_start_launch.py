"""`start` and `launch`: what jobs get, and what becomes of the words of `mpirun`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pelog.conftest import folder_of
from tests.waiting import wait_for

SHOW = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]))"
# A pbsdsh that runs the command here, and tells the host.
PBSDSH = '#!/bin/sh\n[ "$1" = -h ] || exit 9\nexport ON="$2"\nshift 2\nexec "$@"\n'
HOSTILE = 'it\'s $(touch /tmp/owned) "x"\n`id` \\ * é'


def call(home: Path, name: str, *words: str, **environment: str) -> list[object]:
    done = subprocess.run(
        [home / "torque-mesos" / name, *words],
        env={"PATH": "/usr/bin:/bin", "HOME": "/", **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert isinstance(found, list)
    return found


def conf(home: Path, key: str, value: str) -> None:
    path = home / "torque-mesos" / "conf"
    lines = [line for line in path.read_text().splitlines() if not line.startswith(f"{key}=")]
    path.write_text("\n".join([*lines, f"{key}={value}", ""]))


@pytest.fixture
def nodes(tmp_path: Path) -> str:
    path = tmp_path / "nodes"
    path.write_text("n1\nn1\nn2.cluster.test\n")
    return str(path)


def show(home: Path, **environment: str) -> tuple[list[str], dict[str, str]]:
    words, variables, _ = call(
        home, "start", sys.executable, "-c", SHOW, "a b", HOSTILE, PBS_TASKNUM="2", **environment
    )
    return words, variables  # type: ignore[return-value]


def test_a_job_gets_what_mpirun_needs(home: Path, nodes: str) -> None:
    words, variables = show(home, PBS_NODEFILE=nodes)
    launch = str(home / "torque-mesos" / "launch")
    assert words == ["a b", HOSTILE]
    for name in (
        "HYDRA_LAUNCHER_EXEC",
        "I_MPI_HYDRA_BOOTSTRAP_EXEC",
        "OMPI_MCA_plm_rsh_agent",
        "PRTE_MCA_plm_ssh_agent",
    ):
        assert variables[name] == launch
    assert variables["HYDRA_LAUNCHER"] == "rsh"
    assert variables["OMPI_MCA_orte_default_hostfile"] == nodes
    assert variables["PRTE_MCA_prte_default_hostfile"] == nodes
    assert not Path("/tmp/owned").exists()


def test_what_the_user_has_set_stays(home: Path, nodes: str) -> None:
    own = {"HYDRA_LAUNCHER": "ssh", "OMPI_MCA_plm_rsh_agent": "", "TMPDIR": "/mine"}
    _, variables = show(home, PBS_NODEFILE=nodes, **own)
    assert {name: variables[name] for name in own} == own


@pytest.mark.parametrize("node_file", ["", "/nowhere"])
def test_a_further_host_gets_no_more_than_its_folder(home: Path, node_file: str) -> None:
    _, variables = show(home, PBS_NODEFILE=node_file)
    assert not [name for name in variables if name.startswith(("HYDRA", "OMPI", "PRTE", "I_MPI"))]


def test_nothing_is_set_where_the_site_says_so(home: Path, nodes: str) -> None:
    conf(home, "launch", "none")
    _, variables = show(home, PBS_NODEFILE=nodes)
    assert not [name for name in variables if name.startswith(("HYDRA", "OMPI", "PRTE", "I_MPI"))]


def test_the_folder_of_the_job_is_where_temporary_files_go(home: Path, job: str) -> None:
    assert "TMPDIR" not in show(home, PBS_JOBID=job)[1]
    folder_of(job).mkdir()
    assert show(home, PBS_JOBID=job)[1]["TMPDIR"] == str(folder_of(job))
    for text in ("../x", "-x", "", "a b", "$(touch /tmp/owned)"):
        assert "TMPDIR" not in show(home, PBS_JOBID=text)[1]


def test_a_task_ends_with_the_words_of_a_prologue_that_failed(home: Path, job: str) -> None:
    folder_of(job).mkdir()
    (folder_of(job) / "failed").write_text("no licence (on n2)\n")
    done = subprocess.run(
        [home / "torque-mesos" / "start", "echo", "ran"],
        env={"PBS_JOBID": job, "PATH": "/usr/bin:/bin", "PBS_TASKNUM": "2"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (125, "", "no licence (on n2)\n")


@pytest.mark.parametrize(("login", "expected"), [("yes", "login\n"), ("no", "plain\n")])
def test_the_shell_of_a_job_is_a_login_shell(home: Path, login: str, expected: str) -> None:
    conf(home, "login", login)
    done = subprocess.run(
        [home / "torque-mesos" / "start", "/bin/bash"],
        input="shopt -q login_shell && echo login || echo plain\n",
        env={"PATH": "/usr/bin:/bin", "PBS_TASKNUM": "1", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
    )
    assert done.stdout == expected


@pytest.fixture
def pbsdsh(home: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "batch"
    folder.mkdir()
    (folder / "pbsdsh").write_text(PBSDSH)
    (folder / "pbsdsh").chmod(0o755)
    conf(home, "bin", str(folder))
    return folder


@pytest.mark.parametrize(
    "options",
    [(), ("-x",), ("-n", "-l", "me"), ("-o", "A=b", "-q", "-p", "22"), ("-x", "-oBatchMode=yes")],
)
@pytest.mark.parametrize("host", ["n1", "me@n1"])
def test_a_command_is_run_as_a_task(
    home: Path, pbsdsh: Path, options: tuple[str, ...], host: str
) -> None:
    command = f'"{sys.executable}" -c \'{SHOW}\' "a  b"'
    words, variables, folder = call(
        home,
        "launch",
        *options,
        host,
        command,
        "$WORDS",
        "'$WORDS'",
        WORDS=HOSTILE,
    )
    # As ssh does: a shell there takes the words apart.
    assert isinstance(words, list)
    assert words[0] == "a  b"
    assert words[-1] == "$WORDS"
    assert "`id`" in words
    assert isinstance(variables, dict)
    assert variables["ON"] == "n1"
    assert variables["WORDS"] == HOSTILE
    assert folder == os.getcwd()
    assert not Path("/tmp/owned").exists()


def test_what_is_here_only_is_not_told_to_others(home: Path, pbsdsh: Path) -> None:
    own = str(home / "torque-mesos" / "launch")
    words, variables, _ = call(
        home,
        "launch",
        "n1",
        f"'{sys.executable}' -c '{SHOW}' -mca plm_rsh_agent \"{own}\" {own} end",
        OMPI_MCA_plm_rsh_agent=own,
        OTHER=f"{own} x",
    )
    assert words == ["-mca", "plm_rsh_agent", "/bin/false", "/bin/false", "end"]
    assert isinstance(variables, dict)
    assert variables["OMPI_MCA_plm_rsh_agent"] == "/bin/false"
    assert variables["OTHER"] == f"{own} x"


def test_a_name_that_was_cut_short_is_found_again(home: Path, pbsdsh: Path, nodes: str) -> None:
    command = f"'{sys.executable}' -c '{SHOW}'"
    for short, whole in (("n2", "n2.cluster.test"), ("n1", "n1"), ("n3", "n3")):
        _, variables, _ = call(home, "launch", short, command, PBS_NODEFILE=nodes)
        assert isinstance(variables, dict)
        assert variables["ON"] == whole


@pytest.mark.parametrize(
    ("told", "status"), [("", 0), ("exit status 1", 0), ("exit status 127", 1), ("not found", 9)]
)
def test_a_command_that_could_not_be_started(
    home: Path, pbsdsh: Path, job: str, told: str, status: int
) -> None:
    folder_of(job).mkdir()
    ended = 9 if told == "not found" else 0
    (pbsdsh / "pbsdsh").write_text(f"#!/bin/sh\necho 'task 0 {told}' >&2\nexit {ended}\n")
    done = subprocess.run(
        [home / "torque-mesos" / "launch", "n1", "true"],
        env={"PATH": "/usr/bin:/bin", "PBS_JOBID": job},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (status, f"task 0 {told}\n")
    assert list(folder_of(job).iterdir()) == []


def test_what_ends_it_ends_pbsdsh(home: Path, pbsdsh: Path, job: str) -> None:
    folder_of(job).mkdir()
    (pbsdsh / "pbsdsh").write_text("#!/bin/sh\necho $$\nexec sleep 1000\n")
    process = subprocess.Popen(
        [home / "torque-mesos" / "launch", "n1", "true"],
        env={"PATH": "/usr/bin:/bin", "PBS_JOBID": job},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    process.terminate()
    process.stdout.close()
    assert process.wait(60) == 1
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), 60, "pbsdsh has ended")


def test_pbs_tmrsh_is_taken_where_it_is(home: Path, pbsdsh: Path) -> None:
    tmrsh = pbsdsh / "pbs_tmrsh"
    tmrsh.write_text('#!/bin/sh\nexport ON="tmrsh $1"\nshift\nexec "$@"\n')
    tmrsh.chmod(0o755)
    _, variables, _ = call(home, "launch", "n1", f"'{sys.executable}' -c '{SHOW}'")
    assert isinstance(variables, dict)
    assert variables["ON"] == "tmrsh n1"


def test_openpbs_gets_words_of_a_single_line(home: Path, pbsdsh: Path) -> None:
    """Its moms with hooks cut a task's words at the end of their first line."""
    tmrsh = pbsdsh / "pbs_tmrsh"
    cut = "import os, sys; words = [w.split(chr(10))[0] for w in sys.argv[2:]]\n"
    tmrsh.write_text(f"#!{sys.executable}\n{cut}os.execvp(words[0], words)\n")
    tmrsh.chmod(0o755)
    text = HOSTILE + "\n\\n\\\\ %s\n\n"
    command = f"'{sys.executable}' -c '{SHOW}' \\\n 'two\nlines'"
    words, variables, _ = call(home, "launch", "n1", command, TEXT=text)
    assert words == ["two\nlines"]
    assert isinstance(variables, dict)
    assert variables["TEXT"] == text


@pytest.mark.parametrize("key", [False, True])
def test_ssh_where_it_is_wanted(
    home: Path, pbsdsh: Path, tmp_path: Path, job: str, key: bool
) -> None:
    # As sshd does: one text, for the user's shell.
    fake = tmp_path / "fake"
    fake.mkdir()
    (fake / "ssh").write_text(
        '#!/bin/sh\nwhile [ $# -gt 2 ]; do OPTIONS="$OPTIONS $1"; shift; done\n'
        'export ON="$1" OPTIONS\nexec env -i ON="$ON" OPTIONS="$OPTIONS" sh -c "$2"\n'
    )
    (fake / "ssh").chmod(0o755)
    conf(home, "launch", "ssh")
    if key:
        (folder_of(job) / "ssh").mkdir(parents=True)
        (folder_of(job) / "ssh" / "config").touch()
    words, variables, folder = call(
        home,
        "launch",
        "n1",
        f"'{sys.executable}' -c '{SHOW}' \"$WORDS\"",
        WORDS=HOSTILE,
        PBS_JOBID=job,
        PATH=f"{fake}:/usr/bin:/bin",
    )
    assert words == [HOSTILE]
    assert isinstance(variables, dict)
    assert variables["ON"] == "n1"
    assert variables["WORDS"] == HOSTILE
    # By this the epilogues know what is left of it.
    assert variables["PBS_JOBID"] == job
    assert folder == os.getcwd()
    assert (f"-F {folder_of(job)}/ssh/config" in variables["OPTIONS"]) == key


@pytest.mark.parametrize(
    "words", [(), ("-x",), ("n1",), ("-l", "me"), ("-l",), ("$(id)", "x"), ("a b", "x")]
)
def test_what_makes_no_sense(home: Path, pbsdsh: Path, words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [home / "torque-mesos" / "launch", *words], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert done.stderr.startswith("torque-mesos launch: no")
