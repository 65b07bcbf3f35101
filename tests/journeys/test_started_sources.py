"""A source that somebody starts while it is moved: what it writes is never lost in silence."""

import pytest

from coldferry.errors import Failed
from coldferry.ports import PowerState
from tests.journeys.test_story import VM, Ferry

pytestmark = pytest.mark.slow


@pytest.fixture
def ferry(prefect_api):
    """A machine of two disks on its way."""
    return Ferry()


def test_a_source_that_is_started_while_it_is_copied_is_copied_anew(ferry):
    ferry.target.before("open_written", lambda: ferry.source.cloud.start(VM))
    with pytest.raises(Failed, match="was started while"):
        ferry.migrate()
    assert ferry.target.cloud.world.machines == {}

    report = ferry.migrate()
    assert ferry.source.cloud.power(VM) is PowerState.STOPPED
    assert ferry.bytes_differ(report) == []
    assert all(device["sent_bytes"] for device in report["devices"])


def test_a_source_that_is_started_before_the_freeze_is_frozen_anew(ferry):
    ferry.source.before("freeze", lambda: ferry.source.cloud.start(VM))
    with pytest.raises(Failed, match="started before its disks were frozen"):
        ferry.migrate()
    assert ferry.source.cloud.owned() == []

    report = ferry.migrate()
    assert ferry.source.cloud.power(VM) is PowerState.STOPPED
    assert ferry.bytes_differ(report) == []


def test_a_source_that_is_started_at_the_very_end_is_told(ferry):
    ferry.target.before("compare", lambda: ferry.source.cloud.start(VM))
    report = ferry.migrate()

    assert [one["code"] for one in report["findings"]] == ["source-started"]
