"""Output of jobs on hosts that share no file system with the one it is wanted on: it is copied.

`$usecp` names the folder `work`, which all hosts share. Each host's `local` is its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pelog.hosts import HEAD
from tests.pelog.site import Site, started
from tests.pelog.sshd import make_home, need_sshd, start_sshd

pytestmark = pytest.mark.system
# TORQUE's own is rsh's; and it takes one word of options.
RCP = 'mom_config = ["$rcpcmd /usr/bin/scp -rpB"]'


@pytest.fixture(scope="module")
def site(mesos_build: Path, batch_kind: str) -> Iterator[Site]:
    need_sshd()
    if batch_kind == "openpbs":
        pytest.skip("OpenPBS copies as its own pbs.conf says")
    with started(mesos_build, batch_kind, 1, RCP) as found:
        user = found.account.pw_name
        for host in found.hosts.names:
            home = make_home(found, f"home.{host}", [host])
            found.hosts.check(host, "install", "-d", "-o", user, str(found.hosts.local / "own"))
            if host != HEAD:
                key = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", ".ssh/id_ed25519")
                script = 'cd && install -d -m 700 .ssh && exec "$@"'
                own = {"HOME": found.account.pw_dir}
                words = ("sh", "-euc", script, "sh", *key)
                done = found.hosts.run(host, *words, user=user, environment=own)
                assert done.returncode == 0, done
                public = (home / ".ssh" / "id_ed25519.pub").read_text()
        (found.hosts.folder / f"home.{HEAD}" / "key").write_text(public)
        start_sshd(found, [HEAD])
        known = f"{HEAD} {(found.hosts.folder / 'hostkey.pub').read_text()}"
        (found.hosts.folder / "home.n1" / ".ssh" / "known_hosts").write_text(known)
        yield found


def let_in(site: Site, *, yes: bool) -> None:
    """Let the user of the agents in on the host that he submits on, or not."""
    install = "install -d -m 700 .ssh && cp ../home.head/key .ssh/authorized_keys"
    script = f"cd {site.hosts.folder}/home.{HEAD} && " + (install if yes else "rm -rf .ssh")
    site.hosts.check(HEAD, "sh", "-euc", script)
    owner = f"{site.account.pw_uid}:{site.account.pw_gid}"
    site.hosts.check(HEAD, "chown", "-R", owner, f"{site.hosts.folder}/home.{HEAD}")


def run(site: Site, name: str) -> list[Path]:
    """Run a job whose output is wanted in `local` of the host it is submitted on; the files
    of its name there and on the agent."""
    wanted = site.hosts.local / "own" / name
    job = site.submit("echo from $(uname -n)\n", "nodes=1", "-o", f"{HEAD}:{wanted}")
    status, _ = site.finish(job)
    assert status == 0
    return [site.hosts.seen(host, wanted) for host in site.hosts.names]


def test_output_is_copied_to_the_host_that_it_is_wanted_on(site: Site) -> None:
    let_in(site, yes=True)
    there, here = run(site, "first")
    assert there.read_text() == "from n1\n"
    assert there.stat().st_uid == site.account.pw_uid
    assert not here.exists()


def test_what_cannot_be_copied_is_nowhere_else(site: Site) -> None:
    let_in(site, yes=False)
    assert [path.exists() for path in run(site, "out")] == [False, False]
    let_in(site, yes=True)
    assert run(site, "out")[0].read_text() == "from n1\n"
