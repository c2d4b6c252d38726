"""What a mom tells of itself to `momctl`."""

from __future__ import annotations

from collections.abc import Sequence

from tests.conformance.steps import (
    Asked,
    Step,
    command,
    in_mom,
    job_has,
    job_is,
    node_is,
    settings,
    submitted,
    with_nodes,
)

_LEVELS = ("0", "1", "2", "3", "4", "-1", "x")
_QUESTIONS = (
    ("check-poll", "check_poll_time"),
    ("loglevel", "loglevel"),
    ("down-on-error", "down_on_error"),
    ("restart", "enablemomrestart"),
    ("rcpcmd", "rcpcmd"),
    ("block-time", "jobstartblocktime"),
    ("version", "version"),
    ("config-version", "configversion"),
    ("unknown", "nosuch"),
    ("empty", ""),
    ("upper", "LogLevel"),
    ("longer", "loglevels"),
    ("state", "state"),
    ("gres", "gres"),
    ("message", "message"),
    ("clear-message", "clearmsg"),
    ("check-start", "node_check_on_job_start"),
    ("check-end", "node_check_on_job_end"),
    ("visible", "cuda_visible_devices"),
    ("walltime", "walltime"),
    ("set-loglevel", "loglevel=3"),
    ("set-bad-loglevel", "loglevel=x"),
    ("set-poll", "check_poll_time=7"),
    ("set-bad-poll", "check_poll_time=x"),
    ("set-update", "status_update_time=7"),
    ("set-bad-update", "status_update_time=x"),
)

STORIES: dict[str, Sequence[Step]] = {
    "what a mom tells": [
        with_nodes("n1", "n2"),
        *(Asked(f"75-mom-idle-{level}", f"momctl -h n1 -d {level}") for level in _LEVELS),
        Asked("75-mom-two", "momctl -h n1,n2 -d 0"),
        Asked("75-mom-two-cycled", "momctl -h n1,n2 -C"),
        submitted("-l nodes=n1:ppn=2+n2 -v SLP=300"),
        job_has("0.head", "resources_used.mem"),
        *(Asked(f"75-mom-job-{level}", f"momctl -h n1 -d {level}") for level in "02"),
        Asked("75-mom-sister-2", "momctl -h n2 -d 2"),
        Asked("75-mom-clear-other", "momctl -h n1 -c 99.head"),
        Asked("75-mom-clear-sister", "momctl -h n2 -c 0.head"),
        Asked("75-mom-cleared-sister", "momctl -h n2 -d 0"),
        command("qdel -p 0.head"),
    ],
    "what a mom is asked": [
        with_nodes("n1"),
        *(Asked(f"75-ask-{name}", f"momctl -h n1 -q '{text}'") for name, text in _QUESTIONS),
        Asked("75-ask-as-set", "momctl -h n1 -d 1"),
    ],
    "a mom whose sister's prologue failed": [
        with_nodes("n1", "n2"),
        in_mom("n1", "prologue", "#!/bin/sh\nexit 0\n"),
        in_mom("n2", "prologue.parallel", "#!/bin/sh\nexit 1\n"),
        in_mom("n2", "epilogue.parallel", "#!/bin/sh\nexit 0\n"),
        submitted("-l nodes=n1+n2", "exit 0"),
        node_is("n2", "down"),
        job_is("0.head", "Q"),
        Asked("75-failed-first", "momctl -h n1 -d 1"),
        Asked("75-failed-told", "momctl -h n2 -d 1"),
        Asked("75-failed-node", "pbsnodes n2 | grep -vE 'status|mom_'"),
        Asked("75-failed-list", "pbsnodes -l -n"),
        Asked("75-failed-job", "qstat -f 0 | grep -E 'job_state|exit_status|exec_host'"),
        Asked("75-failed-message", "momctl -h n2 -q message"),
        in_mom("n2", "prologue.parallel", "#!/bin/sh\nexit 0\n"),
        Asked("75-failed-clear", "momctl -h n2 -q clearmsg"),
        node_is("n2", "free"),
        Asked("75-failed-cleared", "momctl -h n2 -d 0"),
        Asked("75-failed-note", "pbsnodes n2 | grep -vE 'status|mom_'"),
        settings("set server scheduling=true"),
        job_is("0.head", "C"),
        Asked("75-failed-at-last", "qstat -f 0 | grep -E 'job_state|exit_status|exec_host'"),
    ],
}
