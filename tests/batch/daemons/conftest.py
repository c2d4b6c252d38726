from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.batch.daemons.site import NAMES, Site, end_all


def running(folder: Path, names: tuple[str, ...]) -> Iterator[Site]:
    site = Site(folder, names)
    yield site
    end_all(site)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site as the built-in server's: without trqauthd."""
    yield from running(tmp_path, NAMES[1:])


@pytest.fixture
def torque_site(tmp_path: Path) -> Iterator[Site]:
    """A site as TORQUE's."""
    yield from running(tmp_path, NAMES)
