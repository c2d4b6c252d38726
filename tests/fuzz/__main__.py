"""Fuzz the readers with atheris (`pip install atheris`), until something fails or time is over.

    python -m tests.fuzz TARGET [SECONDS]

What fails is written to `crash-...` in the folder that it runs in, by libFuzzer.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path


def main() -> None:
    """Fuzz one target."""
    import atheris

    with atheris.instrument_imports(include=["torque_mesos.batch"]):
        from tests.fuzz.targets import TARGETS
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"python -m tests.fuzz TARGET [SECONDS]; targets: {', '.join(TARGETS)}")
    target = TARGETS[sys.argv[1]]
    seconds = sys.argv[2] if len(sys.argv) > 2 else "60"
    with tempfile.TemporaryDirectory(prefix="torque-mesos-fuzz-") as corpus:
        for number, seed in enumerate(target.seeds()):
            Path(corpus, str(number)).write_bytes(seed)
        options = [f"-max_total_time={seconds}", "-max_len=65536", "-timeout=20", corpus]
        atheris.Setup([sys.argv[0], *options], target.try_bytes)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
