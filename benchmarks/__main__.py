"""The one door to the benchmarks.

    python -m benchmarks [NAME ...] [--json] [--list]

A benchmark is a module here with `run() -> Iterable[Result]` and `NEEDS_TORQUE`, which
tells whether a TORQUE must be installed. Without names all run that need none. Prints
a table, or with --json one JSON object a line, each as soon as it is known. Exit status
1 when a benchmark failed, 2 for a name that there is not.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import pkgutil
import sys
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol, cast

from benchmarks.result import Result


class Benchmark(Protocol):
    """What a module of a benchmark has."""

    NEEDS_TORQUE: bool
    __doc__: str | None

    def run(self) -> Iterable[Result]:
        """Measure."""


def found() -> dict[str, Benchmark]:
    """All benchmarks by name."""
    names = [module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])]
    modules = {
        name: importlib.import_module(f"benchmarks.{name}") for name in names if name != "__main__"
    }
    return {
        name: cast("Benchmark", module)
        for name, module in modules.items()
        if hasattr(module, "run") and hasattr(module, "NEEDS_TORQUE")
    }


def _title(benchmark: Benchmark) -> str:
    return (benchmark.__doc__ or "").strip().partition("\n")[0]


def _row(result: Result) -> str:
    ratio = "" if result.ratio is None else f"{result.ratio:.2f} x "
    beside = f"  ({ratio}{result.reference})" if result.reference else ""
    size = "" if result.size == "" else f"  [{result.size}]"
    return f"{result.name:<36} {result.value:>12.4g} {result.unit}{beside}{size}"


def main(arguments: Sequence[str]) -> int:
    """Run what is asked for. Gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="a benchmark (see --list)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--list", action="store_true", help="tell what there is")
    options = parser.parse_args(arguments)
    benchmarks = found()
    if unknown := [name for name in options.names if name not in benchmarks]:
        print(
            f"no benchmark {', '.join(unknown)}; there are: {', '.join(benchmarks)}",
            file=sys.stderr,
        )
        return 2
    names = options.names or [name for name, each in benchmarks.items() if not each.NEEDS_TORQUE]
    if options.list:
        for name, benchmark in benchmarks.items():
            needs = " (needs TORQUE)" if benchmark.NEEDS_TORQUE else ""
            print(f"{name:<20} {_title(benchmark)}{needs}")
        return 0
    failed = False
    for name in names:
        try:
            for result in benchmarks[name].run():
                text = json.dumps(dataclasses.asdict(result)) if options.json else _row(result)
                print(text, flush=True)
        except Exception:  # noqa: BLE001 (one that fails must not keep the others from running)
            print(f"{name} failed:", file=sys.stderr)
            traceback.print_exc()
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
