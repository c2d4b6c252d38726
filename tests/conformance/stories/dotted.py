"""Nodes with dotted names: where the whole name is wanted, and what the short one does."""

from __future__ import annotations

from collections.abc import Sequence

from tests.conformance.steps import (
    IDLE,
    Asked,
    Step,
    asked,
    command,
    deleted,
    job_has,
    job_is,
    node_is,
    settings,
    submitted,
    with_nodes,
)

_MANY = [f"n{number}" for number in range(1, 7)]
_N1, _N2 = "n1.cluster.test", "n2.cluster.test"
_JOB = f"""cd $PBS_O_WORKDIR
PATH=$PBS_O_PATH
export PATH
rm -f dotted.*
cat $PBS_NODEFILE > dotted.nodes
for host in {_N1} {_N2} n2; do
    pbsdsh -h $host sh -c 'echo "$PBS_NODENUM"' > dotted.$host 2>&1
    echo exit $? >> dotted.$host
done
for slot in n1/1 {_N1}/1 n1/2; do
    pbsdsh -h $slot true >> dotted.slots 2>&1
    echo exit $? >> dotted.slots
done
"""


def _ends(number: int) -> str:
    return f"qstat -f {number} | grep -E 'job_state|exit_status|exec_host|comment|Resource_List'"


STORIES: dict[str, Sequence[Step]] = {
    "dotted names": [
        with_nodes(_N1, _N2, properties="foo"),
        IDLE,
        *asked(
            "74-dotted",
            "root",
            ("pbsnodes", "pbsnodes"),
            ("pbsnodes-x", "pbsnodes -x"),
            ("pbsnodes-one", f"pbsnodes {_N1}"),
            ("pbsnodes-short", "pbsnodes n1"),
            ("pbsnodes-domain", "pbsnodes n1.cluster"),
            ("pbsnodes-upper", "pbsnodes N1.CLUSTER.TEST"),
            ("pbsnodes-o-short", "pbsnodes -o n1"),
            ("pbsnodes-N-short", "pbsnodes -N why n1"),
            ("pbsnodes-o", f"pbsnodes -o -N why {_N1}"),
            ("pbsnodes-l-n", "pbsnodes -l -n"),
            ("pbsnodes-c", f"pbsnodes -c -N '' {_N1}"),
            ("create-again", f"qmgr -c 'create node {_N1}'"),
            ("create-unknown", "qmgr -c 'create node n1.other.test'"),
            ("set-short", "qmgr -c 'set node n1 np=3'"),
            ("delete-short", "qmgr -c 'delete node n1'"),
            ("list-short", "qmgr -c 'list node n1'"),
            ("set", f"qmgr -c 'set node {_N1} properties += bar'"),
            ("list-one", f"qmgr -c 'list node {_N2} np'"),
            ("print", f"qmgr -c 'print node {_N1} properties'"),
            ("momctl", f"momctl -h {_N1} -q opsys"),
            ("momctl-short", "momctl -h n1 -q opsys"),
        ),
        *asked(
            "74-dotted",
            "user",
            ("qsub-short", "qsub -l nodes=n1 j/sleep.sh"),
            ("qsub-domain", "qsub -l nodes=n1.cluster j/sleep.sh"),
            ("qsub-other", "qsub -l nodes=n1.other.test j/sleep.sh"),
            ("qsub-mixed", f"qsub -l nodes=n1+{_N2} j/sleep.sh"),
            ("qsub-upper", "qsub -l nodes=N1.cluster.test j/sleep.sh"),
            ("qsub-many", f"qsub -l nodes=2:{_N1} j/sleep.sh"),
            ("qsub-ppn", f"qsub -l nodes={_N1}:ppn=3 j/sleep.sh"),
            ("qsub-first", f"qsub -l nodes={_N1}:ppn=2 -v SLP=300 j/sleep.sh"),
            ("qsub-both", f"qsub -l nodes={_N2}:foo+{_N1}:ppn=2:bar -v SLP=300 j/sleep.sh"),
        ),
        command("qdel all"),
    ],
    "jobs on hosts with dotted names": [
        with_nodes(_N1, _N2, properties="foo"),
        IDLE,
        submitted(f"-N dotted -l nodes={_N1}:ppn=2+{_N2}:foo", _JOB),
        command("qrun 0.head"),
        job_is("0.head", "C"),
        Asked("74-dotted-job", _ends(0)),
        Asked("74-dotted-nodefile", "cat dotted.nodes", "user"),
        Asked("74-dotted-pbsdsh-first", f"cat dotted.{_N1}", "user"),
        Asked("74-dotted-pbsdsh-second", f"cat dotted.{_N2}", "user"),
        Asked("74-dotted-pbsdsh-short", "cat dotted.n2", "user"),
        Asked("74-dotted-pbsdsh-slots", "cat dotted.slots", "user"),
        submitted("-l nodes=1:ppn=2 -v SLP=300"),
        Asked("74-dotted-qrun-short", "qrun -H n2 1.head"),
        Asked("74-dotted-qrun", f"qrun -H {_N2} 1.head"),
        job_has("1.head", "session_id"),
        Asked("74-dotted-qrun-show", _ends(1)),
        Asked("74-dotted-qstat-n1", "qstat -n1 1.head"),
        Asked("74-dotted-qstat-n", "qstat -n 1.head"),
        Asked("74-dotted-busy", f"pbsnodes -l all {_N2}"),
        Asked("74-dotted-x", f"pbsnodes -x {_N2}"),
        *deleted("1.head"),
        Asked("74-dotted-momctl-s-short", "momctl -h n2 -s"),
        node_is(_N2, "down"),
        Asked("74-dotted-delete", f"qmgr -c 'delete node {_N2}'"),
        Asked("74-dotted-short-too", "qmgr -c 'create node n1 np=1'"),
        Asked("74-dotted-both", "pbsnodes -l all"),
        settings("delete node n1"),
    ],
    "a job of many hosts": [
        with_nodes(*_MANY),
        IDLE,
        *(settings(f"set node {name} np = 2000") for name in _MANY),
        submitted(f"-l nodes={len(_MANY)}:ppn=1000 -v SLP=300"),
        submitted(f"-l nodes={len(_MANY)}:ppn=1000 -v SLP=300"),
        command("qrun 0.head"),
        job_has("0.head", "session_id"),
        command("qrun 1.head"),
        job_has("1.head", "session_id"),
        Asked("74-many-qstat-n", "qstat -n"),
        Asked("74-many-qstat-n1", "qstat -n1 1.head"),
        Asked("74-many-qstat-ns", "qstat -n -s 1.head"),
    ],
}
