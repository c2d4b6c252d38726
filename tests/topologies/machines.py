"""Machines to install packages on: namespaced hosts, each with a root file system of its own.

What a machine changes stays in its memory: below it is this machine's root, which it never
writes to. All share /home, as sites do, and the folder with the packages.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.pelog.hosts import HEAD, Hosts

UNITS = Path("/usr/lib/systemd/system")
# As systemd gives it to services.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
USERS = {"anna": 26001, "ben": 26002}
_ROOT = """
folder=$1 layer=$2 build=$3 root=$2/root
mount -t tmpfs -o mode=755 layer "$layer"
mkdir "$layer/upper" "$layer/work" "$root"
mount -t overlay -o "lowerdir=/,upperdir=$layer/upper,workdir=$layer/work" overlay "$root"
for path in /proc /sys /dev; do mount --rbind "$path" "$root$path"; done
for path in /run /tmp /var/tmp; do mount -t tmpfs -o mode=755 none "$root$path"; done
chmod 1777 "$root/tmp" "$root/var/tmp"
for path in "$folder" "$build"; do
    mkdir -p "$root$path"
    mount --bind "$path" "$root$path"
done
mount --bind "$folder/home" "$root/home"
cp --remove-destination "$folder/hosts" "$root/etc/hosts"
rm -rf "$root/root/.ssh" "$root/etc/torque-mesos" "$root/var/lib/torque-mesos"
rm -f "$root/etc/profile.d/torque.sh" "$root/etc/profile.d/pbs.sh"
"""


class Machines(Hosts):
    """`head` and others by their names. Needs root.

    `build`: the folder with Mesos, which they see. Every machine has the USERS. `path`: where
    root's commands are found.
    """

    def __init__(self, others: Sequence[str], build: Path, parent: str = "/var/tmp") -> None:
        super().__init__(len(others), parent)
        self.names = [HEAD, *others]
        self.addresses = {name: f"10.79.0.{place + 1}" for place, name in enumerate(self.names)}
        self.build = build
        self.path = PATH
        self._rooted: set[str] = set()

    def start(self) -> None:
        """Bring all of them up."""
        super().start()
        for user, uid in USERS.items():
            home = self.folder / "home" / user
            home.mkdir(parents=True)
            home.chmod(0o700)
            subprocess.run(["chown", f"{uid}:{uid}", home], check=True)
        for name in self.names:
            layer = self.folder / f"layer.{name}"
            layer.mkdir()
            words = (str(self.folder), str(layer), str(self.build))
            self.check(name, "sh", "-euc", _ROOT, "sh", *words)
            self._rooted.add(name)
            for user, uid in USERS.items():
                self.check(name, "useradd", "-u", str(uid), "-M", "-d", f"/home/{user}", "-U", user)

    def command(self, host: str, words: Sequence[str], user: str | None = None) -> list[str]:
        """See `Hosts.command`; in the machine's own root, and a user in his home."""
        if host not in self._rooted:
            return super().command(host, words, user)
        become = ["runuser", "-l", user, "-c", shlex.join(words)] if user else list(words)
        root = str(self.folder / f"layer.{host}" / "root")
        environment = (f"PATH={self.path}", "LANG=C.UTF-8")
        return super().command(host, ["env", "-i", *environment, "chroot", root, *become])

    def outside(self, host: str, *words: str) -> None:
        """Run a command on a host that must succeed, in this machine's root."""
        subprocess.run(super().command(host, words), check=True)

    def close(self, *, keep: bool = False) -> None:
        """Power off, and remove the folder, if that was not done before."""
        if self.folder.exists():
            super().close(keep=keep)

    def install(self, host: str, *packages: Path) -> None:
        """`dpkg --install`."""
        self.check(host, "dpkg", "--install", *map(str, packages))

    def text(self, host: str, path: str) -> str:
        """A file of a machine's."""
        return self.check(host, "cat", path)

    def write(self, host: str, path: str, text: str, mode: str = "0644") -> None:
        """Write a file on a machine."""
        script = 'mkdir -p "$(dirname "$1")" && printf %s "$2" > "$1" && chmod "$3" "$1"'
        self.check(host, "sh", "-euc", script, "sh", path, text, mode)

    def start_daemon(self, host: str, name: str, *words: str) -> subprocess.Popen[bytes]:
        """Start a daemon that `signal` can find by a name. What it returns ends when it does."""
        noted = ("sh", "-c", 'echo $$ > "$0"; exec "$@"', f"/run/test.{name}", *words)
        return self.spawn(host, *noted)

    def signal(self, host: str, name: str, signal: str) -> None:
        """Send a daemon a signal."""
        self.check(host, "sh", "-euc", 'kill -s "$0" "$(cat "$1")"', signal, f"/run/test.{name}")

    def start_unit(self, host: str, unit: str) -> subprocess.Popen[bytes]:
        """Start what a unit's ExecStart says, as who and in what folders it says."""
        said = dict(re.findall(r"^(\w+)=(.*)$", self.text(host, str(UNITS / unit)), re.MULTILINE))
        for key, parent in (("StateDirectory", "/var/lib"), ("RuntimeDirectory", "/run")):
            if key in said:
                owner = said.get("User", "root")
                self.check(host, "install", "-d", "-o", owner, f"{parent}/{said[key]}")
        words = shlex.split(said["ExecStart"])
        if "User" in said:
            words = [
                "setpriv",
                f"--reuid={said['User']}",
                f"--regid={said['Group']}",
                "--init-groups",
                *words,
            ]
        plain = [word for word in words if not word.startswith("$")]
        return self.start_daemon(host, unit, *plain)
