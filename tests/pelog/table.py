"""What was measured of each MPI with each batch server: a table at the end of the tests."""

from __future__ import annotations

from collections.abc import Iterator

_SECONDS: dict[tuple[str, str, int], dict[str, float]] = {}
_HEAD = ("MPI", "batch server", "hosts", "mpirun", "qdel until nothing is left")


def note(mpi: str, batch_kind: str, hosts: int, name: str, seconds: float) -> None:
    """Note what was measured. `name`: `mpirun` (a program with ranks) or `qdel`."""
    _SECONDS.setdefault((mpi, batch_kind, hosts), {})[name] = seconds


def lines() -> Iterator[str]:
    """The table, in Markdown; nothing where nothing was measured."""
    if not _SECONDS:
        return
    yield _line(*_HEAD)
    yield _line(*("---" for _ in _HEAD))
    for (mpi, batch_kind, hosts), found in sorted(_SECONDS.items()):
        times = (f"{found[name]:.1f} s" if name in found else "" for name in ("mpirun", "qdel"))
        yield _line(mpi, batch_kind, str(hosts), *times)


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
