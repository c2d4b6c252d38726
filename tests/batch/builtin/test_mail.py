"""Mail about jobs, held to what TORQUE 6.1.3 was recorded giving to sendmail."""

from __future__ import annotations

import pytest

from tests.batch.builtin.cluster import Cluster
from tests.waiting import wait_for

N1 = "n1.cluster.test"

pytestmark = pytest.mark.system


def test_owners_are_told_what_they_asked_for(cluster: Cluster) -> None:
    box = cluster.work / "box"
    box.mkdir()
    box.chmod(0o777)
    program = cluster.folder / "sendmail"
    program.write_text(
        f'#!/bin/sh\n{{ printf "[%s]" "$@"; echo; cat; }} >{box}/new.$$\n'
        f"mv {box}/new.$$ {box}/m.$$\n"
    )
    program.chmod(0o755)
    cluster.restart(sendmail=str(program))
    cluster.with_nodes(N1)

    def mails(job_id: str) -> list[str]:
        found = [path.read_text() for path in box.glob("m.*")]
        return [text for text in found if f"PBS JOB {job_id}\n" in text]

    job_id = cluster.submit("exit 3\n", "-m", "abe", "-M", "bob,carol@x.test", "-N", "both")
    cluster.wait_state(job_id, "C")
    wait_for(lambda: len(mails(job_id)) == 2, 60, "two mails")
    begun, ended = sorted(mails(job_id), key=lambda text: "terminated" in text)
    number = job_id.split(".")[0]
    head = (
        "[-f][adm][bob][carol@x.test]\n"
        f"To: bob,carol@x.test\nSubject: PBS JOB {job_id}\nPrecedence: bulk\n\n"
        f"PBS Job Id: {job_id}\nJob Name:   both\nExec host:  {N1}/0\n"
    )
    assert begun.startswith(f"{head}Begun execution\nError_Path: ")
    assert ended.startswith(f"{head}Execution terminated\nExit_status=3\nresources_used.cput=")
    assert begun.endswith(f"/both.o{number}\n")
    assert f"\nOutput_Path={begun.split('Output_Path: ')[1]}" in ended

    aborted = [cluster.submit("sleep 60\n", "-l", "walltime=1", "-m", how) for how in "nep"]
    for job in aborted:
        assert cluster.wait_state(job, "C")["exit_status"] == "-11"
    for job in aborted[:2]:
        (told,) = wait_for(lambda job=job: mails(job), 60, "it is told of")
        assert "\nAborted by PBS Server \nJob exceeded its walltime limit. Job was" in told
        assert told.count("Error_Path") == 1
    assert not mails(aborted[2])

    none = [cluster.submit("true\n", *how) for how in ((), ("-m", "n"), ("-m", "f"))]
    held = cluster.submit("true\n", "-h", "-m", "ae", "-N", "held")
    cluster.qmgr("set server mail_domain=d.test")
    for job in none:
        cluster.wait_state(job, "C")
    assert cluster.run("qdel", held).returncode == 0
    if cluster.privileged:
        (told,) = wait_for(lambda: mails(held), 60, "it is told of")
        assert told.splitlines()[0] == f"[-f][adm][{cluster.account.pw_name}@d.test]"
        assert "\njob deleted\nJob deleted at request of root@" in told
    assert not [job for job in none if mails(job)]
