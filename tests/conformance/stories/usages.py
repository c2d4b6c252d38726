"""What every command says of options that it does not have, or that exclude each other."""

from __future__ import annotations

from collections.abc import Sequence

from tests.conformance.steps import (
    IDLE,
    Asked,
    Step,
    command,
    job_has,
    job_is,
    submitted,
    with_nodes,
)

_COMMANDS = (
    *("momctl", "pbsdsh", "pbsnodes", "qalter", "qdel", "qdisable", "qenable", "qhold", "qmgr"),
    *("qmove", "qorder", "qrerun", "qrls", "qrun", "qselect", "qsig", "qstart", "qstat", "qstop"),
    *("qsub", "qterm", "tracejob"),
)
_OTHERS = (
    *("qdel", "qdel -p -W 5 0.head", "qdel -p -m x 0.head", "qdel -p -t 1 0.head", "qdel -c"),
    *("qdel -a", "qdel -b 0.head", "qterm -t slow", "qrun -a", "qrun", "qrun 999", "qrun abc"),
    *("momctl", "qmgr -c", "pbsdsh -Z true", "pbsdsh true", "pbsdsh -n 1 -c 1 true"),
    *("qsig", "qmove", "qmove batch", "qorder", "qorder 0.head", "qhold -h", "qrls -Z -Y 0.head"),
    *("qenable", "qstart", "qrerun", "qalter", "qselect x", "tracejob", "tracejob -n x 0"),
)
_SUBMISSIONS = (
    *("-u nosuch", "-u mgruser", "-W group_list=root", "-W group_list=nosuch"),
    *("-W group_list=mgruser", "-I", "-X", "-Z", "-I -l nodes=1", "-u root"),
)

# Of lines within a second the order is chance; what a mom reported, and mail, is left out.
_TEXTS = "| sed 's,^[0-9/]* [0-9:.]* *,,' | grep -v 'Modified|email|status=|user=' -E | sort -u"

STORIES: dict[str, Sequence[Step]] = {
    "options that there are not": [
        command("qsub -h j/sleep.sh", "user"),
        *(Asked(f"72-usage-{name}", f"{name} -Z") for name in _COMMANDS),
        *(Asked(f"72-usage-{name}-long", f"{name} --nosuch") for name in _COMMANDS),
        *(Asked(f"72-usage-{number:02}", line) for number, line in enumerate(_OTHERS)),
        *(
            Asked(f"72-submit-{number:02}", f"qsub {words} j/sleep.sh", "user")
            for number, words in enumerate(_SUBMISSIONS)
        ),
    ],
    "what logs say of a job": [
        with_nodes("n1"),
        command("qsub -v SLP=1 j/sleep.sh", "user"),
        job_is("0.head", "C"),
        Asked("73-trace-user", "tracejob -s -l 0", "user"),
        Asked("73-trace-user-quiet", "tracejob -s -l -q 0", "user"),
        Asked("73-trace-home", "tracejob -p /nosuch 0"),
        Asked("73-trace-unknown", "tracejob 999"),
        Asked("73-trace-verbose", "tracejob -v -n 1 999"),
        Asked("73-trace-form", "tracejob -f zzz 0"),
        Asked("73-trace-server", f"tracejob -a -l -m -q 0 {_TEXTS}"),
        Asked("73-trace-server-job", f"tracejob -a -l -m -q -f job 0 {_TEXTS}"),
        Asked("73-trace-scheduler", f"tracejob -a -s -m -q 0 {_TEXTS}"),
        Asked("73-trace-accounting", f"tracejob -s -l -m -q 0 {_TEXTS}"),
    ],
    "options that are seldom used": [
        with_nodes("n1"),
        IDLE,
        submitted("-h"),
        submitted("-v SLP=300"),
        command("qrun 1"),
        job_has("1.head", "session_id"),
        submitted("-h -t 0-2"),
        job_is("2[2].head", "H"),
        submitted("", "exit 0"),
        command("qrun 3"),
        job_is("3.head", "C"),
        Asked("79-array-t", "qstat -t 2[]"),
        Asked("79-array-t-all", "qstat -t"),
        Asked("79-array-show", "qstat -f 2[] | grep -E 'state|Hold'"),
        Asked("79-array-t-show", "qstat -f -t 2[] | grep -E 'Job Id|job_state|Hold'"),
        Asked("79-array-released", "qrls -t 1 2[]", "user"),
        Asked("79-array-t-released", "qstat -t 2[]"),
        Asked("79-array-a", "qstat -a -t 2[]"),
        *(
            Asked(f"79-qdel-c-{name}", f"qdel -c {job}", who)
            for name, job, who in (
                ("user", "3", "user"),
                ("user-held", "0", "user"),
                ("running", "1", "root"),
                ("held", "0", "root"),
                ("complete", "3", "root"),
                ("unknown", "99", "root"),
                ("with-p", "-p 0", "root"),
                ("array", "2[]", "root"),
                ("all", "all", "root"),
            )
        ),
        Asked("79-qdel-c-left", "qstat -t"),
        *(
            Asked(f"79-qsub-K-{name}", f"qsub -h -K '{text}' j/sleep.sh", "user")
            for name, text in (
                ("number", "5"),
                ("letters", "abc"),
                ("both", "5abc"),
                ("negative", "-1"),
                ("zero", "0"),
                ("empty", ""),
                ("space", " 5"),
                ("large", "99999999999"),
                ("clock", "0:10"),
            )
        ),
        Asked("79-qsub-K-shown", "qstat -f | grep -E 'user_kill_delay|submit_args'"),
        *(
            Asked(f"79-qalter-K-{name}", f"qalter -K '{text}' 0", "user")
            for name, text in (("number", "7"), ("both", "5abc"), ("letters", "abc"))
        ),
        Asked("79-qalter-K-shown", "qstat -f 0 | grep user_kill_delay"),
    ],
}
