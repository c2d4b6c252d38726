"""What may get near the batch server's commands: names, properties, notes, job ids.

Each function returns its argument when it is safe, and raises `InvalidName` when it
is not, saying what was given, where it is wrong and what would be right. The
alphabets are smaller than the server's own: nothing that qmgr, the node
specification or a node's record gives a meaning to (comma, quotes, `=`, `+`, `:`
in names, white space, `@`) can pass.
"""

from __future__ import annotations

import ipaddress
import re

from torque_mesos.batch.base import InvalidName

HOST_NAME_MAX = 253
LABEL_MAX = 63
PROPERTY_MAX = 64
NOTE_MAX = 200
QUEUE_NAME_MAX = 15  # the server's PBS_MAXQUEUENAME
JOB_ID_MAX = 300

_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?", re.ASCII)
_PROPERTY = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*", re.ASCII)
_QUEUE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*", re.ASCII)
_NOTE = re.compile(r"[A-Za-z0-9_.:/@+#()\[\]-]+(?: [A-Za-z0-9_.:/@+#()\[\]-]+)*", re.ASCII)
_JOB_NUMBER = re.compile(r"[0-9]{1,12}(?:\[[0-9]{1,12}\])?", re.ASCII)

# In a node specification (`-l nodes=2:ppn=4`) these have a meaning of their own.
_RESERVED_PROPERTIES = frozenset({"ppn", "gpus", "mics", "reqattr"})


def host_name(name: str) -> str:
    """Check the name of a host or node: dotted names and IPv4 addresses are fine.

    A bare number is refused (`nodes=12` means twelve nodes), and so is IPv6 (the
    server's records cannot hold it).
    """
    right = "letters, digits, '-', '_' and dots, as in n1.cluster.test"
    _check_length("host name", name, HOST_NAME_MAX, right)
    for label in name.split("."):
        if not _LABEL.fullmatch(label):
            raise InvalidName(_complaint("host name", name, _first_bad(label, _LABEL), right))
        if len(label) > LABEL_MAX:
            raise InvalidName(
                f"host name {name!r}: its part {label!r} has {len(label)} characters; "
                f"{LABEL_MAX} are allowed"
            )
    if name.replace(".", "").isdigit() and not is_ipv4(name):
        raise InvalidName(
            f"host name {name!r}: digits alone mean a number of nodes, or a broken IPv4 "
            "address; a name needs a letter"
        )
    return name


def node_name(name: str) -> str:
    """Check the name of a record that is to be made: a host name that begins with a letter.

    TORQUE 6.1.3 makes a record with another name, and then cannot start again: pbs_server
    ends with "doesn't start with alpha" when it reads its nodes file.
    """
    if not host_name(name)[0].isalpha():
        raise InvalidName(
            f"node name {name!r} does not begin with a letter, and the server could not start"
            " again with it; give the agent a name with --hostname, as in n1.cluster.test"
        )
    return name


def property_name(name: str) -> str:
    """Check a node property: a letter, then letters, digits, '_', '-' and '.'."""
    right = "a letter, then letters, digits, '_', '-' and '.', as in mesos"
    _check_length("property", name, PROPERTY_MAX, right)
    if not _PROPERTY.fullmatch(name):
        raise InvalidName(_complaint("property", name, _first_bad(name, _PROPERTY), right))
    if name in _RESERVED_PROPERTIES:
        raise InvalidName(
            f"property {name!r} has a meaning of its own in a node specification; "
            "give it another name"
        )
    return name


def note_text(text: str) -> str:
    """Check a node's note: words of letters, digits and `_.:/@+#()[]-`, single spaces."""
    right = "words of letters, digits and _.:/@+#()[]- with single spaces between them"
    _check_length("note", text, NOTE_MAX, right)
    if not _NOTE.fullmatch(text):
        raise InvalidName(_complaint("note", text, _first_bad(text, _NOTE), right))
    return text


def queue_name(name: str) -> str:
    """Check the name of a queue: a letter, then letters, digits, '_', '-' and '.'."""
    right = "a letter, then letters, digits, '_', '-' and '.', as in batch"
    _check_length("queue name", name, QUEUE_NAME_MAX, right)
    if not _QUEUE.fullmatch(name):
        raise InvalidName(_complaint("queue name", name, _first_bad(name, _QUEUE), right))
    return name


def job_id(text: str) -> str:
    """Check the id of a job or of one sub-job: `12.head`, `9[3].head`, `12`."""
    right = "a number, an index in brackets for a sub-job, and the server, as in 9[3].head"
    _check_length("job id", text, JOB_ID_MAX, right)
    number, dot, server = text.partition(".")
    if not _JOB_NUMBER.fullmatch(number):
        raise InvalidName(_complaint("job id", text, _first_bad(number, _JOB_NUMBER), right))
    if dot:
        try:
            host_name(server)
        except InvalidName as error:
            raise InvalidName(f"job id {text!r}: {error}") from None
    return text


def _check_length(what: str, text: str, longest: int, right: str) -> None:
    if not text:
        raise InvalidName(f"{what} is empty; right would be {right}")
    if len(text) > longest:
        raise InvalidName(
            f"{what} {text[:40]!r}... has {len(text)} characters; {longest} are allowed"
        )


def _first_bad(text: str, pattern: re.Pattern[str]) -> str:
    """The part of `text` that `pattern` stops at, for a message."""
    if not text:
        return "an empty part"
    match = pattern.match(text)
    position = match.end() if match else 0
    return f"{text[position]!r} at position {position + 1} of {text!r}"


def _complaint(what: str, text: str, where: str, right: str) -> str:
    return f"{what} {text!r}: {where} is not allowed; right would be {right}"


def is_ipv4(name: str) -> bool:
    """Whether it is an IPv4 address."""
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True
