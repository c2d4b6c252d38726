"""Install a runnable Apache Mesos 1.11.0 (master and agent) for development.

    python -m dev.mesos.install [FOLDER]

FOLDER is `dev/mesos/build`, or what TORQUE_MESOS_DEV_BUILD names: that folder is
then used as it is. The Mesos runtime is the project's own release build, contained
in the `mesos.scheduler` extension module of the Python package index. Nothing of
Mesos is compiled: `mesosd.cc` is a launcher, and the old libraries that Debian no
longer has (OpenSSL 1.0, libcurl's older symbol version) are replaced with stubs,
which are enough as long as TLS is off.

A second call finds its stamp and returns at once. Exit code 3: Debian packages are
missing and this user may not install them; the message holds the line that does.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD_VARIABLE = "TORQUE_MESOS_DEV_BUILD"
PROJECT = "mesos.scheduler"
ARCHIVE = "mesos.scheduler-1.11.0.linux-x86_64.tar.gz"
SHA256 = "1d376f20bca6d05ee8b90c1c123a452b28753497ccc2f1c80ea3ac94c12e8f6e"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
SOURCES = ("mesosd.cc", "mesos-fetcher", "mesos-executor")
PRODUCTS = ("_scheduler.so", "mesosd", "mesos-containerizer", "mesos-fetcher", "mesos-executor")
STAMP = "stamp"


class InstallError(Exception):
    """Mesos cannot be installed here. The text says why and what to do; `code` to exit with."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def _program(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None


def _library(soname: str) -> Callable[[], bool]:
    def loads() -> bool:
        try:
            ctypes.CDLL(soname)
        except OSError:
            return False
        return True

    return loads


# What is needed is looked for, not the package: names of packages change with releases.
DEBIAN_PACKAGES: dict[str, Callable[[], bool]] = {
    "g++": _program("g++"),
    "binutils": _program("nm"),
    "libsvn1": _library("libsvn_delta-1.so.1"),
    "libsasl2-2": _library("libsasl2.so.2"),
    "libapr1": _library("libapr-1.so.0"),
}


def build_folder() -> Path:
    """The folder with the development Mesos, whether it is installed yet or not."""
    return Path(os.environ.get(BUILD_VARIABLE) or HERE / "build").resolve()


def is_installed(folder: Path) -> bool:
    """Whether `folder` holds what these sources make (or, if it was named, a whole build)."""
    if not all((folder / name).exists() for name in PRODUCTS):
        return False
    if os.environ.get(BUILD_VARIABLE) and folder == build_folder():
        return True
    stamp = folder / STAMP
    return stamp.exists() and stamp.read_text() == _digest()


def install(folder: Path) -> None:
    """Fill `folder`, unless it is filled. Safe to call from several processes at once.

    Raises:
        InstallError: something is missing here, a download failed, or was not the right file.
    """
    if is_installed(folder):
        return
    if os.environ.get(BUILD_VARIABLE) and folder == build_folder():
        raise InstallError(f"{BUILD_VARIABLE} names {folder}, which holds no Mesos build")
    _debian_packages()
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / "lock"):
        if not is_installed(folder):
            _fill(folder)


def _fill(folder: Path) -> None:
    library = folder / "_scheduler.so"
    if not library.exists():
        print("dev Mesos: downloading the runtime (119 MB unpacked)", flush=True)
        _runtime(folder / "partial")
        (folder / "partial").rename(library)
    print("dev Mesos: building the launcher", flush=True)
    _stubs(library, folder)
    # An RPATH (not a RUNPATH, nor LD_LIBRARY_PATH) reaches the library's own
    # needs, and stays out of the environment of what the agents start.
    rpath = "-Wl,--disable-new-dtags,-rpath,$ORIGIN"
    command = ["g++", "-O1", "-Wall", str(HERE / "mesosd.cc"), "-o", str(folder / "mesosd")]
    _build([*command, "-rdynamic", "-ldl", rpath])
    for name in ("mesos-fetcher", "mesos-executor"):
        shutil.copy(HERE / name, folder / name)
        (folder / name).chmod(0o755)
    link = folder / "mesos-containerizer"
    link.unlink(missing_ok=True)
    link.symlink_to("mesosd")
    (folder / STAMP).write_text(_digest())


def _digest() -> str:
    """Changes with everything that the products are made from."""
    total = hashlib.sha256(SHA256.encode())
    for path in (*(HERE / name for name in SOURCES), Path(__file__)):
        total.update(path.read_bytes())
    return total.hexdigest()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _missing() -> list[str]:
    return [package for package, there in DEBIAN_PACKAGES.items() if not there()]


def _debian_packages() -> None:
    missing = _missing()
    if not missing:
        return
    line = "apt-get install -y " + " ".join(missing)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise InstallError(
            f"The development Mesos needs Debian packages that are missing: {', '.join(missing)}\n"
            f"Install them with:\n\n    sudo {line}\n",
            code=3,
        )
    print(f"dev Mesos: {line}", flush=True)
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    for command in (["apt-get", "update", "-qq"], [*line.split(), "-qq"]):
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise InstallError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    # The loader's cache of this process is older than the libraries; programs are found at once.
    if still := [package for package in _missing() if not package.startswith("lib")]:
        raise InstallError(f"installed, but still not usable: {', '.join(still)}")


def _runtime(target: Path) -> None:
    """Put the library with the Mesos runtime at `target`."""
    try:
        from pypi_simple import PyPISimple
    except ImportError:
        raise InstallError(
            "The Python package pypi-simple is missing; `make venv` installs it."
        ) from None
    if CERTIFICATES.exists():
        # Those that the administrator and pip trust, rather than a list that came with a library.
        os.environ.setdefault("REQUESTS_CA_BUNDLE", str(CERTIFICATES))
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / ARCHIVE
        try:
            with PyPISimple() as index:
                packages = index.get_project_page(PROJECT).packages
                found = [package for package in packages if package.filename == ARCHIVE]
                if len(found) != 1:
                    raise InstallError(f"the package index does not have {ARCHIVE}")
                index.download_package(found[0], path=archive)
        except OSError as error:
            raise InstallError(f"downloading {ARCHIVE} failed: {error}") from error
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        if digest != SHA256:
            raise InstallError(f"{ARCHIVE} has an unexpected SHA-256: {digest}")
        with tarfile.open(archive) as tar:
            for member in tar:
                if member.name.endswith("/_scheduler.so"):
                    source = tar.extractfile(member)
                    break
            else:
                source = None
            if source is None:
                raise InstallError(f"{ARCHIVE} holds no _scheduler.so")
            with source, target.open("wb") as out:
                shutil.copyfileobj(source, out)


def _stubs(library: Path, folder: Path) -> None:
    """Build stand-ins for the libraries that Debian no longer has."""
    wanted: dict[str, dict[str, list[str]]] = {}
    listing = _build(["nm", "-D", "--undefined-only", str(library)])
    for line in listing.splitlines():
        name, _, version = line.split()[-1].partition("@")
        version = version.lstrip("@")
        if version.startswith("OPENSSL_"):
            soname = "libssl.so.1.0.0" if name.startswith(("SSL", "TLS")) else "libcrypto.so.1.0.0"
        elif version.startswith("CURL_"):
            soname = "libcurl.so.4"
        else:
            continue
        wanted.setdefault(soname, {}).setdefault(version, []).append(name)
    with tempfile.TemporaryDirectory() as scratch:
        source, script = Path(scratch) / "stub.c", Path(scratch) / "stub.map"
        for soname, versions in wanted.items():
            # curl: null or 0 means "no libcurl" to the caller; TLS is never reached.
            body = "return 0;" if "curl" in soname else "__builtin_trap();"
            names = [name for listed in versions.values() for name in listed]
            source.write_text("".join(f"void *{name}(void) {{ {body} }}\n" for name in names))
            script.write_text(
                "".join(
                    f"{version} {{ global: {'; '.join(listed)}; }};\n"
                    for version, listed in versions.items()
                )
            )
            command = ["gcc", "-w", "-fno-builtin", "-shared", "-fPIC", str(source)]
            command += ["-o", str(folder / soname), f"-Wl,-soname,{soname}"]
            _build([*command, f"-Wl,--version-script={script}"])


def _build(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise InstallError(f"{' '.join(command)} failed:\n{done.stderr}")
    return done.stdout


def main() -> int:
    """Install, print the folder. The answer is the exit code."""
    folder = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else build_folder()
    try:
        install(folder)
    except InstallError as error:
        print(error, file=sys.stderr)
        return error.code
    print(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
