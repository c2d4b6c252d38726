"""What an executor is told of the mom it runs. Travels in ExecutorInfo.data.

The framework makes a `MomSettings` for a worker, `infos.executor_info` puts it into
the ExecutorInfo, the executor on the agent reads it back. Both sides import this
module, so it needs nothing but Python 3.9.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Dict, Mapping, Optional, Tuple

LAUNCHES = ("tm", "ssh", "none")
"""As a task of the job, by its mom; by ssh, with a key for each job; not our business."""

_TIMES = ("ready_timeout_s", "stop_grace_s", "site_script_timeout_s")


class SettingsError(ValueError):
    """The settings cannot be read or make no sense; the message names the key."""


@dataclass(frozen=True)
class MomSettings:
    """How `pbs_mom` is run on one agent. Times are in seconds.

    - `server_host`: where the batch server runs, as the agent resolves it.
    - `node`: the node's name, which `pbs_mom -H` is given.
    - `version`: of the framework that made this; the executor names it in its log.
    - `server_port`, `service_port`, `manager_port`: of pbs_server and of the mom.
    - `builtin`: run the built-in batch server's pbs_mom, that came with the executor.
    - `openpbs`: pbs_mom is OpenPBS', not TORQUE's.
    - `pbs_mom`, `momctl`: paths on the agent. `momctl` is looked for beside `pbs_mom`
      when None. With neither `builtin` nor `pbs_mom`, pbs_mom is looked for in PATH
      and in the usual places of a TORQUE installation.
    - `mom_args`: further arguments of pbs_mom.
    - `home`: the mom's home folder; None: a folder in the sandbox.
    - `usecp`: values of `$usecp`, such as `*:/home /home`.
    - `config`: further lines of mom_priv/config.
    - `prologue`: whether this project's prologue and epilogue are installed.
    - `scratch`: the folder, on every agent, in which each job gets a folder of its own.
    - `site_scripts`: the folder with a site's `prologue.d`, `epilogue.d` and so on.
    - `site_script_timeout_s`: how long each of these may take. (A mom ends a prologue,
      with all that it runs, after 290 s.)
    - `launch`: how `mpirun` reaches a job's further hosts: LAUNCHES.
    - `ready_timeout_s`: a mom that is not ready by then is restarted, and then given
      twice the time, up to `ready_restarts` times; after that the task fails. (2 s and
      4 restarts wait 62 s in all, longer than a mom's own 45 s retry.)
    - `stop_grace_s`: from SIGTERM to SIGKILL for jobs that must end.
    - `environment`: further variables for the mom. Its jobs may see them.
    - `hosts`: addresses of hosts by name, for the built-in server, which then needs no
      name service.
    - `names_file`, `names_hook`: what makes hosts known by name on the agent (see
      `hosts_file`), and `names_mark`, what marks that there.
    """

    server_host: str
    node: str
    version: str = ""
    server_port: int = 15001
    service_port: int = 15002
    manager_port: int = 15003
    builtin: bool = False
    openpbs: bool = False
    pbs_mom: Optional[str] = None
    momctl: Optional[str] = None
    mom_args: Tuple[str, ...] = ()
    home: Optional[str] = None
    usecp: Tuple[str, ...] = ()
    config: Tuple[str, ...] = ()
    prologue: bool = True
    scratch: str = "/tmp"  # noqa: S108 (what is made there is made with care)
    site_scripts: str = "/etc/torque-mesos"
    site_script_timeout_s: float = 60.0
    launch: str = "tm"
    ready_timeout_s: float = 2.0
    ready_restarts: int = 4
    stop_grace_s: float = 10.0
    environment: Mapping[str, str] = field(default_factory=dict)
    hosts: Mapping[str, str] = field(default_factory=dict)
    names_file: Optional[str] = None
    names_hook: Optional[str] = None
    names_mark: str = "executor"

    def __post_init__(self) -> None:
        # Equal settings must be written alike, whatever they were made from.
        for key, kind in (
            *((key, float) for key in _TIMES),
            *((key, tuple) for key in ("mom_args", "usecp", "config")),
            *((key, dict) for key in ("environment", "hosts")),
        ):
            object.__setattr__(self, key, kind(getattr(self, key)))
        if self.launch not in LAUNCHES:
            raise SettingsError(f"launch: {self.launch!r} is none of {', '.join(LAUNCHES)}")
        for key in ("scratch", "site_scripts"):
            if not re.fullmatch(r"/[A-Za-z0-9._/+-]*", getattr(self, key)):
                raise SettingsError(f"{key}: {getattr(self, key)!r} is not a plain absolute path")
        for key in ("server_host", "node"):
            if not getattr(self, key):
                raise SettingsError(f"{key}: must not be empty")
        for key in ("server_host", "node", "usecp", "config"):
            value = getattr(self, key)
            for text in (value,) if isinstance(value, str) else value:
                if "\n" in text or "\0" in text:
                    raise SettingsError(f"{key}: a line break in {text!r}")
        for key in ("server_port", "service_port", "manager_port"):
            if not 0 < getattr(self, key) < 65536:
                raise SettingsError(f"{key}: {getattr(self, key)} is not a port")
        if self.builtin and self.pbs_mom:
            raise SettingsError("builtin: true and pbs_mom exclude each other")
        if self.openpbs and (self.builtin or self.momctl):
            other = "builtin" if self.builtin else "momctl"
            raise SettingsError(f"openpbs: true and {other} exclude each other")
        for key in ("ready_timeout_s", "site_script_timeout_s"):
            if not getattr(self, key) > 0:
                raise SettingsError(f"{key}: {getattr(self, key)} is not positive")
        for key in ("ready_restarts", "stop_grace_s"):
            if getattr(self, key) < 0:
                raise SettingsError(f"{key}: {getattr(self, key)} is negative")

    def to_json(self) -> str:
        """The settings as JSON: the same text for equal settings."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> MomSettings:
        """Read what `to_json` wrote. Raises SettingsError for anything else."""
        try:
            values = json.loads(text)
        except ValueError as error:
            raise SettingsError(f"not JSON: {text[:200]!r}: {error}") from None
        if not isinstance(values, dict):
            raise SettingsError(f"not a JSON object: {text[:200]!r}")
        known = {item.name: item for item in fields(cls)}
        unknown = sorted(values.keys() - known.keys())
        if unknown:
            raise SettingsError("unknown: " + ", ".join(unknown))
        try:
            return cls(**{key: _read(key, known[key].type, values[key]) for key in values})
        except TypeError as error:
            raise SettingsError(str(error)) from None

    def to_data(self) -> str:
        """The settings as ExecutorInfo.data: base64 of the JSON."""
        return base64.b64encode(self.to_json().encode()).decode("ascii")

    @classmethod
    def from_data(cls, data: str) -> MomSettings:
        """Read ExecutorInfo.data. Raises SettingsError."""
        try:
            text = base64.b64decode(data, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError, ValueError) as error:
            raise SettingsError(f"not base64 of UTF-8: {data[:200]!r}: {error}") from None
        return cls.from_json(text)


def _read(key: str, kind: Any, value: Any) -> Any:
    """The value of one key, of the kind that its annotation (a string) names."""
    good: bool
    if kind == "bool":
        good = isinstance(value, bool)
    elif kind == "int":
        good = isinstance(value, int) and not isinstance(value, bool)
    elif kind == "float":
        good = isinstance(value, (int, float)) and not isinstance(value, bool)
        value = float(value) if good else value
    elif kind == "str":
        good = isinstance(value, str)
    elif kind == "Optional[str]":
        good = value is None or isinstance(value, str)
    elif kind == "Tuple[str, ...]":
        good = isinstance(value, list) and all(isinstance(item, str) for item in value)
        value = tuple(value) if good else value
    else:
        good = isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
        value = _sorted(value) if good else value
    if not good:
        raise SettingsError(f"{key}: {value!r} is not {kind}")
    return value


def _sorted(mapping: Mapping[str, str]) -> Dict[str, str]:
    return {key: mapping[key] for key in sorted(mapping)}
