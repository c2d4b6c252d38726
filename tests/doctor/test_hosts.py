"""Hosts on which something is broken for real, in namespaces."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pelog.hosts import ROOT, Hosts
from tests.waiting import wait_for

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(os.geteuid() != 0, reason="namespaces and their hosts need root"),
    pytest.mark.skipif(shutil.which("unshare") is None, reason="there is no unshare here"),
]

MASTER_PORT = 28050
ACCOUNT = "nobody"


class Site:
    """`head` with a master (that is a fake), `n1` with an agent; no batch server runs."""

    def __init__(self, hosts: Hosts) -> None:
        self.hosts = hosts
        self._usual: dict[tuple[str, str], dict[str, str]] = {}
        self.home = self.hosts.folder / "spool"
        for name, mode in {"spool": 0o1777, "undelivered": 0o1777, "server_priv": 0o750}.items():
            self.folder(name).mkdir(parents=True)
            self.folder(name).chmod(mode)
        self.told: dict[str, Any] = {
            "slaves": [self.agent("n1", "n1"), self.agent("head", "head")],
            "flags": {"work_dir": str(self.hosts.folder)},
            "ahead_s": 0,
        }
        self.master = self.hosts.folder / "master.json"
        self.tell()
        self.settings = self.hosts.folder / "torque-mesos.toml"
        self.set()
        script = str(ROOT / "tests" / "doctor" / "fake_master.py")
        port, file = str(MASTER_PORT), str(self.master)
        for host in self.hosts.names:
            self.hosts.spawn(host, sys.executable, script, port, file)
        wait_for(self.answers, 60, "the masters answer")

    def answers(self) -> bool:
        return not any("the Mesos master" in cause for cause in self.findings("n1", "agent"))

    def agent(self, name: str, host: str) -> dict[str, str]:
        return {"hostname": name, "pid": f"slave(1)@{self.hosts.addresses[host]}:{MASTER_PORT}"}

    def folder(self, name: str) -> Path:
        return self.home / name

    def tell(self, **changed: object) -> None:
        self.master.write_text(json.dumps(self.told | changed))

    def set(self, **changed: str) -> None:
        values = {"state_dir": str(self.hosts.folder / "state"), **changed}
        text = "".join(f'{key} = "{value}"\n' for key, value in values.items())
        self.settings.write_text(
            f'{text}[mesos]\nmaster = "{self.hosts.addresses["head"]}:{MASTER_PORT}"\n'
            f'[batch]\nmode = "existing"\nserver_host = "head"\nhome = "{self.home}"\n'
            'bin_dir = "/none"\nsbin_dir = "/none"\n'
        )

    def doctor(self, host: str, side: str, *options: str) -> tuple[int, dict[str, Any]]:
        words = ["-c", str(self.settings), "--host", side, "--json", *options]
        done = self.hosts.run(
            host,
            *(sys.executable, "-m", "torque_mesos.cli", "doctor", *words),
            environment={"PYTHONPATH": str(ROOT)},
        )
        assert done.returncode in (0, 1, 4), done
        return done.returncode, json.loads(done.stdout)

    def usual(self, host: str, side: str) -> dict[str, str]:
        """What is wrong there from the beginning."""
        if (host, side) not in self._usual:
            self._usual[host, side] = self.findings(host, side)
        return self._usual[host, side]

    def findings(self, host: str, side: str, *options: str) -> dict[str, str]:
        """What is wrong there: the cause, and the remedy."""
        _, document = self.doctor(host, side, *options)
        return {
            f"{item['check']}: {item['says']}": item["remedy"]
            for item in document["findings"]
            if item["level"] != "ok"
        }


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    hosts = Hosts(1)
    try:
        hosts.start()
        yield Site(hosts)
    finally:
        hosts.close()


def broken(site: Site, host: str, side: str, *options: str, by: Callable[[], object]) -> str:
    """The one thing more that is wrong after `by`, with its remedy."""
    before = site.usual(host, side)
    by()
    after = site.findings(host, side, *options)
    more = [(cause, remedy) for cause, remedy in after.items() if cause not in before]
    assert len(more) == 1, more
    ((cause, remedy),) = more
    return f"{cause} -> {remedy}"


def test_an_agent_that_the_servers_host_does_not_know(site: Site) -> None:
    stranger = {"hostname": "n7.cluster.test", "pid": "slave(1)@10.79.0.77:5051"}
    try:
        told = broken(
            site, "head", "server", by=lambda: site.tell(slaves=[*site.told["slaves"], stranger])
        )
    finally:
        site.tell()
    assert "n7.cluster.test" in told
    assert "10.79.0.77 n7.cluster.test" in told


def test_an_agent_with_another_address_than_its_name_has(site: Site) -> None:
    wrong = {"hostname": "n1", "pid": "slave(1)@10.79.0.66:5051"}
    try:
        told = broken(site, "head", "server", by=lambda: site.tell(slaves=[wrong]))
    finally:
        site.tell()
    assert "10.79.0.2 here, but its address is 10.79.0.66" in told


def test_an_agent_by_another_name_than_its_hosts(site: Site) -> None:
    named = [site.agent("n1-alias", "n1")]
    try:
        before = site.usual("n1", "agent").keys()
        site.tell(slaves=named)
        more = site.findings("n1", "agent").keys() - before
    finally:
        site.tell()
    assert any("calls itself n1-alias, this host is n1" in cause for cause in more)


def test_a_port_that_somebody_has(site: Site) -> None:
    script = "import socket,time; s=socket.create_server(('',15002)); time.sleep(600)"
    pid = site.hosts.folder / "holder"
    words = f'echo $$ > {pid}; exec "{sys.executable}" -c "$0"'
    holder = site.hosts.spawn("n1", "sh", "-c", words, script)
    try:
        cause = wait_for(
            lambda: [c for c in site.findings("n1", "agent") if "15002" in c], 60, "it is found"
        )
    finally:
        site.hosts.check("n1", "kill", pid.read_text().strip())
        holder.wait()
    assert "which moms need, is held by python" in cause[0]


def test_a_server_that_cannot_be_reached(site: Site) -> None:
    (cause,) = [c for c in site.usual("n1", "agent") if "pbs_server at head:15001" in c]
    assert "Connection refused" in cause
    (cause,) = [c for c in site.usual("head", "server") if "nobody listens at 15001" in c]


def test_trqauthd_is_away_and_left_its_socket(site: Site) -> None:
    before = site.usual("head", "server")
    assert any(cause.startswith("trqauthd: does not run") for cause in before)
    script = "import socket; socket.socket(socket.AF_UNIX).bind('/tmp/trqauthd-unix')"
    site.hosts.check("head", sys.executable, "-c", script)
    (remedy,) = [v for k, v in site.findings("head", "server").items() if k.startswith("trq")]
    site.hosts.check("head", "rm", "/tmp/trqauthd-unix")
    assert remedy.startswith("`rm -f /tmp/trqauthd-unix")


@pytest.mark.parametrize(("name", "mode"), [("undelivered", 0o755), ("server_priv", 0o777)])
def test_a_folder_of_another_mode(site: Site, name: str, mode: int) -> None:
    right = site.folder(name).stat().st_mode & 0o7777
    try:
        told = broken(site, "head", "server", by=lambda: site.folder(name).chmod(mode))
    finally:
        site.folder(name).chmod(right)
    assert told.endswith(f"`chmod {right:o} {site.folder(name)}`")


def test_mom_hierarchy_is_in_the_way(site: Site) -> None:
    file = site.folder("server_priv") / "mom_hierarchy"
    try:
        told = broken(site, "head", "server", by=file.touch)
    finally:
        file.unlink()
    assert "refuses to make and to delete nodes" in told


def test_a_clock_that_is_wrong(site: Site) -> None:
    try:
        told = broken(site, "n1", "agent", by=lambda: site.tell(ahead_s=600))
    finally:
        site.tell()
    assert "behind that of the Mesos master" in told
    assert "munge" in told


def test_sandboxes_below_a_folder_of_everybodys(site: Site) -> None:
    try:
        before = site.usual("n1", "agent").keys()
        site.tell(flags={"work_dir": "/tmp"})
        more = site.findings("n1", "agent").keys() - before
    finally:
        site.tell()
    assert any("anybody may write to /tmp" in cause for cause in more)


def test_a_full_disk(site: Site) -> None:
    state = site.hosts.folder / "state"
    state.mkdir()
    mount = ("mount", "-t", "tmpfs", "-o", "size=1m", "none", str(state))
    try:
        told = broken(site, "head", "server", by=lambda: site.hosts.check("head", *mount))
    finally:
        site.hosts.check("head", "umount", str(state))
    assert f"1 MB of 1 MB are free at {state}" in told


def test_accounts_are_compared_between_hosts(site: Site) -> None:
    code, document = site.doctor("head", "server", "--users", f"{ACCOUNT},nosuchuser")
    assert code == 1
    file = site.hosts.folder / "head.json"
    file.write_text(json.dumps(document))
    same = site.findings("n1", "agent", "--users", ACCOUNT, "--compare", str(file))
    assert not any("uid" in cause for cause in same)
    for user in document["users"]:
        user["uid"] = 12345
    file.write_text(json.dumps(document))
    other = site.findings("n1", "agent", "--users", ACCOUNT, "--compare", str(file))
    assert any("and 12345 on head" in cause for cause in other)
