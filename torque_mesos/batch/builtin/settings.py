"""The settings of the built-in server: `server_priv/builtin.json`."""

from __future__ import annotations

import json
from typing import Any, Dict, Tuple, Type, Union

Kinds = Union[Type[Any], Tuple[Type[Any], ...]]

_NUMBER: Kinds = (int, float)
_KNOWN: Dict[str, Kinds] = {
    "delay_scale": _NUMBER,
    "server_port": int,
    "mom_service_port": int,
    "mom_manager_port": int,
    "log_days": int,
    "log_mb": _NUMBER,
    "accounting_days": int,
    "accounting_mb": _NUMBER,
    "undelivered_days": int,
    "reserve_mb": _NUMBER,
    "traps": dict,
    "auth": str,
    "sendmail": str,
}


class BadSettings(ValueError):
    """The settings cannot be read, or mean nothing; the message names file and setting."""


def read(path: str) -> Dict[str, Any]:
    """The settings; none where there is no file. Raises `BadSettings`."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BadSettings(f"cannot read {path}: {error}") from None
    if not isinstance(found, dict):
        raise BadSettings(f"{path} holds no object")
    for name, value in found.items():
        if name not in _KNOWN:
            raise BadSettings(f"{path}: no setting {name!r}; there are: {', '.join(_KNOWN)}")
        if not isinstance(value, _KNOWN[name]) or isinstance(value, bool):
            raise BadSettings(f"{path}: {name} is {value!r}")
        if not isinstance(value, (dict, str)) and value < 0:
            raise BadSettings(f"{path}: {name} is {value!r}, below 0")
    return found
