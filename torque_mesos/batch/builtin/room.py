"""Room on the disk: what is begun can be brought to an end, so new things need a reserve."""

from __future__ import annotations

import os

from .errors import SYSTEM, PbsError
from .home import Home

RESERVE_MB = 16.0


class Room:
    """Knows the reserve that is kept below a home (`reserve_mb`)."""

    def __init__(self, home: Home) -> None:
        self._path = home.join("server_priv")
        self._megabytes = float(home.settings.get("reserve_mb", RESERVE_MB))

    def need(self) -> None:
        """Refuse a new job or record while less than the reserve is free. Raises `PbsError`."""
        found = os.statvfs(self._path)
        free = found.f_bavail * found.f_frsize / 1e6
        if free < self._megabytes:
            text = f"{free:.1f} MB left for {self._path}, {self._megabytes:g} MB are needed"
            raise PbsError(SYSTEM, text, detail="No space left on device")
