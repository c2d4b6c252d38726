"""The ExecutorInfo and CommandInfo of a worker's executor. Pure; Mesos' JSON form.

The same arguments give the same value, down to the order of keys: Mesos accepts a
further task for a running executor only with an identical ExecutorInfo.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from torque_mesos.mom.settings import MomSettings

BUNDLE_ROOT = "torque-mesos-executor"
"""The one folder at the top of a bundle."""

LAUNCHER = "executor/torque-mesos-executor"
"""The launcher, relative to `BUNDLE_ROOT`."""

END_MARGIN_S = 10.0
"""What an executor may need beyond `stop_grace_s` to end jobs and mom."""


def command_info(
    *,
    uri: Optional[str] = None,
    path: Optional[str] = None,
    python: str = "python3",
    user: Optional[str] = None,
    environment: Optional[Mapping[str, str]] = None,
) -> Dict[str, Any]:
    """A CommandInfo for one of the two deliveries.

    `uri`: of a bundle (`bundle.build_bundle`), which the Mesos fetcher unpacks in the
    sandbox and the agent's `python` (3.9 or later; a path or a name in PATH) runs.
    `path`: of a launcher that is installed on the agent, which finds its own Python.
    `user`: whom the executor runs as; None: the framework's user. Raises ValueError
    unless exactly one of `uri` and `path` is given.
    """
    if (uri is None) == (path is None):
        raise ValueError("exactly one of uri and path must be given")
    command: Dict[str, Any] = {"shell": False}
    if uri is not None:
        # -I -S: nothing of the agent's own Python packages is wanted, nor the time that
        # looking for them takes. -B: a sandbox is used once.
        command["value"] = python
        command["arguments"] = [python, "-I", "-S", "-B", f"{BUNDLE_ROOT}/{LAUNCHER}"]
        command["uris"] = [{"cache": True, "executable": False, "extract": True, "value": uri}]
    else:
        command["value"] = path
        command["arguments"] = [path]
    if user is not None:
        command["user"] = user
    if environment:
        variables = [{"name": key, "value": environment[key]} for key in sorted(environment)]
        command["environment"] = {"variables": variables}
    return _sorted(command)


def executor_info(
    settings: MomSettings,
    *,
    executor_id: str,
    command: Mapping[str, Any],
    cpus: float,
    mem_mb: float,
    framework_id: Optional[str] = None,
    name: str = "",
    source: str = "",
) -> Dict[str, Any]:
    """An ExecutorInfo. `cpus`, `mem_mb`: the executor's own share.

    Its `shutdown_grace_period` gives the executor the time to end jobs in peace.
    """
    info: Dict[str, Any] = {
        "command": dict(command),
        "data": settings.to_data(),
        "executor_id": {"value": executor_id},
        "name": name or f"pbs_mom {settings.node}",
        "resources": _scalars({"cpus": cpus, "mem": mem_mb}),
        "shutdown_grace_period": {
            "nanoseconds": round((settings.stop_grace_s + END_MARGIN_S) * 1e9)
        },
        "type": "CUSTOM",
    }
    if framework_id is not None:
        info["framework_id"] = {"value": framework_id}
    if source:
        info["source"] = source
    return _sorted(info)


def _scalars(amounts: Mapping[str, float]) -> List[Dict[str, Any]]:
    return [
        {"name": name, "scalar": {"value": amounts[name]}, "type": "SCALAR"}
        for name in sorted(amounts)
        if amounts[name] > 0
    ]


def _sorted(value: Mapping[str, Any]) -> Dict[str, Any]:
    return {
        key: _sorted(value[key]) if isinstance(value[key], dict) else value[key]
        for key in sorted(value)
    }
