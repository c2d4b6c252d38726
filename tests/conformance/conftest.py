from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.batch.builtin.conftest import cluster
from tests.conformance.builtin_site import BuiltinSite
from tests.conformance.site import Site
from tests.conformance.torque_site import TorqueSite

__all__ = ["cluster"]  # the daemons that one test of the model runs on


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conformance")
    group.addoption("--hosts-tool", help="the program that reaches hosts with TORQUE")
    group.addoption("--work", help="a folder that all these hosts see")
    group.addoption("--accounts", default="", help="USER,MANAGER on these hosts")
    group.addoption("--record", action="store_true", help="keep answers that are not recorded yet")


@pytest.fixture(scope="session")
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """The server that the suite holds to the transcripts."""
    found: Site
    kind = request.config.getoption("--batch")  # of all tests
    if kind not in ("builtin", "torque"):
        pytest.skip(f"answers of {kind} are not recorded")
    if kind != "torque" and request.config.getoption("--record", False):
        pytest.exit("only TORQUE's answers are recorded: --record needs --batch torque", 2)
    if kind == "torque":
        tool, work = request.config.getoption("--hosts-tool"), request.config.getoption("--work")
        user, _, manager = request.config.getoption("--accounts").partition(",")
        if not (tool and work and user and manager):
            pytest.skip("--batch torque needs --hosts-tool, --work and --accounts USER,MANAGER")
        found = TorqueSite(tool, Path(work), user, manager)
    else:
        found = BuiltinSite()
    yield found
    found.close()
