"""The built-in server, its moms on loopback addresses."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence

from tests.accounts import need_account
from tests.batch.builtin.cluster import SCALE, Cluster, install_settings
from tests.conformance.site import PATIENCE_S, QUEUE, SCRIPT, qmgr
from tests.conformance.torque_site import renamed
from tests.conformance.transcript import Answer

HOSTS = {"head": "127.0.0.1", **{f"n{number}": f"127.0.1.{number}" for number in range(1, 255)}}
HOSTS.update({f"n{number}.cluster.test": f"127.0.1.{number}" for number in range(1, 7)})
_CONFIG = "$pbsserver head\n$status_update_time 5\n$check_poll_time 5\n$usecp *:/ /\n"

_PORTS = {"server_port": "15001", "mom_service_port": "15002", "mom_manager_port": "15003"}


class BuiltinSite:
    """A built-in server, made anew by `fresh`."""

    kind = "builtin"

    def __init__(self) -> None:
        self._cluster: Cluster | None = None
        self._ports: dict[str, str] = {}
        self.has_roles = os.geteuid() == 0
        self._user = need_account()
        self._manager = _another(self._user)

    @property
    def cluster(self) -> Cluster:
        """The running one."""
        assert self._cluster is not None
        return self._cluster

    def fresh(self, slow: bool = False) -> None:
        """A new installation and daemons."""
        self.close()
        self._cluster = cluster = Cluster(
            server_name="head", hosts=HOSTS, scale=0.3 if slow else SCALE
        )
        (cluster.work / "j").mkdir()
        (cluster.work / "j" / "sleep.sh").write_text(SCRIPT)
        self._ports = install_settings(cluster.home)
        cluster.start_server("-t", "create")
        cluster.start_scheduler()
        qmgr(self, *QUEUE)

    def run(self, argv: Sequence[str], who: str = "root", host: str = "head") -> Answer:
        """What a command says, in neutral names."""
        cluster = self.cluster
        path = f"{cluster.installed.bin_dir}:{cluster.installed.sbin_dir}:/usr/bin:/bin"
        env = {"PATH": path, "TZ": "UTC", "LANG": "C", "PBS_BUILTIN_HOSTS": f"{cluster.home}/hosts"}
        account = {"root": None, "manager": self._manager, "user": self._user}[who]
        options: dict[str, object] = {}
        if account is not None:
            env.update(HOME=account.pw_dir, LOGNAME=account.pw_name, USER=account.pw_name)
            if self.has_roles:
                options = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        program = shutil.which(argv[0], path=path)
        if program is None:
            return Answer(127, "", f"{argv[0]}: command not found\n")
        done = subprocess.run(
            [argv[0], *(self._theirs(word, host) for word in argv[1:])],
            executable=program,
            capture_output=True,
            text=True,
            timeout=60,
            env=env,
            cwd=cluster.work,
            check=False,
            **options,  # type: ignore[call-overload]
        )
        return Answer(done.returncode, self._neutral(done.stdout), self._neutral(done.stderr))

    def _theirs(self, word: str, host: str) -> str:
        for ours, theirs in (
            ("batchuser", self._user.pw_name),
            ("mgruser", self._manager.pw_name),
            ("/var/spool/torque/server_priv", f"{self.cluster.home}/server_priv"),
            ("/var/spool/torque/mom_priv", f"{self.cluster.mom_home(host)}/mom_priv"),
        ):
            word = word.replace(ours, theirs)
        return word

    def _neutral(self, text: str) -> str:
        text = text.replace(str(self.cluster.work), "/home/batchuser")
        text = text.replace(str(self.cluster.home), "/var/spool/torque")
        text = re.sub(rf"{self.cluster.folder}/mom-\w+", "/var/spool/torque", text)
        for name, port in _PORTS.items():
            text = re.sub(rf"\b{self._ports[name]}\b", port, text)
        text = renamed(text, socket.gethostname(), "head")
        text = renamed(text, self._user.pw_name, "batchuser")
        return renamed(text, self._manager.pw_name, "mgruser")

    def start_mom(self, node: str) -> None:
        """Start a mom."""
        self.cluster.start_mom(node, _CONFIG, ready=False)
        logs = self.cluster.mom_home(node) / "mom_logs"
        logs.mkdir(exist_ok=True)
        today = logs / time.strftime("%Y%m%d", time.gmtime())
        if not today.is_symlink():
            today.symlink_to("../log")  # for tracejob

    def put(self, node: str, name: str, text: str, mode: str) -> None:
        """Write a file into a mom's `mom_priv`."""
        path = self.cluster.mom_home(node) / "mom_priv" / name
        path.write_text(self._theirs(text, node))
        path.chmod(int(mode, 8))

    def kill_mom(self, node: str) -> None:
        """Kill a mom."""
        process = self.cluster.moms.pop(node)
        process.kill()
        process.wait()

    def stop_server(self) -> None:
        """Kill pbs_server."""
        server = self.cluster.server
        assert server is not None
        server.kill()
        server.wait()

    def server_ended(self) -> None:
        """Wait for the end of its process."""
        assert self.cluster.server is not None
        self.cluster.server.wait(PATIENCE_S)

    def start_server(self) -> None:
        """Start pbs_server."""
        self.cluster.start_server()

    def stop_authority(self) -> bool:
        """There is none."""
        return False

    def start_authority(self) -> None:
        """There is none."""

    def close(self) -> None:
        """End everything."""
        if self._cluster is not None:
            self._cluster.close()
            self._cluster = None


def _another(account: pwd.struct_passwd) -> pwd.struct_passwd:
    """Somebody who is neither root nor `account`."""
    others = [e for e in pwd.getpwall() if e.pw_uid not in (0, account.pw_uid)]
    return others[0] if others else account
