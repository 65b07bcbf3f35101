"""A migration goes no faster than somebody lets it, and shows on its run's page how it goes."""

import json
import threading
import time

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

from coldferry import progress
from coldferry.home import home
from tests.journeys.test_story import Ferry

pytestmark = pytest.mark.slow


@pytest.fixture
def limits(prefect_api, tmp_path, monkeypatch):
    """In a home of its own: from the reports of others it would know that its copy is quick."""
    monkeypatch.setenv("COLDFERRY_HOME", str(tmp_path))
    path = home() / "limits.json"
    yield path
    path.unlink(missing_ok=True)


@pytest.mark.parametrize(("cold", "step"), [(True, "copy"), (False, "copy early")])
def test_a_limit_that_is_lifted_while_it_copies_lets_it_go_on_at_once(limits, cold, step):
    """So tight that the disk would take minutes; lifted five seconds after its copy began."""
    ferry = Ferry(disks=1)
    limits.write_text(json.dumps({"clouds": {"azure": {"bytes_per_s": 1000}}}))
    time.sleep(1.1)  # one that was read before is looked at again after a second
    lift = threading.Timer(5, limits.unlink)

    def watch(_device: str, _done_bytes: int, _total_bytes: int) -> None:
        if lift.ident is None:
            lift.start()

    progress.watch(watch)
    try:
        report = ferry.migrate(cold=cold)
    finally:
        progress.unwatch(watch)
        lift.cancel()

    assert report["state"] == "allocated"
    assert ferry.bytes_differ(report) == []
    assert 4 < report["seconds"][step] < 30
    with get_client(sync_client=True) as client:
        shown = client.read_artifacts(
            artifact_filter=ArtifactFilter(
                key=ArtifactFilterKey(like_=f"copy-{report['migration']}-%")
            )
        )
    copies = 1 if cold else 2  # each with a bar of its own
    assert [(one.type, one.data) for one in shown] == [("progress", 100)] * copies
