import json
import os
import resource
import signal
import threading

import pytest

from torque_mesos.batch.journal import CommandJournal


def write(journal: CommandJournal, stdout: str = "x", *argv: str) -> None:
    journal.write(argv or ("qstat",), exit_code=0, elapsed_s=0.01, stdout=stdout, stderr="")


def entries(journal: CommandJournal) -> list[dict[str, object]]:
    return [json.loads(line) for line in journal.path.read_text().splitlines()]


def test_a_line_says_what_was_run_when_and_what_came_back(tmp_path):
    journal = CommandJournal(tmp_path / "new", clock=lambda: 12.3456)
    journal.write(["qmgr", "-c", "x"], exit_code=2, elapsed_s=0.0123456, stdout="", stderr="no\n")
    assert entries(journal) == [
        {
            "at": 12.346,
            "argv": ["qmgr", "-c", "x"],
            "exit_code": 2,
            "elapsed_s": 0.0123,
            "stdout": "",
            "stderr": "no\n",
        }
    ]


def test_an_answer_that_is_as_before_is_not_written_again(tmp_path):
    journal = CommandJournal(tmp_path)
    write(journal, "same")
    write(journal, "same")
    write(journal, "same", "pbsnodes")
    write(journal, "other")
    write(journal, "same")
    said = [entry.get("stdout", entry.get("stdout_as_before")) for entry in entries(journal)]
    assert said == ["same", True, "same", "other", "same"]


def test_a_long_answer_is_cut_and_says_so(tmp_path):
    journal = CommandJournal(tmp_path, answer_limit=10)
    write(journal, "0123456789abc")
    assert entries(journal)[0]["stdout"] == "0123456789"
    assert entries(journal)[0]["stdout_chars"] == 13


def test_the_file_is_rotated_by_size_and_old_ones_are_dropped(tmp_path):
    journal = CommandJournal(tmp_path, max_bytes=1000, keep=2)
    for number in range(100):
        write(journal, "y" * 50 + str(number))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["commands.jsonl", "commands.jsonl.1", "commands.jsonl.2"]
    assert all(path.stat().st_size <= 1000 for path in tmp_path.iterdir())
    assert str(entries(journal)[-1]["stdout"]).endswith("99")


def test_a_file_can_be_read_without_the_one_before_it(tmp_path):
    journal = CommandJournal(tmp_path, max_bytes=400, keep=1)
    for _ in range(20):
        write(journal, "same")
    assert "stdout" in entries(journal)[0]


def test_half_a_line_of_a_crash_spoils_no_other(tmp_path):
    (tmp_path / "commands.jsonl").write_text('{"at": 1, "argv"')
    journal = CommandJournal(tmp_path)
    write(journal, "a")
    write(journal, "b")
    lines = journal.path.read_text().splitlines()
    assert [json.loads(line)["stdout"] for line in lines[1:]] == ["a", "b"]


def test_a_folder_that_cannot_be_written_is_counted_not_fatal(tmp_path):
    (tmp_path / "file").write_text("")
    journal = CommandJournal(tmp_path / "file")
    write(journal)
    write(journal)
    assert journal.lost == 2
    (tmp_path / "file").unlink()
    write(journal, "again")
    assert journal.lost == 2
    assert entries(journal)[0]["stdout"] == "again"


def test_a_full_disk_is_counted_not_fatal(tmp_path):
    # A limit on the size of files stands for a full disk: the write is cut short, then fails.
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            journal = CommandJournal(tmp_path)
            write(journal, "first")
            resource.setrlimit(resource.RLIMIT_FSIZE, (200, resource.RLIM_INFINITY))
            write(journal, "z" * 300)
            write(journal, "z" * 300)
            lost = journal.lost
            resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, resource.RLIM_INFINITY))
            write(journal, "last")
            status = 0 if (lost, journal.lost) == (2, 2) else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    lines = (tmp_path / "commands.jsonl").read_text().splitlines()
    assert json.loads(lines[0])["stdout"] == "first"
    assert json.loads(lines[-1])["stdout"] == "last"


def test_threads_do_not_tear_lines(tmp_path):
    journal = CommandJournal(tmp_path)

    def many(name: str) -> None:
        for number in range(50):
            write(journal, f"{name}{number}" * 100, name)

    threads = [threading.Thread(target=many, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(entries(journal)) == 200


@pytest.mark.parametrize("text", ["\ud800", "\x00\x1b", "ä\n"])
def test_any_text_can_be_written(tmp_path, text):
    journal = CommandJournal(tmp_path)
    write(journal, text)
    assert entries(journal)[0]["stdout"] == text
