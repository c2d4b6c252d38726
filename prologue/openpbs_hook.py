"""A hook of OpenPBS' server: what TORQUE's moms do by themselves for jobs over several hosts.

    qmgr -c 'create hook torque_mesos alarm=260'
    qmgr -c 'set hook torque_mesos event="execjob_begin,execjob_launch,execjob_preterm,execjob_end"'
    qmgr -c 'import hook torque_mesos application/x-python default openpbs_hook.py'

An OpenPBS mom runs `prologue` and `epilogue` of its mom_priv on a job's first host only,
and knows no job starter. So this runs `prologue.parallel` and `epilogue.parallel` on the
further hosts, `epilogue.precancel` on the first one, and has the job's shell and its tasks
started by `start`. (`prologue.user` and `epilogue.user` are run by ours.) Only on moms with
our files in their home; it never rejects anything.

It runs within OpenPBS, with its `pbs` module, as root on the job's hosts.
"""

import os
import pwd
import subprocess

import pbs

LIMIT_S = 240


AFTER = ("0", "", "", "", "", "0")


def run(script, *more, as_user=False):
    """Run one of our scripts with the job's words; what it tells goes to the mom's log."""
    job = pbs.event().job
    user = str(job.euser or job.Job_Owner).split("@")[0]
    words = [os.path.join(HOME, "mom_priv", script), job.id, user, str(job.egroup or "")]
    try:
        if as_user:
            group = str(pwd.getpwnam(user).pw_gid)
            words = ["setpriv", "--reuid", user, "--regid", group, "--init-groups", "--", *words]
        done = subprocess.run(
            [*words, *more],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LIMIT_S,
            env={"PATH": "/usr/bin:/bin", "LANG": "C"},
        )
        text = done.stdout.decode("utf-8", "replace").strip()
    except (OSError, KeyError, subprocess.TimeoutExpired) as error:
        text = script + ": " + str(error)
    if text:
        pbs.logjobmsg(job.id, text)


def begin():
    """Before the job: the further hosts. (The first one's mom runs `prologue` itself.)"""
    if not EVENT.job.in_ms_mom():
        run("prologue.parallel")


def launch():
    """Put `start` before the shell of the job, or before a task of it."""
    argv = [str(word) for word in EVENT.argv]
    EVENT.argv = [START, str(EVENT.progname), *argv[1:]]
    EVENT.progname = START


def preterm():
    """Before a job that is deleted gets a signal: the first host, as the user."""
    if EVENT.job.in_ms_mom():
        run("epilogue.precancel", str(EVENT.job.Job_Name), *AFTER, as_user=True)


def end():
    """After the job: the further hosts."""
    if not EVENT.job.in_ms_mom():
        run("epilogue.parallel", str(EVENT.job.Job_Name), *AFTER)


HANDLERS = {
    pbs.EXECJOB_BEGIN: begin,
    pbs.EXECJOB_LAUNCH: launch,
    pbs.EXECJOB_PRETERM: preterm,
    pbs.EXECJOB_END: end,
}
EVENT = pbs.event()
HOME = pbs.pbs_conf["PBS_HOME"]
START = os.path.join(HOME, "torque-mesos", "start")
if EVENT.type in HANDLERS and os.access(START, os.X_OK):
    HANDLERS[EVENT.type]()
EVENT.accept()
