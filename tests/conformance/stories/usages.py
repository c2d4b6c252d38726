"""What every command says of options that it does not have, or that exclude each other."""

from __future__ import annotations

from collections.abc import Sequence

from tests.conformance.steps import Asked, Step, command, job_is, with_nodes

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
}
