"""A real sshd on namespaced hosts, and home folders for the user there."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.pelog.site import Site

SSHD = "/usr/sbin/sshd"
CONF = """\
HostKey {folder}/hostkey
AuthorizedKeysFile .ssh/authorized_keys
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM yes
PidFile none
Subsystem sftp internal-sftp
"""


def need_sshd() -> None:
    """Skip the test where there is none."""
    if not Path(SSHD).exists() or not Path("/usr/bin/ssh-keygen").exists():
        pytest.skip("no sshd here (Debian's openssh-server)")


def make_home(site: Site, name: str, hosts: Iterable[str]) -> Path:
    """Give these hosts a home folder of the user's, in the place of his own; where it is here."""
    home = site.hosts.folder / name
    home.mkdir(mode=0o700)
    os.chown(home, site.account.pw_uid, site.account.pw_gid)
    for host in hosts:
        site.hosts.check(host, "mount", "--bind", str(home), site.account.pw_dir)
    return home


def start_sshd(site: Site, hosts: Iterable[str]) -> None:
    """Start an sshd on each of these hosts."""
    folder = site.hosts.folder
    (folder / "sshd.conf").write_text(CONF.format(folder=folder))
    key = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "hostkey"))
    site.hosts.check("head", *key)
    for host in hosts:
        site.hosts.check(host, "mount", "-t", "tmpfs", "none", "/run")
        site.hosts.check(host, "mkdir", "/run/sshd")
        site.hosts.spawn(host, SSHD, "-D", "-e", "-f", str(folder / "sshd.conf"))
