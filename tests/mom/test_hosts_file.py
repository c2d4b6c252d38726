"""The marked block in a hosts file: kept, changed and removed, and nothing else touched."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torque_mesos.mom.hosts_file import HostNames, NamesError, block, change, with_block

HOSTS = "127.0.0.1\tlocalhost\n10.0.0.1 head.cluster.test head # the server\n"
NAMES = {"10.0.0.12": ("n2",), "10.0.0.2": ("n1", "ip-10-0-0-2")}
WITH = (
    HOSTS
    + "# torque-mesos a scheduler: begin (written by torque-mesos, and removed by it)\n"
    + "10.0.0.2 n1 ip-10-0-0-2\n10.0.0.12 n2\n"
    + "# torque-mesos a scheduler: end\n"
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "hosts"
    path.write_text(HOSTS)
    return path


class TestText:
    def test_there_and_back(self) -> None:
        assert with_block(HOSTS, "a scheduler", NAMES) == WITH
        assert with_block(WITH, "a scheduler", NAMES) == WITH
        assert with_block(WITH, "a scheduler", {}) == HOSTS
        assert with_block("", "a", {}) == ""

    def test_other_names_take_the_place_of_these(self) -> None:
        text = with_block(WITH, "a scheduler", {"10.0.0.3": ("n3",)})
        assert "10.0.0.3 n3\n" in text
        assert "n1" not in text

    def test_blocks_of_others_stay(self) -> None:
        both = with_block(WITH, "a executor", {"10.0.0.9": ("n9",)})
        assert with_block(both, "a executor", {}) == WITH
        assert "10.0.0.9 n9" in with_block(both, "a scheduler", {})
        assert with_block(with_block(both, "a scheduler", {}), "a executor", {}) == HOSTS

    def test_the_same_names_stand_in_the_blocks_of_both_sides(self) -> None:
        text = with_block(WITH, "a executor", NAMES)
        assert text.count("10.0.0.12 n2\n") == 2

    def test_what_the_administrator_wrote_is_not_said_again(self) -> None:
        text = with_block(HOSTS + "10.0.0.77 n2\n", "a", NAMES)
        assert text.count("n2") == 1
        assert with_block(HOSTS, "a", {"10.0.0.1": ("head",)}) == HOSTS

    def test_a_block_that_was_cut_off_ends_where_the_next_begins(self) -> None:
        cut = WITH.rpartition("# torque-mesos a scheduler: end")[0]
        assert with_block(cut, "a scheduler", {}) == HOSTS
        other = with_block("", "b", {"10.0.0.9": ("n9",)})
        assert with_block(cut + other, "a scheduler", {}) == HOSTS + other

    @pytest.mark.parametrize(
        "name", ["", "n1 n2", "n1\n10.0.0.1 bank", "-n", "n_", "a..b", "é", "n#", "x" * 254]
    )
    def test_bad_names_are_refused(self, name: str) -> None:
        with pytest.raises(NamesError, match="is no name of a host"):
            block({"10.0.0.1": (name,)})

    @pytest.mark.parametrize("address", ["", "10.0.0", "::1", "10.0.0.1 x", "1.2.3.4\n5"])
    def test_bad_addresses_are_refused(self, address: str) -> None:
        with pytest.raises(NamesError, match="is no IPv4 address"):
            block({address: ("n1",)})

    @given(
        st.lists(st.sampled_from(["10.0.0.9 x", "# c", "", "127.0.0.1 localhost", "1.1.1.1\ty"]))
    )
    def test_whatever_the_file_is_its_lines_stay(self, lines: list[str]) -> None:
        text = "".join(f"{line}\n" for line in lines)
        there = with_block(text, "a", NAMES)
        assert [line for line in there.splitlines() if line in lines and line] == [
            line for line in lines if line
        ]
        assert with_block(there, "a", {}).rstrip("\n") == text.rstrip("\n")


class TestFile:
    def test_mode_and_link_stay_and_nothing_is_left_over(self, file: Path) -> None:
        file.chmod(0o640)
        link = file.with_name("link")
        link.symlink_to(file)
        assert change(link, "a scheduler", NAMES)
        assert not change(link, "a scheduler", NAMES)
        assert (file.read_text(), file.stat().st_mode & 0o777) == (WITH, 0o640)
        assert link.is_symlink()
        assert sorted(path.name for path in file.parent.iterdir()) == ["hosts", "link"]
        assert change(file, "a scheduler", {})
        assert file.read_text() == HOSTS

    def test_bytes_that_are_no_text_stay(self, file: Path) -> None:
        file.write_bytes(b"10.0.0.1 head # caf\xe9\n")
        change(file, "a", NAMES)
        assert file.read_bytes().startswith(b"10.0.0.1 head # caf\xe9\n")

    def test_nothing_is_written_when_there_is_nothing_to_remove(self, file: Path) -> None:
        file.write_text("10.0.0.1 head")  # no line end
        assert not change(file, "a", {})
        assert file.read_text() == "10.0.0.1 head"

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(NamesError, match="none cannot be changed"):
            change(tmp_path / "none", "a", NAMES)

    def test_readers_never_see_half_a_file(self, file: Path) -> None:
        over = threading.Event()
        seen: set[str] = set()

        def read() -> None:
            while not over.is_set():
                seen.add(file.read_text())

        reader = threading.Thread(target=read)
        reader.start()
        for _ in range(50):
            change(file, "a scheduler", NAMES)
            change(file, "a scheduler", {})
        over.set()
        reader.join()
        assert seen <= {HOSTS, WITH}

    def test_two_at_once_lose_nothing(self, file: Path) -> None:
        def keep(number: int) -> None:
            for last in range(1, 20):
                change(file, f"m{number}", {f"10.{number}.0.{last}": (f"x{number}",)})

        threads = [threading.Thread(target=keep, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(f"10.{number}.0.19 x{number}\n" in file.read_text() for number in range(4))

    @pytest.mark.system
    @pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root")
    def test_a_file_that_is_a_mount_is_written_in_place(self, file: Path) -> None:
        outside = file.with_name("outside")
        outside.write_text(HOSTS)
        script = (
            'mount --bind "$1" "$2" && exec "$3" -c "'
            "import sys; from pathlib import Path;"
            "from torque_mesos.mom.hosts_file import change;"
            "change(Path(sys.argv[1]), 'a scheduler',"
            " {'10.0.0.12': ('n2',), '10.0.0.2': ('n1', 'ip-10-0-0-2')})"
            '" "$2"'
        )
        import sys

        words = ["unshare", "-m", "sh", "-ec", script, "sh", str(outside), str(file)]
        done = subprocess.run([*words, sys.executable], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert outside.read_text() == WITH
        assert file.read_text() == HOSTS  # what is below the mount


class TestKeeping:
    def test_names_are_kept_and_removed(self, file: Path) -> None:
        keeper = HostNames("a scheduler", str(file))
        keeper.keep(NAMES)
        assert file.read_text() == WITH
        before = file.stat().st_mtime_ns
        keeper.keep(NAMES)
        assert file.stat().st_mtime_ns == before
        file.write_text(HOSTS)  # somebody wrote it anew
        keeper.keep(NAMES)
        assert file.read_text() == WITH
        keeper.remove()
        assert file.read_text() == HOSTS

    def test_without_a_wish_nothing_is_done(self, file: Path) -> None:
        keeper = HostNames("a")
        keeper.keep(NAMES)
        keeper.remove()
        assert not keeper.used

    def test_a_hook_gets_the_lines(self, file: Path) -> None:
        told = file.with_name("told")
        hook = file.with_name("hook")
        hook.write_text(f'#!/bin/sh\n{{ echo "$@"; cat; }} >> {told}\n')
        hook.chmod(0o755)
        keeper = HostNames("a executor", str(file), str(hook))
        keeper.keep(NAMES)
        keeper.keep(NAMES)
        keeper.remove()
        assert told.read_text() == (
            "keep a executor\n10.0.0.2 n1 ip-10-0-0-2\n10.0.0.12 n2\nremove a executor\n"
        )
        assert file.read_text() == HOSTS

    def test_a_hook_that_fails_is_told_and_called_again(self, tmp_path: Path) -> None:
        hook = tmp_path / "hook"
        hook.write_text("#!/bin/sh\necho no server >&2\nexit 7\n")
        hook.chmod(0o755)
        keeper = HostNames("a", None, str(hook))
        with pytest.raises(NamesError, match="exit 7: no server"):
            keeper.keep(NAMES)
        hook.write_text("#!/bin/sh\n")
        keeper.keep(NAMES)
        with pytest.raises(NamesError, match="none"):
            HostNames("a", None, str(tmp_path / "none")).keep(NAMES)

    def test_a_mark_that_would_be_more_than_a_mark(self) -> None:
        with pytest.raises(NamesError, match="cannot mark"):
            HostNames("a\n10.0.0.1 bank")
