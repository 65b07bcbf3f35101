"""The sandbox that the command-line journeys share, seeded by a stranger."""

import pytest

from tests.journeys.arrivals import Arrivals
from tests.journeys.sandbox import Sandbox
from tests.journeys.seeding import Seeder


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory):
    """One sandbox for all journeys, ended whatever happens."""
    running = Sandbox(tmp_path_factory.mktemp("sandbox-home"))
    try:
        running.up()
        yield running
    finally:
        running.down()


@pytest.fixture(scope="session")
def seeder(sandbox):
    """Makes machines at the sandbox's AWS."""
    return Seeder(sandbox)


@pytest.fixture(scope="session")
def arrivals(sandbox):
    """Looks at the sandbox's Azure."""
    return Arrivals(sandbox)
