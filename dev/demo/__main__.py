"""Run the demo: `python -m dev.demo [--keep]`, or `make demo`.

Exit code 0: everything was seen and checked. 3: something is missing on this machine,
and the message says what. 130: Ctrl-C. Otherwise 1. Nothing is left running, whatever
happens, and nothing is left on the disk (but with --keep).
"""

from __future__ import annotations

import argparse
import os
import pwd
import signal
import sys
import textwrap
import time
from types import FrameType
from typing import NoReturn

from dev.demo.account import NotHere, submitter
from dev.demo.site import STOPPING, DemoError, Site
from dev.demo.story import Story
from dev.demo.watch import Watch
from dev.mesos.cluster import ClusterError
from dev.mesos.install import InstallError, build_folder, install


def _say(text: str) -> None:
    print("\n" + textwrap.indent(text, "  "), flush=True)


def _show(line: str) -> None:
    print(line, flush=True)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    """Begin to stop. Further signals must not cut that short."""
    for each in STOPPING:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def _run(keep: bool) -> None:
    account = submitter(os.geteuid(), os.environ, pwd.getpwall())
    install(build_folder())
    started = time.monotonic()
    with Site(account, keep) as site:
        _say(f"Everything is below {site.folder}; jobs are submitted as {account.name}.")
        site.start_mesos()
        _say(f"A Mesos master and three agents run, the master at {site.cluster.master}.")
        site.start_framework()
        with Watch(site, started, _show) as watch:
            story = Story(site, watch, _say)
            story.begin()
            story.one_slot()
            story.two_nodes()
            story.many_and_one_too_large()
            story.end()
    _say(f"Done in {time.monotonic() - started:.0f} s; nothing is left running.")


def main() -> int:
    """The demo. The answer is the exit code."""
    parser = argparse.ArgumentParser(prog="python -m dev.demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="keep the folder with logs and output")
    keep = parser.parse_args().keep
    for number in STOPPING:
        signal.signal(number, _interrupt)
    try:
        _run(keep)
    except KeyboardInterrupt:
        print("\nStopped; nothing is left running.", file=sys.stderr)
        return 130
    except InstallError as error:
        print(error, file=sys.stderr)
        return error.code
    except NotHere as error:
        print(error, file=sys.stderr)
        return 3
    except (DemoError, ClusterError) as error:
        print(f"\nThe demo failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
