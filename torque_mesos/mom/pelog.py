"""Prologues, epilogues and the launch of MPI programs: what of them is put into a mom's home.

    mom_priv/prologue ...      the scripts that the mom runs, owned by who runs the mom, 0755
    mom_priv/prologue.d/ ...   a site's own, which they run
    torque-mesos/              what they and jobs read and run: for all to pass through

A script of a site's that is already in mom_priv under one of the names is moved into the
`.d` folder of that name, and so goes on being run.
"""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
from pathlib import Path
from typing import Dict, List, Optional

from torque_mesos.mom.programs import MomError, find_program
from torque_mesos.mom.settings import MomSettings

log = logging.getLogger(__name__)

FOLDER = "torque-mesos"
OURS = b'\n. "$home/torque-mesos/lib.sh"\n'
"""A line that all of ours have, and no other script: how one that is there already is known."""

KEPT = "00-site"
MODE = 0o755
CLEAR_TIMEOUT_S = 5.0

ALARM_S = 300
"""TORQUE's default of `$prologalarm`, and what an OpenPBS mom is told (its own is 30)."""

NAME_MAX = 100
"""TORQUE's mom cuts a line of its configuration after some 250 characters, and an OpenPBS mom's
hooks the name of its folder of logs after 127. A home in a sandbox is longer."""

LINKS = Path("/run/torque-mesos")
"""Where such a home has a short name while its mom is there."""

# Where a mom looks for them -> in the delivery.
SCRIPTS = {
    "prologue": "prologue/prologue",
    "prologue.parallel": "prologue/prologue.parallel",
    "prologue.user": "prologue/prologue.user",
    "epilogue": "epilogue/epilogue",
    "epilogue.parallel": "epilogue/epilogue.parallel",
    "epilogue.user": "epilogue/epilogue.user",
    "epilogue.precancel": "epilogue/epilogue.precancel",
}
PARTS = {
    "folder.sh": "prologue/folder.sh",
    "lib.sh": "prologue/lib.sh",
    "hosts.sh": "prologue/hosts.sh",
    "strays.sh": "epilogue/strays.sh",
    "keys.sh": "epilogue/keys.sh",
    "clear": "epilogue/clear",
    "start": "prologue/start",
    "launch": "prologue/launch",
}


def install(settings: MomSettings, home: Path, delivery: Path) -> None:
    """Put everything in place. Nothing, where the delivery has none. Raises OSError."""
    if not has_scripts(settings, delivery):
        return
    folder = home / FOLDER
    folder.mkdir(exist_ok=True)
    folder.chmod(MODE)
    jobs = folder / "jobs"
    jobs.mkdir(exist_ok=True)
    jobs.chmod(0o700)
    for name, source in PARTS.items():
        _write(folder / name, (delivery / source).read_bytes(), MODE)
    _write(folder / "conf", conf(settings, delivery).encode(), 0o644)
    for name, source in SCRIPTS.items():
        target = home / "mom_priv" / name
        _keep_site_script(target)
        _write(target, (delivery / source).read_bytes(), MODE)


def has_scripts(settings: MomSettings, delivery: Path) -> bool:
    """Whether there is something to put in place."""
    return settings.prologue and all(
        (delivery / source).is_file() for source in (*SCRIPTS.values(), *PARTS.values())
    )


def job_starter(settings: MomSettings, home: Path, delivery: Path) -> List[str]:
    """The lines of mom_priv/config that have jobs started by ours; a site's own comes first.

    TORQUE only: an OpenPBS mom has none. Raises OSError.
    """
    own = any(line.split()[:1] == ["$job_starter"] for line in settings.config)
    if settings.openpbs or own or not has_scripts(settings, delivery):
        return []
    place = home if settings.builtin else short(home)
    return [f"$job_starter {place / FOLDER / 'start'}"]


def short(home: Path) -> Path:
    """The home, by another name in LINKS where its own is too long for a mom. Raises OSError."""
    if len(str(home)) <= NAME_MAX:
        return home
    LINKS.mkdir(mode=MODE, exist_ok=True)
    link = _link(home)
    if not link.is_symlink():
        link.symlink_to(home)
    return link


def clear(home: Path) -> None:
    """Take away what jobs have left whose epilogue their mom did not come to run."""
    jobs, program = home / FOLDER / "jobs", home / FOLDER / "clear"
    if program.exists() and any(jobs.iterdir()):
        try:
            subprocess.run(
                [program],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                timeout=CLEAR_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            log.warning("what jobs left was not all taken away within %g s", CLEAR_TIMEOUT_S)
    link = _link(home)
    if link.is_symlink():
        link.unlink()


def _link(home: Path) -> Path:
    return LINKS / hashlib.sha256(str(home).encode()).hexdigest()[:12]


def conf(settings: MomSettings, delivery: Path) -> str:
    """What the scripts are told: `key=value` lines, which they read and never run."""
    no_login = any(
        line.lower().split()[:2] in (["$source_login_batch", word] for word in ("false", "0", "no"))
        for line in settings.config
    )
    values = {
        "scratch": settings.scratch,
        "scripts": settings.site_scripts,
        "limit_s": f"{settings.site_script_timeout_s:g}",
        **_limits(settings),
        "launch": settings.launch,
        "login": "no" if no_login else "yes",
        "bin": _bin_folder(settings, delivery) or "",
        "executor": str(os.getpid()),
    }
    return "".join(f"{key}={value}\n" for key, value in values.items())


def alarm_s(settings: MomSettings) -> int:
    """After how many seconds the mom ends a prologue or an epilogue with all it runs."""
    words = [line.split() for line in settings.config]
    given = [line[1] for line in words if len(line) > 1 and line[0].lower() == "$prologalarm"]
    return int(given[-1]) if given and given[-1].isdigit() else ALARM_S


def _limits(settings: MomSettings) -> Dict[str, str]:
    """What a site's scripts for one occasion have together, and how long the last may take to end.

    TORQUE's mom ends a script ten seconds before its alarm (src/resmom/prolog.c). An OpenPBS mom
    knows no *.user scripts: its prologue and epilogue run those, too, within the one alarm.
    """
    room_s = alarm_s(settings) - (10 if alarm_s(settings) > 10 else 0)
    share = 0.4 if settings.openpbs else 0.8
    return {
        "budget_s": str(max(1, int(room_s * share))),
        "kill_s": f"{min(5.0, room_s * 0.1):g}",
    }


def _bin_folder(settings: MomSettings, delivery: Path) -> Optional[str]:
    """The folder of `pbsdsh`, beside that of the mom; jobs may not have it in their PATH."""
    try:
        program = Path(find_program(settings, delivery, "pbs_mom", settings.pbs_mom)[-1])
    except MomError:
        return None
    return str(program.resolve().parent.parent / "bin")


def _keep_site_script(target: Path) -> None:
    if not target.is_file() or OURS in target.read_bytes():
        return
    folder = target.with_name(f"{target.name}.d")
    folder.mkdir(exist_ok=True)
    folder.chmod(MODE)
    if not target.is_symlink():
        target.rename(folder / KEPT)
        return
    # Where it leads may be told from the folder that it is in.
    partial = folder / f"{KEPT}.bak"
    partial.unlink(missing_ok=True)
    partial.symlink_to(target.resolve())
    partial.replace(folder / KEPT)
    target.unlink()


def _write(path: Path, text: bytes, mode: int) -> None:
    # Not into a file that is there: a mom may be about to run it.
    partial = path.with_name(f".{path.name}.new")
    partial.write_bytes(text)
    partial.chmod(mode)
    partial.replace(path)
