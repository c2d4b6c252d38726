"""What every command says of options that it does not have, or that exclude each other."""

from __future__ import annotations

from collections.abc import Sequence

from tests.conformance.steps import Asked, Step, command

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
}
