"""What all tests share: a home of their own, and a Prefect server where one is asked for."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def _home(tmp_path_factory):
    """Nothing of a test run lands in the developer's home, and nothing it rests on goes early."""
    from console.authorities import SETTING, one_authority

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLDFERRY_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv(SETTING, one_authority())
        yield


@pytest.fixture(scope="module", autouse=True)
def _untouched():
    """Guests' images and source disks are the same before and after, but for what guests wrote."""
    from tests.untouched import altered

    yield
    assert altered() == [], "a test altered these disks"


@pytest.fixture(scope="session")
def prefect_api(_home):
    """A real Prefect server; every flow of the session runs against it."""
    from prefect.settings import (
        PREFECT_API_SSL_CERT_FILE,
        PREFECT_API_URL,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        PREFECT_LOGGING_TO_API_ENABLED,
        temporary_settings,
    )

    from console.authorities import one_authority
    from console.prefect_server import start_server, stop_server

    url = start_server()
    try:
        quick = {
            PREFECT_API_URL: url,
            PREFECT_API_SSL_CERT_FILE: one_authority(),  # as the command line has it
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,  # its thread costs a second a run
            PREFECT_LOGGING_TO_API_ENABLED: False,
        }
        with temporary_settings(quick):
            yield url
    finally:
        stop_server()


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """``coldferry up``: clouds, server, worker and deployments, ended whatever happens."""
    from tests.journeys.serving import Served

    running = Served(tmp_path_factory.mktemp("served-home"))
    try:
        running.up()
        yield running
    finally:
        running.down()


def pytest_collection_modifyitems(items):
    """What takes longest begins first, so that no core waits for it at the end."""

    def takes_s(item):
        marks = [*item.iter_markers("slow"), *item.iter_markers("long")]
        return max((mark.kwargs.get("takes_s", 0) for mark in marks), default=0)

    items.sort(key=takes_s, reverse=True)
