"""Who the framework is to the master: principal and secret, from a file of its owner's."""

from __future__ import annotations

import json
import os
import stat
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path


class CredentialsError(Exception):
    """The file is not there, open to others, or unreadable. The secret is never quoted."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A principal and its secret, which no `repr` shows."""

    principal: str
    secret: str = field(repr=False)

    def basic(self) -> str:
        """The value of an HTTP `Authorization` header."""
        pair = f"{self.principal}:{self.secret}".encode()
        return "Basic " + b64encode(pair).decode("ascii")


def read_credentials(path: Path) -> Credentials:
    """Read a file as Mesos' own `--credential` takes it: `PRINCIPAL SECRET` on one line, or
    a JSON object with `principal` and `secret`.

    It must be a plain file of the caller or of root that nobody else may read or write.
    Raises CredentialsError.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            content = file.read(1 << 16)
    except OSError as error:
        raise CredentialsError(f"cannot read the credentials: {error}") from error
    if not stat.S_ISREG(status.st_mode):
        raise CredentialsError(f"{path} is not a plain file")
    if status.st_uid not in {os.geteuid(), 0}:
        raise CredentialsError(f"{path} belongs to user {status.st_uid}")
    if status.st_mode & 0o077:
        mode = stat.S_IMODE(status.st_mode)
        raise CredentialsError(f"{path} is open to others (mode {mode:04o}): chmod 0600 {path}")
    try:
        return _parse(content.decode())
    except ValueError:
        # Not chained: the cause quotes the content.
        raise CredentialsError(f"{path} has neither `PRINCIPAL SECRET` nor a JSON object") from None


def _parse(text: str) -> Credentials:
    if text.lstrip().startswith("{"):
        fields = json.loads(text)
        principal, secret = fields.get("principal"), fields.get("secret")
    else:
        principal, secret = text.split()
    for part in (principal, secret):
        if not isinstance(part, str) or not part or any(ord(letter) < 32 for letter in part):
            raise ValueError
    # HTTP's basic scheme ends the principal at the first colon.
    if ":" in principal:
        raise ValueError
    return Credentials(principal, secret)
