"""What logs say of jobs and of requests that are refused, and how `tracejob` shows it."""

from __future__ import annotations

from collections.abc import Sequence

from tests.conformance.steps import (
    IDLE,
    Asked,
    Step,
    command,
    deleted,
    job_has,
    job_is,
    submitted,
    with_nodes,
)

_LOGS = "/var/spool/torque/server_priv/../server_logs"
# Without times, and what jobs have used.
_BARE = "sed -E 's,^[0-9/]+ [0-9:.]+ *,,; s,resources_used.*,,' | sort -u"
# What becomes of processes between SIGTERM and SIGKILL is chance.
_MOM = (
    "tracejob -p /var/spool/torque/mom_priv/.. -a -s -l -q 0"
    " | grep -vE 'not killing|after sig|with sig 9'"
)
_SERVER = "tracejob -a -l -m -q"


def _lines(name: str, words: str, host: str = "head") -> Step:
    return Asked(f"77-log-{name}", f"{words} | {_BARE}", "root", host)


STORIES: dict[str, Sequence[Step]] = {
    "what logs say of what users do": [
        with_nodes("n1"),
        IDLE,
        submitted("-v SLP=300"),
        command("qalter -N other 0", "user"),
        command("qalter -N another 0"),
        command("qhold 0", "user"),
        command("qhold -h s 0"),
        command("qrls 0", "user"),
        command("qrls -h s 0"),
        command("qrun 0"),
        job_has("0.head", "session_id"),
        command("qsig -s CONT 0", "user"),
        command("qrerun 0"),
        job_is("0.head", "Q"),
        command("qrun 0"),
        job_has("0.head", "session_id"),
        *deleted("0.head"),
        _lines("actions", f"{_SERVER} 0"),
        _lines("whole-id", f"{_SERVER} 0.head"),
        _lines("no-job-events", f"{_SERVER} -f job 0"),
        _lines("no-system-events", f"{_SERVER} -f system -f debug 0"),
        _lines("hex-events", f"{_SERVER} -f 0x8 0"),
        _lines("mom", f"{_MOM} | sed -E 's,(pid[ =]|sid=)[0-9]+,\\1N,'", "n1"),
        submitted("-h"),
        command("qdel -p 1"),
        _lines("purged", f"{_SERVER} 1"),
        submitted("-h"),
        command("qdel -m 'not needed' 2"),
        _lines("text", f"{_SERVER} 2"),
        submitted("-q batch -a 12312359"),
        _lines("waits", f"{_SERVER} 3"),
    ],
    "what logs say of arrays": [
        with_nodes("n1"),
        IDLE,
        submitted("-t 0-1 -h"),
        job_is("0[1].head", "H"),
        submitted("-t 3-4%1"),
        submitted(""),
        command("qrls 0[]"),
        command("qhold 1[3]"),
        command("qrun 1[4]"),
        job_has("1[4].head", "session_id"),
        job_is("1[4].head", "C"),
        command("qdel 0[]"),
        job_is("0[1].head", "C"),
        _lines("array-number", f"{_SERVER} 0"),
        _lines("array-whole", f"{_SERVER} 0[]"),
        _lines("array-member", f"{_SERVER} 0[1]"),
        _lines("array-members", f"{_SERVER} '0['"),
        _lines("array-run", f"{_SERVER} 1[4].head"),
        _lines("array-accounting", "tracejob -s -l -m -q 1 | cut -d' ' -f1"),
        _lines("two-jobs", f"{_SERVER} 2 1"),
    ],
    "how tracejob shows lines": [
        with_nodes("n1"),
        IDLE,
        submitted("-h"),
        *[command("qalter -N other 0")] * 4,
        *(
            Asked(f"77-trace-{name}", f"{_SERVER} {words} 0 | sed -E 's,[0-9:./]+ [0-9:.]+,T,'")
            for name, words in (
                ("plain", ""),
                ("w-0", "-w 0"),
                ("w-40", "-w 40"),
                ("w-50", "-w 50"),
                ("c-3", "-c 3"),
                ("c-9", "-c 9"),
                ("c-0", "-c 0"),
                ("c-1", "-c 1"),
                ("z", "-z -c 3"),
                ("z-z", "-z -z -c 3"),
            )
        ),
        *(
            Asked(f"77-trace-{name}", f"{_SERVER} {words}")
            for name, words in (
                ("c-bad", "-c x 0"),
                ("w-bad", "-w x 0"),
                ("n-bad", "-n x 0"),
                ("n-0", "-n 0 0"),
                ("f-bad-hex", "-f 0zz 0"),
                ("nothing", ""),
                ("nosuch", "9"),
            )
        ),
    ],
    "what logs say of refusals": [
        with_nodes("n1"),
        IDLE,
        submitted("-h"),
        *(
            command(words, who)
            for words, who in (
                ("qdel 99", "user"),
                ("qalter -N x 99", "user"),
                ("qhold 99", "user"),
                ("qrls 99", "user"),
                ("qrun 0", "user"),
                ("qrun 99", "root"),
                ("qrerun 0", "user"),
                ("qsig -s CONT 0", "user"),
                ("qmove nosuch 0", "user"),
                ("qsub -l nodes=99 j/sleep.sh", "user"),
                ("qsub -q nosuch j/sleep.sh", "user"),
                ("qsub -W depend=afterok:99 j/sleep.sh", "user"),
                ("qstat 99", "user"),
                ("qmgr -c 'set server scheduling=false'", "user"),
                ("qmgr -c 'create node n1'", "root"),
                ("pbsnodes nosuch", "user"),
            )
        ),
        # Root's look at nodes is the scheduler's: it may come before or after there are some.
        Asked(
            "77-log-refusals",
            f"grep -h reject {_LOGS}/* | grep -v 'StatusNode, from root'"
            " | cut -d';' -f2,4- | sort -u",
        ),
        _lines("refused-run", f"{_SERVER} 0"),
    ],
}
