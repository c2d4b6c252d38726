"""What Maui reads in a job's `-W x=`, beside what it asks for.

TORQUE keeps what `qsub -W x=` says for the scheduler (`ATTR:VALUE`, several with `;` between them;
`=` does for `:`). pbs_sched does not look at it. Of Maui 3.3.2's attributes
(`MJobProcessExtensionString`) two decide on hosts: `NACCESSPOLICY` and `HOSTLIST`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from torque_mesos.decide.grammar import Source
from torque_mesos.decide.request import Request, parse_request

_ITEM = re.compile(r"[\s\"']*(?P<key>[A-Za-z]+)[\s\"']*[=:]+[\s\"']*(?P<value>[^;\n]*)")
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*\Z")


def maui_request(resources: Mapping[str, str]) -> Request:
    """What Maui will run a job on. `resources`: its `Resource_List`, and `x`.

    Raises:
        RequestError: it does not parse.
    """
    text = resources.get("x", "")
    if not text:
        return parse_request(resources)
    asked = dict(resources)
    items = {found["key"].upper(): found for found in _ITEM.finditer(text)}
    if policy := items.get("NACCESSPOLICY"):
        asked["naccesspolicy"] = policy["value"].strip(" \t\"'")
    request = parse_request(asked)
    if hosts := items.get("HOSTLIST"):
        names = _hosts(Source("x", text), hosts["value"], hosts.start("value"))
        request = _on(request, names)
    return request


def _hosts(source: Source, text: str, at: int) -> list[str]:
    """The hosts of a list with `,` or `:` between them, each once."""
    names: dict[str, None] = {}
    for word in re.split("[,:]", text.rstrip(" \t\"'")):
        if not _HOST.match(word):
            raise source.error(at, f"{word!r:.90} is no name of a host")
        names[word] = None
        at += len(word) + 1
    return list(names)


def _on(request: Request, hosts: list[str]) -> Request:
    """The request on just these hosts, where it is clear which part goes on which."""
    if len(request.chunks) != 1 or request.chunks[0].count != len(hosts):
        return request
    (chunk,) = request.chunks
    parts = (replace(chunk, count=1, names=chunk.names | {host}) for host in hosts)
    return replace(request, chunks=tuple(parts))
