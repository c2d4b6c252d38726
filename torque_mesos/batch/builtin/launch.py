"""What happens in a mom's child: becoming the user, starting the shell, delivering files."""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import signal
import socket
from typing import Dict, List, Tuple

from .home import as_bytes, write_file
from .mom_limits import impose
from .wire import Message

_SHELLS = ("sh", "bash", "dash", "zsh", "ksh", "csh", "tcsh")
_CHUNK = 1 << 20
_NO_SHELL = 254
# A job's own, whatever it asks for: `-W umask` is for the files that its output comes to.
_UMASK = 0o077

# What TORQUE gives to the job's shell, but not to tasks of the job.
NOT_IN_TASKS = ("USER", "LOGNAME", "SHELL", "PBS_NP")
# Files that are on the job's first host only.
FILES = ("PBS_NODEFILE", "PBS_GPUFILE", "PBS_MICFILE")


def account_of(user: str) -> pwd.struct_passwd:
    """The password entry of a job's user. Raises KeyError."""
    return pwd.getpwnam(user)


def write_files(order: Message, node_file: str, script: str) -> None:
    """Write a job's lists of hosts and gpus, and its script.

    Raises KeyError (no such account) and OSError.
    """
    account = account_of(order["user"])
    lines = [f"{name}\n" for name, count, _, _ in order["hosts"] for _ in range(count)]
    write_file(node_file, "".join(lines), 0o644)
    if order.get("gpus"):
        write_file(f"{node_file}gpu", "".join(f"{name}\n" for name in order["gpus"]), 0o644)
    write_file(script, order["script"], 0o700)
    if os.geteuid() == 0:
        os.chown(script, account.pw_uid, account.pw_gid)


def become(account: pwd.struct_passwd, group: str = "") -> None:
    """Be that user from now on, with all his groups; nothing to do where we are him already."""
    if os.geteuid() != 0:
        return
    os.initgroups(account.pw_name, account.pw_gid)
    os.setgid(_group_id(account, group))
    os.setuid(account.pw_uid)


def _group_id(account: pwd.struct_passwd, group: str) -> int:
    """The group's number, if the user is in it; his own otherwise."""
    try:
        found = grp.getgrnam(group)
    except KeyError:
        return account.pw_gid
    return found.gr_gid if account.pw_name in found.gr_mem else account.pw_gid


def environment(
    order: Message, account: pwd.struct_passwd, node_file: str, port: int, path: str
) -> Dict[str, str]:
    """The environment of a job."""
    hosts = order["hosts"]
    total = sum(count for _, count, _, _ in hosts)
    found = {"LANG": "C", "PATH": path}
    found.update(order["variables"])
    found.update(
        ENVIRONMENT="BATCH",
        HOME=account.pw_dir,
        LOGNAME=account.pw_name,
        USER=account.pw_name,
        SHELL=account.pw_shell or "/bin/sh",
        PBS_ENVIRONMENT="PBS_BATCH",
        PBS_GPUFILE=f"{node_file}gpu",
        PBS_JOBCOOKIE=order["cookie"],
        PBS_JOBID=order["job"],
        PBS_JOBNAME=order["name"],
        PBS_MICFILE=f"{node_file}mic",
        PBS_MOMPORT=str(port),
        PBS_NODEFILE=node_file,
        PBS_NODENUM="0",
        PBS_NP=str(total),
        PBS_NUM_NODES=str(order["resources"].get("nodect", len(hosts))),
        PBS_NUM_PPN=str(hosts[0][1]),
        PBS_QUEUE=order["queue"],
        PBS_TASKNUM="1",
        PBS_VERSION="TORQUE-6.1.3.h5",
        PBS_VNODENUM="0",
    )
    if order["walltime"] is not None:
        found["PBS_WALLTIME"] = str(order["walltime"])
    return found


def _begin_session() -> None:
    """Be a session of our own, in which a file that grows too large ends who writes it.

    Python ignores that signal. It ignores SIGPIPE too, but so do TORQUE's jobs.
    """
    os.setsid()
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)


def start_shell(
    order: Message,
    account: pwd.struct_passwd,
    environ: Dict[str, str],
    script: str,
    output: str,
    error: str,
    commands: str,
    starter: str = "",
) -> int:
    """Become the job: never returns. The login shell reads the script's path from its input.

    Before that it is told to look for programs in the folder `commands` first: what it
    reads at its start may have put another TORQUE there, whose pbsdsh knows no mom of ours.
    `starter` (`$job_starter`): a program that is run in its place, and given its words.
    """
    _begin_session()
    impose(order["resources"])
    become(account, order["group"])
    os.umask(_UMASK)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    standard_out = os.open(output, flags, 0o600)
    standard_error = standard_out if order["join"] == "oe" else os.open(error, flags, 0o600)
    if order["join"] == "eo":
        standard_out = standard_error
    read, write = os.pipe()
    shell = _own_shell(order) or account.pw_shell or "/bin/sh"
    name = os.path.basename(shell)
    lines = f"{script} {order.get('arguments', '')}".rstrip() + "\n"
    if name in _SHELLS:
        assign = "setenv PATH " if "csh" in name else "PATH="
        lines = f'{assign}{shlex.quote(commands)}:"$PATH"\n{lines}'
    os.write(write, as_bytes(lines))
    os.close(write)
    for number, descriptor in enumerate((read, standard_out, standard_error)):
        os.dup2(descriptor, number)
    os.closerange(3, 1024)
    folder = order.get("init_dir") or account.pw_dir
    try:
        os.chdir(folder)
    except OSError as problem:
        os.write(2, as_bytes(f"PBS: chdir to '{folder}' failed: {problem.strerror}\n"))
        os.chdir("/")
    try:
        _become_shell(shell, name, script, starter, environ)
    except OSError:
        os.write(2, as_bytes(f"PBS: exec of shell '{starter or shell}' failed\n"))
    return _NO_SHELL


def _become_shell(
    shell: str, name: str, script: str, starter: str, environ: Dict[str, str]
) -> None:
    if starter:
        words = [starter, shell] if name in _SHELLS else [starter, shell, script]
        os.execve(starter, words, environ)  # noqa: S606
    if name in _SHELLS:
        os.execve(shell, ["-" + name], environ)  # noqa: S606
    os.execve(shell, [shell, script], environ)  # noqa: S606


def _own_shell(order: Message) -> str:
    """Which of `qsub -S path@host,path` is for this host; empty where none is."""
    own = order["hosts"][0][0]
    named = [part.partition("@") for part in order["shell"].split(",")]
    found = {host: path for path, _, host in named}
    return str(found.get(own) or found.get(own.split(".")[0]) or found.get("", ""))


def start_task(
    order: Message,
    account: pwd.struct_passwd,
    environ: Dict[str, str],
    words: List[str],
    outputs: Tuple[int, int],
    starter: str = "",
) -> int:
    """Become a task of a job: never returns, but where there is no such program."""
    _begin_session()
    impose(order["resources"])
    become(account, order["group"])
    os.umask(_UMASK)
    null = os.open(os.devnull, os.O_RDONLY)
    for number, descriptor in enumerate((null, *outputs)):
        os.dup2(descriptor, number)
    os.closerange(3, 1024)
    try:
        os.chdir(account.pw_dir)
    except OSError:
        os.chdir("/")
    words = [starter, *words] if starter else words
    try:
        os.execvpe(words[0], words, environ)  # noqa: S606
    except OSError as problem:
        os.write(2, as_bytes(f"PBS: {words[0]}: {problem.strerror}\n"))
    return 254


def open_output(path: str, account: pwd.struct_passwd) -> int:
    """A job's output, for a prologue or epilogue of root's: it is the user's all the same.

    (Asking to create what is there already, root would be refused in a folder of all users'.)
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW
    try:
        return os.open(path, flags)
    except FileNotFoundError:
        made = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
    if os.geteuid() == 0:
        os.fchown(made, account.pw_uid, account.pw_gid)
    return made


def run_script(
    path: str, arguments: List[str], environ: Dict[str, str], folder: str, output: int
) -> int:
    """Become a prologue or an epilogue: never returns. `output`: a descriptor, or -1."""
    _begin_session()
    null = os.open(os.devnull, os.O_RDWR)
    out = null if output < 0 else output
    for number, descriptor in enumerate((null, out, out)):
        os.dup2(descriptor, number)
    os.closerange(3, 1024)
    os.chdir(folder)
    os.execve(path, [path, *arguments], environ)  # noqa: S606
    return 127


def local_path(target: str, rules: List[Tuple[str, str, str]], names: List[str]) -> str:
    """Where `host:/path` is on this machine; empty where only a remote copy can reach it.

    `rules` are the `$usecp` lines: host pattern, prefix there, prefix here. `names` are
    this machine's own.
    """
    host, _, path = target.partition(":")
    for pattern, theirs, ours in rules:
        tail = pattern[1:] if pattern.startswith("*") else ""
        matches = host.endswith(tail) if pattern.startswith("*") else host == pattern
        if matches and path.startswith(theirs):
            return ours + path[len(theirs) :]
    return path if host in (*names, "localhost", socket.gethostname()) else ""


def deliver(account: pwd.struct_passwd, umask: int, files: List[Tuple[str, str, str]]) -> int:
    """In a child: copy (spooled file, target, local path or empty) as the user.

    The exit status counts the files that could not be delivered.
    """
    become(account)
    os.umask(umask)
    failed = 0
    for source, target, path in files:
        try:
            if path:
                _copy(source, path)
            elif not _copy_away(source, target):
                failed += 1
        except OSError:
            failed += 1
    return failed


def _copy(source: str, path: str) -> None:
    if os.path.isdir(path):
        path = os.path.join(path, os.path.basename(source))
    with open(source, "rb") as reader, open(path, "wb") as writer:
        while True:
            data = reader.read(_CHUNK)
            if not data:
                return
            writer.write(data)


def _copy_away(source: str, target: str) -> bool:
    pid = os.fork()
    if pid == 0:
        try:
            options = ["-rpBq", "-o", "StrictHostKeyChecking=no"]
            os.execv("/usr/bin/scp", ["scp", *options, source, target])  # noqa: S606
        except OSError:
            os._exit(127)
    return os.waitpid(pid, 0)[1] == 0
