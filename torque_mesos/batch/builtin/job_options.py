"""The options that qsub and qalter share, and what they ask the server for."""

from __future__ import annotations

import os
import re
from typing import Callable, Dict, List, Tuple

from .option_values import (
    BadOption,
    dependencies,
    illegal,
    is_checkpoint,
    is_count,
    is_job_name,
    is_list,
    is_mail,
    is_path,
    is_priority,
    moment,
    output_path,
    radix,
    staged,
    umask,
    variables,
)

Options = List[Tuple[str, str]]
Asked = Dict[str, object]


def request_of(options: Options, environ: Dict[str, str], found: Dict[str, str]) -> Asked:
    """What the server is asked for; `found` gets the variables. Later options win.

    Raises `BadOption`.
    """
    asked: Asked = {}
    resources: Dict[str, str] = {}
    others: Dict[str, str] = {}
    for option, value in options:
        if option == "-l":
            _resources(value, resources)
        elif option == "-v":
            found.update(variables(value, environ))
        elif option == "-V":
            for name, text in environ.items():
                if name != "_" and not name.startswith("BASH_FUNC"):
                    found.setdefault(name, text)
        elif option == "-W" and value.strip():
            _additional(value, asked, others)
        elif option in _CHECKED:
            name, allowed, what = _CHECKED[option]
            if not allowed(value):
                raise illegal(option, what)
            if option in ("-o", "-e"):
                value = output_path(value, environ)
            asked[name] = value == "y" if option == "-r" else value
        elif option in _PLAIN:
            asked[_PLAIN[option]] = value
        elif option in _OTHERS:
            _other(option, value, others)
        elif option == "-a":
            asked["after"] = moment(value)
    asked["resources"] = list(resources.items())
    if "cpuclock" in resources:
        others["node_exclusive"] = "True"
    if str(asked.get("checkpoint", "")).startswith("dir="):
        others["checkpoint_dir"] = str(asked["checkpoint"])[4:]
    if others:
        asked["others"] = others
    return asked


def _other(option: str, value: str, others: Dict[str, str]) -> None:
    if option == "-K" and not is_count(value):
        raise illegal("-K")
    if option == "-i" and not is_count(value):
        raise illegal("-i", f"value '{value}'")
    if value or option in ("-f", "-n", "-E"):
        others[_OTHERS[option]] = value or "True"


_PLAIN = {"-A": "account", "-D": "root_dir", "-q": "queue", "-t": "array", "-w": "workdir"}
_OTHERS = {
    "-E": "node_exclusive",
    "-F": "job_arguments",
    "-K": "user_kill_delay",
    "-T": "jobtype",
    "-f": "fault_tolerant",
    "-i": "idle_slot_limit",
    "-n": "node_exclusive",
}
_CHECKED: Dict[str, Tuple[str, Callable[[str], bool], str]] = {
    "-c": ("checkpoint", is_checkpoint, "value"),
    "-d": ("init_dir", lambda v: os.path.isdir(v), "value"),
    "-e": ("error", is_path, "value"),
    "-j": ("join", lambda v: v in ("oe", "eo", "n"), "value"),
    "-k": ("keep", lambda v: v in ("o", "e", "oe", "eo", "n"), "value"),
    "-m": ("mail", is_mail, "value"),
    "-M": ("mail_users", is_list, "value"),
    "-N": ("name", is_job_name, "value"),
    "-o": ("output", is_path, "value"),
    "-p": ("priority", is_priority, "value"),
    "-r": ("rerunable", lambda v: v in ("y", "n"), "value (y/n)"),
    "-S": ("shell", lambda v: is_list(v, once=True, absolute=True), "value"),
    "-u": ("users", lambda v: is_list(v, once=True), "value"),
}


# A value in quotes may hold commas.
_PARTS = re.compile(r"""(?:[^,'"]|'[^']*'|"[^"]*")*""")


def _resources(value: str, resources: Dict[str, str]) -> None:
    if ",procs=" in value and "nodes=" in value:
        raise illegal("-l")
    at = 0
    while at < len(value) or (at == len(value) and value.endswith(",")):
        found = _PARTS.match(value, at)
        part = found[0] if found is not None else ""
        at += len(part) + 1
        name, equals, text = part.strip().partition("=")
        if not name:
            raise illegal("-l")
        if not equals:
            shown = f"Cannot find an attr=value pair in comma separated value '{part}'"
            raise BadOption(shown, usage=1)
        if name == "gpus":
            name, text = "gres", f"gpus:{text}"
        trailing = " " if part.endswith(" ") else ""
        resources[name] = re.sub("[\"']", "", text) + trailing


def resource_names(value: str) -> List[str]:
    """The resources that one `-l` asks for. Raises `BadOption`."""
    found: Dict[str, str] = {}
    _resources(value, found)
    return list(found)


def _additional(value: str, asked: Asked, others: Dict[str, str]) -> None:
    """One `-W`; what is no `name=value` is taken as `x=`, for the scheduler."""
    name, _, text = value.strip().partition("=")
    name, text = name.strip(), text.strip()
    if name == "comment":
        asked["comment"] = text
        return
    if not text:
        name, text = "x", value.strip()
    if name == "depend":
        asked["depend"] = dependencies(text)
    elif name in ("stagein", "stageout"):
        before = f"{asked[name]}," if name in asked else ""
        asked[name] = before + staged(name, text)
    elif name == "x":
        others["x"] = text
    elif name == "job_radix":
        others["job_radix"] = radix(text)
    elif name == "umask":
        asked["umask"] = umask(text)
    elif name == "group_list":
        if not is_list(text, once=True):
            raise illegal("-W", "value grouplist")
        asked["groups"] = text
    elif name == "job_array_request":
        asked["array"] = text
    elif name == "interactive":
        if text != "true":
            raise illegal("-W")
        asked["interactive"] = True
    else:
        asked["unknown"] = name
