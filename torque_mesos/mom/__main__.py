"""`python -m torque_mesos.mom`: the executor, as an agent starts it."""

from __future__ import annotations

import importlib.machinery
import os
import signal
import sys
import types
from pathlib import Path

USAGE = """\
usage: torque-mesos-executor [--help | --version]

Runs pbs_mom on a Mesos agent. It is started by the agent, which tells it all by its
environment (MESOS_*); what pbs_mom needs comes with the ExecutorInfo.
"""

NEEDED = ("MESOS_AGENT_ENDPOINT", "MESOS_FRAMEWORK_ID", "MESOS_EXECUTOR_ID", "MESOS_SANDBOX")


def spare_imports() -> None:
    """Keep out what pymesos' executor side does not need, which halves the start's time.

    `pymesos` itself imports its scheduler and operator sides; `http.client` imports
    `ssl`, and does without it when it is not there (an agent's executor API is plain
    HTTP). To be called before the first import of pymesos, in the executor's process.
    """
    spec = importlib.machinery.PathFinder.find_spec("pymesos")
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError("pymesos is not installed")
    package = types.ModuleType("pymesos")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["pymesos"] = package
    sys.modules.setdefault("ssl", None)  # type: ignore[arg-type]


def main() -> int:
    """Run the executor; the exit status."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        from torque_mesos import __version__

        print(f"torque-mesos-executor {__version__}")
        return 0
    missing = [name for name in NEEDED if not os.environ.get(name)]
    if arguments or missing:
        if arguments == ["--help"]:
            print(USAGE, end="")
            return 0
        if not arguments:
            print("not started by a Mesos agent: no " + ", ".join(missing), file=sys.stderr)
        print(USAGE, end="", file=sys.stderr)
        return 2
    from torque_mesos.mom.guard import guarded

    return guarded(serve)


def serve() -> int:
    """Connect with the agent and run until the last grant is gone."""
    spare_imports()
    import logging
    from queue import SimpleQueue

    from torque_mesos import __version__
    from torque_mesos.mom.driver import AgentLink, ChildEnded, GuardLost, Message, Shutdown
    from torque_mesos.mom.executor import Executor

    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    os.umask(0o022)
    inbox: SimpleQueue[Message] = SimpleQueue()
    # SimpleQueue.put may be called in a signal handler. SIGINT must have a handler, for
    # pymesos interrupts the main thread when its own one ends; ignoring it instead would
    # be inherited by jobs.
    signal.signal(signal.SIGCHLD, lambda *_: inbox.put(ChildEnded()))
    signal.signal(signal.SIGTERM, lambda *_: inbox.put(Shutdown("SIGTERM")))
    signal.signal(signal.SIGHUP, lambda *_: inbox.put(GuardLost()))
    signal.signal(signal.SIGINT, lambda *_: None)
    link = AgentLink(inbox, os.environ)
    link.start()
    logging.info("torque-mesos-executor %s, pid %d", __version__, os.getpid())
    delivery = Path(__file__).resolve().parent.parent.parent
    executor = Executor(link, inbox, Path(os.environ["MESOS_SANDBOX"]), delivery)
    try:
        return executor.run()
    finally:
        sys.stderr.flush()


def run() -> None:
    """Run `main` and end the process with its status."""
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: taking the interpreter apart takes time, which nobody needs.
    os._exit(status)


if __name__ == "__main__":
    run()
