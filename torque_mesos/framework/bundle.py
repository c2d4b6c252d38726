"""The bundle: all that an executor needs, as one archive that the Mesos fetcher unpacks.

It holds what is installed beside this package: the executor, the built-in batch server,
pymesos and what that imports, psutil, and the scripts for mom_priv. An agent needs only
a Python, of any version from 3.9 on. So every module must be pure Python or, in
psutil's case, built for the stable ABI.

Modules are also there compiled for the Python that runs this, which is often the
agents' too, and then saves a third of an executor's start; others ignore that.

The same contents give the same name and the same bytes, except that compiled modules
may differ between runs, which changes nothing: the digest is of the contents without
them. It is in the name, because agents keep what they have fetched by its URI, and
because a running executor takes further tasks only while its ExecutorInfo, with this
URI in it, stays the same.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.metadata
import importlib.util
import io
import marshal
import os
import re
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torque_mesos
from torque_mesos.batch.builtin.install import mom_files
from torque_mesos.mom.infos import BUNDLE_ROOT, LAUNCHER
from torque_mesos.mom.programs import BUILTIN_FOLDER

OUR_PARTS = ("__init__.py", "mom")
MODULES = ("pymesos", "addict", "six", "http_parser", "h11")
# pymesos' scheduler side, and psutil's parts for other systems than Linux, are not
# imported on agents.
NOT_NEEDED = re.compile(
    r"^(tests?|__pycache__|scheduler\.py|operator_v1\.py|detector\.py|subprocess"
    r"|_ps(aix|bsd|osx|sunos|windows)\.py|.*\.(pyc|pyi))$"
)
DELIVERED = ("executor", "prologue", "epilogue")


class BundleError(Exception):
    """A part of the bundle is missing, or would not run on the agents."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """An archive at `path`. `sha256` is the digest of its contents."""

    path: Path
    sha256: str


def build_bundle(target_dir: Path) -> Bundle:
    """Write the bundle into `target_dir` (made if need be). Raises BundleError."""
    files = dict(sorted(_files()))
    digest = hashlib.sha256()
    for name, (text, mode) in files.items():
        digest.update(f"{name} {mode:o} {len(text)}\n".encode() + text)
    sha256 = digest.hexdigest()
    target_dir.mkdir(parents=True, exist_ok=True)
    path = target_dir / f"{BUNDLE_ROOT}-{sha256[:16]}.tar.gz"
    files |= _compiled(files)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(_archive(dict(sorted(files.items()))))
    partial.replace(path)
    return Bundle(path, sha256)


def project_folder() -> Path:
    """The folder that has executor/, prologue/ and epilogue/ in it. Raises BundleError."""
    package = Path(torque_mesos.__file__).resolve().parent
    for folder in (package.parent, package / "delivered"):
        if (folder / LAUNCHER).is_file():
            return folder
    raise BundleError(f"no {LAUNCHER} beside {package}")


def _files() -> Iterator[tuple[str, tuple[bytes, int]]]:
    """Name in the archive (below its root), contents and mode of every file."""
    package = Path(torque_mesos.__file__).resolve().parent
    for part in OUR_PARTS:
        yield from _tree(package / part, f"torque_mesos/{part}")
    for module in MODULES:
        path = _module_path(module)
        yield from _tree(path, path.name)
    psutil = _module_path("psutil")
    check_stable_abi("psutil")
    yield from _tree(psutil, psutil.name)
    for name, file in mom_files().items():
        yield f"{BUILTIN_FOLDER}/{name}", file
    folder = project_folder()
    for part in DELIVERED:
        yield from _tree(folder / part, part)


def _tree(path: Path, name: str) -> Iterator[tuple[str, tuple[bytes, int]]]:
    if path.is_file():
        # Not the mode it has here: an installation may have lost it.
        yield name, (path.read_bytes(), 0o755 if name.startswith(DELIVERED) else 0o644)
        return
    for entry in sorted(path.iterdir()) if path.is_dir() else ():
        if not NOT_NEEDED.search(entry.name):
            yield from _tree(entry, f"{name}/{entry.name}")


def _module_path(name: str) -> Path:
    """The file or folder of an installed module."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise BundleError(f"{name} is not installed here")
    origin = Path(spec.origin)
    return origin.parent if spec.submodule_search_locations else origin


def check_stable_abi(distribution: str) -> None:
    """Check that an installed wheel runs on every Python 3.9 or later.

    Raises BundleError when its tags, or its binary files, say otherwise.
    """
    try:
        found = importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        raise BundleError(f"{distribution} is not installed here") from None
    tags = re.findall(r"^Tag: *cp3(\d+)-abi3-\S+$", found.read_text("WHEEL") or "", re.MULTILINE)
    binaries = [str(file) for file in found.files or () if file.suffix == ".so"]
    wrong = [name for name in binaries if not name.endswith(".abi3.so")]
    if not tags or int(tags[0]) > 9 or wrong:
        raise BundleError(
            f"{distribution} {found.version} is not built for the stable ABI of Python 3.9 "
            f"or older ({', '.join(wrong or binaries) or 'no binary files'}): agents with "
            f"another Python than {sys.version_info.major}.{sys.version_info.minor} could not "
            f"load it; install its abi3 wheel (`pip install --only-binary :all: {distribution}`)"
        )


def _compiled(files: dict[str, tuple[bytes, int]]) -> dict[str, tuple[bytes, int]]:
    """The modules among `files`, compiled for this Python, never to be checked for age."""
    found = {}
    for name, (text, _) in files.items():
        if name.endswith(".py"):
            code = compile(text, f"{BUNDLE_ROOT}/{name}", "exec", dont_inherit=True, optimize=0)
            header = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little")
            header += importlib.util.source_hash(text)
            found[importlib.util.cache_from_source(name)] = (header + marshal.dumps(code), 0o644)
    return found


def _archive(files: dict[str, tuple[bytes, int]]) -> bytes:
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for name, (text, mode) in files.items():
            entry = tarfile.TarInfo(f"{BUNDLE_ROOT}/{name}")
            entry.size, entry.mode = len(text), mode
            tar.addfile(entry, io.BytesIO(text))
    return buffer.getvalue()
