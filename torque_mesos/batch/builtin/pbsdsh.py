"""pbsdsh: run a program on the hosts of the job that it is in."""

from __future__ import annotations

import base64
import os
import selectors
import socket
import sys
from typing import Dict, List, Optional, Tuple

from . import command_line
from .client import warn
from .wire import REPLY_LIMIT, Decoder, Message, ask, connect_unix, encode

_USAGE = """\
Usage: pbsdsh [-c copies][-e name[=[value]][,...]][-E][-o][-s][-u][-v] program [args]...]
       pbsdsh [-n nodenumber][-e name[=[value]][,...]][-E][-o][-s][-u][-v] program [args]...
       pbsdsh [-h hostname][-e name[=[value]][,...]][-E][-o][-v] program [args]...
Where -c copies =  run  copy of "args" on the first "copies" nodes,
      -e list = comma separated list of variables to pass to spawned task(s),
                if variable given without value, value will be read from
                environment if it exists otherwise it will be empty,
      -E = pass all environment variables to spawned task(s),
      -n nodenumber = run a copy of "args" on the "nodenumber"-th node,
      -o = direct tasks' stdout and stderr to the corresponding streams of pbsdsh
           Otherwise, tasks' stdout and/or stderr go to the job,
      -s = forces synchronous execution,
      -u = run on unique hostnames,
      -h = run on this specific hostname,
      -v = forces verbose output."""

Slots = List[Tuple[int, str]]


class Refused(Exception):
    """What pbsdsh says before it exits with 1."""


def _say(text: str) -> None:
    warn(f"pbsdsh(): {text}")


def slots_of(hosts: List[List[object]], chosen: Dict[str, str]) -> Slots:
    """The slots (index, host) that the options choose. Raises `Refused`."""
    names = [str(name) for name, count in hosts for _ in range(int(str(count)))]
    slots = list(enumerate(names))
    if "-h" in chosen:
        return [_slot_of(slots, chosen["-h"])]
    if "-n" in chosen:
        # TORQUE takes what is no number for 0.
        number = int(chosen["-n"]) if chosen["-n"].isdigit() else 0
        if number >= len(slots):
            raise Refused(f"only {len(slots)} nodes available")
        return [slots[number]]
    if "-u" in chosen:
        slots = [slots[names.index(name)] for name in dict.fromkeys(names)]
    if "-c" in chosen:
        if int(chosen["-c"]) > len(slots):
            raise Refused(f"only {len(slots)} nodes available")
        slots = slots[: int(chosen["-c"])]
    return slots


def _slot_of(slots: Slots, text: str) -> Tuple[int, str]:
    """The slot of `-h HOST` or `-h HOST/NUMBER`; a name up to its first dot will do too."""
    host, _, number = text.partition("/")
    found = [slot for slot in slots if host in (slot[1], slot[1].split(".")[0])]
    at = int(number) if number.isdigit() else 0
    if at >= len(found):
        raise Refused(f"{host} not found")
    return found[at]


def _environment(chosen: Dict[str, str]) -> Dict[str, str]:
    found = {}
    if "-E" in chosen:
        found = {name: text for name, text in os.environ.items() if not name.startswith("PBS_")}
    for part in filter(None, chosen.get("-e", "").split(",")):
        name, equals, text = part.partition("=")
        found[name] = text if equals else os.environ.get(name, "")
    return found


class Spawns:
    """Tasks under way, one connection each."""

    def __init__(self, path: str, message: Message, verbose: bool) -> None:
        self._path = path
        self._message = message
        self._verbose = verbose
        self._selector = selectors.DefaultSelector()

    def start(self, slot: int) -> None:
        """Ask for a task."""
        sock = connect_unix(self._path)
        sock.sendall(encode({**self._message, "slot": slot}))
        self._selector.register(sock, selectors.EVENT_READ, (slot, Decoder(REPLY_LIMIT)))
        if self._verbose:
            _say(f"spawned task {slot}")

    def wait(self) -> None:
        """Wait until all have ended."""
        while self._selector.get_map():
            for key, _ in self._selector.select():
                slot, decoder = key.data
                data = key.fileobj.recv(1 << 16)  # type: ignore[union-attr]
                if not data:
                    self._end(key.fileobj)  # type: ignore[arg-type]
                    _say(f"task {slot} was lost")
                for message in decoder.feed(data):
                    if "out" in message:
                        os.write(int(message["stream"]), base64.b64decode(message["out"]))
                        continue
                    self._end(key.fileobj)  # type: ignore[arg-type]
                    if "error" in message:
                        _say(f"task {slot}: {message['error']}")
                    elif message["status"] or self._verbose:
                        _say(f"task {slot} exit status {message['status']}")

    def _end(self, sock: socket.socket) -> None:
        self._selector.unregister(sock)
        sock.close()


def main(_home_path: Optional[str] = None) -> int:
    """The command. As TORQUE's, it exits with 0 whatever the tasks exit with."""
    letters = "c:e:Eh:n:osuv"
    flags, words, errors = command_line.parse("pbsdsh", sys.argv[1:], letters, mixed=False)
    for text in errors:
        warn(text)
    chosen = dict(flags)
    copies = chosen.get("-c", "1")
    if not words:
        _say("must specify a program")
    bad = not copies.isdigit() or {"-c", "-n"} <= set(chosen)
    if errors or bad or not words:
        warn(_USAGE)
        return 1
    path, job = os.environ.get("PBS_TM_SOCKET", ""), os.environ.get("PBS_JOBID", "")
    if not path or not job:
        _say("not executing under PBS")
        return 1
    try:
        with connect_unix(path) as sock:
            told = ask(sock, {"op": "hosts", "job": job})
        if "error" in told:
            raise Refused(str(told["error"]))
        slots = slots_of(told["hosts"], chosen)
        message = {"op": "spawn", "job": job, "words": words, "capture": "-o" in chosen}
        message["environ"] = _environment(chosen)
        spawns = Spawns(path, message, "-v" in chosen)
        for slot, _ in slots:
            spawns.start(slot)
            if "-s" in chosen:
                spawns.wait()
        spawns.wait()
    except (OSError, Refused) as error:
        _say(str(error))
        return 1
    return 0
