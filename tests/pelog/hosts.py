"""Hosts on one machine: namespaces of network, names, mounts and processes on a bridge.

Each has its own name, /tmp and /etc/hosts; the rest of the file system is shared. The
first one, `head`, has the bridge. Needs root.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.waiting import wait_for

HEAD = "head"
ROOT = Path(__file__).resolve().parents[2]
_BELOW_TMP = ROOT.is_relative_to("/tmp")  # then the hosts must see it in their own /tmp
_REAP = "import signal; signal.signal(signal.SIGCHLD, signal.SIG_IGN)\nwhile 1: signal.pause()"
_BEGIN = """
hostname "$1"
mount --make-rprivate /
mount --bind "$2/hosts" /etc/hosts
if [ -n "$4" ]; then
    mkdir -p "$2/tmp.$1/${4#/tmp/}"
    mount --bind "$4" "$2/tmp.$1/${4#/tmp/}"
fi
mount --rbind "$2/tmp.$1" /tmp
mount --bind "$2/local.$1" "$2/local"
ip link set lo up
# By its boot id MPI libraries tell a host from others, with which it shares no memory.
mount --bind "$2/boot.$1" /proc/sys/kernel/random/boot_id
touch "$2/up.$1"
exec /usr/bin/python3 -c "$3"
"""


class Hosts:
    """`head` and `n1` .. `nN`.

    `folder` is seen by all of them; it is not below /tmp. `local` is another one on each.
    """

    def __init__(self, count: int, parent: str = "/var/tmp") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="torque-mesos-hosts-", dir=parent))
        self.folder.chmod(0o755)
        self.names = [HEAD, *(f"n{number}" for number in range(1, count + 1))]
        self.addresses = {name: f"10.79.0.{place + 1}" for place, name in enumerate(self.names)}
        self.local = self.folder / "local"
        self._inits: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Bring all of them up."""
        lines = [f"{address} {name}\n" for name, address in self.addresses.items()]
        (self.folder / "hosts").write_text("127.0.0.1 localhost\n" + "".join(lines))
        self.local.mkdir()
        for name in self.names:
            (self.folder / f"boot.{name}").write_text(f"{uuid.uuid4()}\n")
            (self.folder / f"local.{name}").mkdir()
            tmp = self.folder / f"tmp.{name}"
            tmp.mkdir()
            tmp.chmod(0o1777)
            self._inits[name] = subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "KILL"),  # with this process, however it ends
                    *("unshare", "-n", "-u", "-m", "-p", "--fork", "--kill-child", "--mount-proc"),
                    *("sh", "-ec", _BEGIN, "sh", name, self.folder, _REAP),
                    str(ROOT) if _BELOW_TMP else "",
                ],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        for name in self.names:
            wait_for((self.folder / f"up.{name}").exists, 60, f"the host {name} is up")
        self.check(HEAD, "ip", "link", "add", "br0", "type", "bridge")
        self.check(HEAD, "ip", "link", "set", "br0", "up")
        self.check(HEAD, "ip", "addr", "add", f"{self.addresses[HEAD]}/24", "dev", "br0")
        for name in self.names[1:]:
            near, far = str(self._pid(HEAD)), str(self._pid(name))
            link = ["ip", "link", "add", f"v{name}", "netns", near, "type", "veth"]
            subprocess.run([*link, "peer", "name", "eth0", "netns", far], check=True)
            self.check(HEAD, "ip", "link", "set", f"v{name}", "master", "br0", "up")
            self.check(name, "ip", "addr", "add", f"{self.addresses[name]}/24", "dev", "eth0")
            self.check(name, "ip", "link", "set", "eth0", "up")

    def command(self, host: str, words: Sequence[str], user: str | None = None) -> list[str]:
        """The command line that runs `words` on a host, as root or as a user in his home."""
        as_user = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else []
        return ["nsenter", "-t", str(self._pid(host)), "-a", "--", *as_user, *words]

    def run(
        self,
        host: str,
        *words: str,
        user: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on a host."""
        return subprocess.run(
            self.command(host, words, user),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, **(environment or {})},
        )

    def check(self, host: str, *words: str, **more: str) -> str:
        """Run a command that must succeed; its output."""
        done = self.run(host, *words, **more)
        assert done.returncode == 0, done
        return done.stdout

    def spawn(self, host: str, *words: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a daemon on a host. It ends with the host."""
        with open(self.folder / f"daemons.{host}", "ab") as output:
            return subprocess.Popen(
                self.command(host, words),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **environment},
                cwd="/",
                start_new_session=True,
            )

    def processes(self, host: str, uid: int) -> list[str]:
        """The command lines of a user's processes on a host."""
        script = (
            "for p in /proc/[0-9]*; do"
            ' [ "$(stat -c %u "$p" 2>/dev/null)" = "$0" ] || continue;'
            ' ! grep -qs "^State:.*Z" "$p/status" || continue;'
            ' tr "\\0" " " < "$p/cmdline"; echo; done'
        )
        return [
            line for line in self.check(host, "sh", "-c", script, str(uid)).splitlines() if line
        ]

    def seen(self, host: str, path: Path) -> Path:
        """Where a file of a host's `local` is for this process."""
        return self.folder / f"local.{host}" / path.relative_to(self.local)

    def namespace(self, host: str, kind: str) -> Path:
        """What stands for a namespace of a host, such as "net"."""
        return Path(f"/proc/{self._pid(host)}/ns/{kind}")

    def tmp(self, host: str) -> list[str]:
        """What is in a host's /tmp, but for the way to the tests themselves."""
        ours = {ROOT.parts[2]} if _BELOW_TMP else set()
        return sorted(set(os.listdir(self.folder / f"tmp.{host}")) - ours)

    def close(self, *, keep: bool = False) -> None:
        """Power off, and remove the folder if it is not to be kept."""
        for process in self._inits.values():
            process.send_signal(signal.SIGKILL)
            process.wait()
        if not keep:
            shutil.rmtree(self.folder)

    def _pid(self, host: str) -> int:
        parent = self._inits[host].pid
        return int(Path(f"/proc/{parent}/task/{parent}/children").read_text().split()[0])
