"""A real TORQUE, on hosts that a program of the site's gives (`--hosts-tool`).

The program is asked `TOOL in HOST COMMAND...` (as root), `TOOL as USER HOST COMMAND...`,
and `TOOL kill HOST DAEMON` and `TOOL start HOST DAEMON` for the daemons `server`, `sched`
and `trqauthd`. TORQUE must be in the PATH of every host, with its home in the usual place,
and the folder `--work` be seen by all.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.conformance.site import QUEUE, SCRIPT, qmgr, until
from tests.conformance.transcript import Answer

_PRIV = "/var/spool/torque/server_priv"
_MOM = "/var/spool/torque/mom_priv"
_CONFIG = "$pbsserver head\\n$status_update_time 5\\n$check_poll_time 5\\n$usecp *:/ /\\n"
_TIMEOUT_S = 200


class TorqueSite:
    """TORQUE's daemons behind a program that reaches hosts."""

    kind = "torque"
    has_roles = True

    def __init__(self, tool: str, work: Path, user: str, manager: str) -> None:
        self._tool = tool
        self._work = work
        self._names = {"user": user, "manager": manager}
        # As if all ran: one that an earlier run left behind is ended by the first `fresh`.
        self._moms = {f"n{number}" for number in range(1, 7)}
        (work / "j").mkdir(parents=True, exist_ok=True)
        work.chmod(0o777)
        (work / "j" / "sleep.sh").write_text(SCRIPT)

    def _call(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [self._tool, *words]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )

    def _inside(self, host: str, script: str) -> None:
        done = self._call("in", host, "sh", "-c", script)
        assert done.returncode == 0, (script, done.stderr)

    def fresh(self, slow: bool = False) -> None:
        """A new server and scheduler; trqauthd is the one that runs.

        A pbs_sched whose server and moms go away within a cycle is of no use any more.
        """
        self._call("kill", "head", "sched")
        for name in sorted(self._moms):
            self.kill_mom(name)
        self._call("kill", "head", "server")
        self._inside(
            "head",
            f"cd {_PRIV} && rm -rf serverdb nodes node_status node_note queues/* jobs/* arrays/* "
            "accounting/* ../server_logs/*",
        )
        self.start_server()
        self._call("start", "head", "sched")
        qmgr(self, *QUEUE)

    def run(self, argv: Sequence[str], who: str = "root", host: str = "head") -> Answer:
        """What a command says, in neutral names."""
        words = [self._theirs(word) for word in argv]
        folder = ("sh", "-c", 'cd "$0" && exec "$@"', str(self._work))
        if who == "root":
            done = self._call("in", host, *folder, *words)
        else:
            done = self._call("as", self._names[who], host, *folder, *words)
        return Answer(done.returncode, self._neutral(done.stdout), self._neutral(done.stderr))

    def _theirs(self, word: str) -> str:
        for name, who in (("batchuser", "user"), ("mgruser", "manager")):
            word = re.sub(rf"\b{name}\b", self._names[who], word)
        return word

    def _neutral(self, text: str) -> str:
        text = text.replace(str(self._work), "/home/batchuser")
        text = renamed(text, self._names["user"], "batchuser")
        return renamed(text, self._names["manager"], "mgruser")

    def start_mom(self, node: str) -> None:
        """Start a mom that knows no jobs; a dotted name is none that its host has by itself."""
        host = _host(node)
        self._moms.add(host)
        self._inside(
            host,
            f"cd {_MOM} && rm -f jobs/* mom.lock prologue* epilogue* told ../mom_logs/*;"
            f" printf '{_CONFIG}' > config; pbs_mom{'' if host == node else f' -H {node}'}",
        )

    def put(self, node: str, name: str, text: str, mode: str) -> None:
        """Write a file into a mom's `mom_priv`."""
        script = 'printf %s "$1" > "$2" && chmod "$3" "$2"'
        done = self._call("in", _host(node), "sh", "-c", script, "sh", text, f"{_MOM}/{name}", mode)
        assert done.returncode == 0, done.stderr

    def kill_mom(self, node: str) -> None:
        """Kill a mom."""
        host = _host(node)
        self._moms.discard(host)
        self._inside(host, f"test ! -s {_MOM}/mom.lock || kill -9 $(cat {_MOM}/mom.lock) || true")

    def stop_server(self) -> None:
        """Kill pbs_server."""
        self._call("kill", "head", "server")

    def server_ended(self) -> None:
        """Wait for the end of its process."""
        until(
            lambda: self._call("in", "head", "pgrep", "-x", "pbs_server").returncode,
            "pbs_server has ended",
        )

    def start_server(self) -> None:
        """Start pbs_server."""
        self._call("start", "head", "server")
        until(lambda: self.run(["qstat"]).code == 0, "pbs_server answers")

    def stop_authority(self) -> bool:
        """Stop trqauthd."""
        return self._call("kill", "head", "trqauthd").returncode == 0

    def start_authority(self) -> None:
        """Start trqauthd."""
        self._call("start", "head", "trqauthd")
        until(lambda: self.run(["qstat"]).code == 0, "trqauthd answers")

    def close(self) -> None:
        """Stop the moms; the rest is not ours."""
        for name in sorted(self._moms):
            self.kill_mom(name)


def _host(node: str) -> str:
    """The host of a node: n1 of n1.cluster.test."""
    return node.partition(".")[0]


def renamed(text: str, name: str, neutral: str) -> str:
    """`text` with another name; columns stay where they are."""

    def replace(found: re.Match[str]) -> str:
        blank = found[1] or ""
        return neutral + " " * max(len(blank) and 1, len(blank) + len(name) - len(neutral))

    return re.sub(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])( {{2,}})?", replace, text)
