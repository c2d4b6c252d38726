"""The commands beside a service that runs."""

from __future__ import annotations

import json

import pytest

from tests.system.conftest import StartStage
from tests.system.stage import Stage
from tests.waiting import wait_for

pytestmark = pytest.mark.system

WRAPPER = """\
#!/usr/bin/python3
# The real qstat; but of the job that is named in the file `broken`, the state is nonsense.
import pathlib, re, subprocess, sys
done = subprocess.run(["{real}/qstat", *sys.argv[1:]], stdout=subprocess.PIPE, text=True)
text, broken = done.stdout, pathlib.Path("{folder}/broken")
if broken.exists():
    start = "<Job><Job_Id>" + re.escape(broken.read_text()) + "</Job_Id>.*?<job_state>"
    text = re.sub("(" + start + ")[A-Z]", r"\\1?!", text, flags=re.DOTALL)
sys.stdout.write(text)
sys.exit(done.returncode)
"""


def test_a_second_instance_is_refused(stage: Stage) -> None:
    done = stage.site.run_tool("run", "--config", str(stage.site.settings))
    assert done.returncode == 8, done.stderr
    assert "one torque-mesos at a time" in done.stderr
    job = stage.submit("undisturbed")
    assert stage.output(job) == []
    stage.at_rest()


@pytest.mark.parametrize("command", ["run", "status", "explain"])
def test_wrong_settings_are_told_and_nothing_is_done(stage: Stage, command: str) -> None:
    wrong = {"TORQUE_MESOS_GRACE_S": "-1", "TORQUE_MESOS_BATCH__KIND": "slurm"}
    arguments = (command, "--config", str(stage.site.settings))
    done = stage.site.run_tool(*arguments, variables=wrong)
    assert done.returncode == 2
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 2, lines
    assert any("TORQUE_MESOS_GRACE_S" in line and "grace_s = -1" in line for line in lines)
    assert any("batch.kind" in line and "slurm" in line for line in lines)


def test_check_config_tells_all_that_is_wrong_in_a_file(stage: Stage) -> None:
    good = stage.site.run_tool("check-config", str(stage.site.settings))
    assert good.returncode == 0
    assert f'master = "{stage.cluster.master}"' in good.stdout
    wrong = stage.site.folder / "wrong.toml"
    wrong.write_text("grace = 3\nmin_slots_held = -4\n")
    bad = stage.site.run_tool("check-config", str(wrong))
    assert bad.returncode == 2
    assert "grace" in bad.stderr
    assert "min_slots_held = -4" in bad.stderr


def test_status_and_explain_tell_what_there_is(stage: Stage) -> None:
    runs = stage.submit("runs", "nodes=1:ppn=2", held=True)
    host = stage.started(runs)
    waits = stage.submit("waits", "nodes=9", held=True)
    stage.why(waits, "never-too-large")
    stage.until(lambda: stage.jobs()[runs.job_id].exec_nodes, 60, "the job is known to run")

    def told() -> bool:
        known = stage.job_status(runs)
        return known is not None and known.state == "R"

    stage.until(told, 60, "the framework knows that the job runs")
    status = json.loads(stage.site.tool("status", "--json"))
    jobs = {job["job_id"]: job for job in status["jobs"]}
    nodes = {node["name"]: node for node in status["nodes"]}
    assert jobs[runs.job_id]["nodes"] == [host]
    assert jobs[waits.job_id]["why"]["code"] == "never-too-large"
    assert (nodes[host]["phase"], nodes[host]["granted"], nodes[host]["used"]) == ("online", 2, 2)
    assert status["held"]["cpus"] == stage.lent_cpus() == 2
    assert status["connected"]
    assert status["problems"] == []
    assert host in stage.site.tool("status")

    sentence = stage.site.tool("explain")
    assert sentence.startswith(f"{waits.job_id}: can never run: it asks for 9 hosts")
    assert len(sentence.splitlines()) == 1
    assert f"it runs on {host}" in stage.site.tool("explain", runs.number)
    unknown = stage.site.run_tool("explain", "999", "--config", str(stage.site.settings))
    assert unknown.returncode == 4
    stage.delete(waits.job_id)
    stage.let_go(runs)
    assert stage.output(runs) == []
    stage.at_rest()
    assert stage.site.tool("explain") == "no job waits\n"


@pytest.mark.not_on("openpbs", because="the wrapper breaks XML, and OpenPBS answers in JSON")
def test_a_malformed_job_record_is_reported_and_the_others_are_served(stage: Stage) -> None:
    real, folder = stage.site.bin_dir, stage.site.folder / "bin"
    folder.mkdir()
    for command in real.iterdir():
        (folder / command.name).symlink_to(command)
    (folder / "qstat").unlink()
    (folder / "qstat").write_text(WRAPPER.format(real=real, folder=folder))
    (folder / "qstat").chmod(0o755)
    stage.stop_framework()
    stage.site.variables["TORQUE_MESOS_BATCH__BIN_DIR"] = str(folder)
    stage.start_framework()

    broken = stage.submit("broken", "nodes=3:ppn=2", held=True)
    (folder / "broken").write_text(broken.job_id)
    stage.until(
        lambda: any(broken.job_id in problem for problem in stage.status().problems),
        20,
        "the malformed record is reported",
    )
    assert stage.output(stage.submit("others")) == []
    (folder / "broken").unlink()
    stage.let_go(broken)
    assert stage.output(broken) == []
    stage.until(lambda: not stage.status().problems, 60, "the report is withdrawn")
    stage.at_rest()
    stage.stop_framework()
    del stage.site.variables["TORQUE_MESOS_BATCH__BIN_DIR"]
    stage.start_framework()


def test_teardown_ends_all_and_a_new_start_begins_anew(start_stage: StartStage) -> None:
    stage = start_stage({"BATCH__MODE": "managed", "DEAD_AFTER_S": "3.0"}, agents=2)
    job = stage.submit("ended", "nodes=2:ppn=2", held=True)
    stage.started(job)
    assert len(stage.workers()) >= 4
    done = stage.site.run_tool("teardown", "--yes", "--config", str(stage.site.settings))
    assert done.returncode == 0, done.stderr
    wait_for(lambda: stage.site.framework_exit() is not None, 60, "the service has ended")
    assert stage.site.framework_exit() == 0
    wait_for(lambda: not stage.workers(), 60, "no mom and no executor is left")
    assert not any(stage.cluster.used_resources().values())
    assert stage.cluster.state()["frameworks"] == []
    assert stage.daemons() == []
    assert not (stage.site.state / "framework-id").exists()
    stopped = stage.site.run_tool("status", "--config", str(stage.site.settings))
    assert stopped.returncode == 3

    # The job is over if its mom could still tell of its end; otherwise it runs again.
    stage.let_go(job)
    stage.start_framework()
    stage.until(lambda: not stage.in_queue(job), 150, "the job has ended")
    assert stage.output(stage.submit("anew")) == []
    stage.at_rest()
