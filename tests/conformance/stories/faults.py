"""Moms that are dead under their jobs, nodes that are drained or deleted, a killed server."""

from __future__ import annotations

from collections.abc import Sequence

from tests.conformance.steps import (
    Asked,
    Step,
    command,
    deleted,
    forgotten,
    job_has,
    job_is,
    mom_dead,
    node_is,
    server_down,
    server_up,
    settings,
    with_nodes,
)


def _job(where: str, more: str = "") -> Step:
    return command(f"qsub -l nodes={where} -v SLP=300 {more} j/sleep.sh", "user")


STORIES: dict[str, Sequence[Step]] = {
    "a dead mom": [
        with_nodes("n1"),
        _job("n1"),
        _job("n1"),
        job_is("0.head", "R"),
        job_is("1.head", "R"),
        settings("set server scheduling=false", "set server node_check_rate=20"),
        mom_dead("n1"),
        node_is("n1", "down", "job-exclusive"),
        Asked("60-dead-qdel", "qdel 0.head", "user"),
        Asked("60-dead-momctl", "momctl -h n1 -d 1"),
        Asked("60-dead-qrerun-f", "qrerun -f 0.head"),
        job_is("0.head", "Q"),
        Asked("60-dead-qstat", "qstat"),
        Asked("60-dead-qdel-p", "qdel -p 1.head"),
        forgotten("1.head"),
        Asked("60-dead-qstat-gone", "qstat 1.head"),
    ],
    "a node that is drained": [
        with_nodes("n1", "n2"),
        _job("n1:ppn=2"),
        job_is("0.head", "R"),
        command("pbsnodes -o n1 n2"),
        _job("1"),
        _job("n2"),
        job_has("2.head", "comment"),
        job_has("1.head", "comment"),
        Asked("61-drain-pbsnodes-l", "pbsnodes -l"),
        Asked("61-drain-pbsnodes-n1", "pbsnodes -q n1"),
        Asked("61-drain-qstat", "qstat -a"),
        Asked("61-drain-waiting", "qstat -f 1"),
        Asked("61-drain-named", "qstat -f 2"),
        Asked("61-drain-qrun", "qrun 1.head"),
        Asked("61-drain-qrun-host", "qrun -H n2 1.head"),
        *deleted("0.head"),
        node_is("n1", "offline"),
        Asked("61-drain-idle", "pbsnodes -q n1"),
        Asked("61-drain-qstat-done", "qstat -f 0"),
        Asked("61-drain-delete", "qmgr -c 'delete node n1'"),
        Asked("61-drain-deleted", "pbsnodes -l all"),
    ],
    "a server that was killed": [
        with_nodes("n1"),
        _job("n1"),
        job_is("0.head", "R"),
        _job("n1", "-h"),
        settings(
            "set server comment = 'kept'",
            "set queue batch max_running = 7",
            "set node n1 properties = blue",
        ),
        server_down,
        server_up,
        node_is("n1", "free"),
        Asked("62-killed-qstat", "qstat"),
        Asked("62-killed-qstat-f", "qstat -f 0"),
        Asked("62-killed-qstat-held", "qstat -f 1"),
        Asked("62-killed-queue", "qmgr -c 'print queue batch'"),
        Asked("62-killed-server", "qmgr -c 'print server'"),
        Asked("62-killed-nodes", "pbsnodes -q n1"),
        Asked("62-killed-next", "qsub -h j/sleep.sh", "user"),
    ],
}
