"""A machine is copied while it runs; after its halt comes what changed, and nothing is lost."""

import pytest

from coldferry.content import LEAF_BYTES
from coldferry.errors import Denied, Failed
from coldferry.migration import State, early_of
from coldferry.ports import PowerState
from providers.manifests import open_folder
from tests.conformance.worlds import MIB
from tests.journeys.test_story import VM, Ferry
from tests.rates import of_a_slow_way

pytestmark = pytest.mark.slow


@pytest.fixture
def ferry(prefect_api, tmp_path, monkeypatch):
    """A machine of one disk, whose copy is foreseen to take hours."""
    monkeypatch.setenv("COLDFERRY_RATES", str(of_a_slow_way(tmp_path)))
    return Ferry(disks=1)


def written(ferry, offset, data):
    """What the guest writes while its disk is being copied."""
    world = ferry.source.cloud.world
    world.disks[f"{VM}-d0"].write(offset, memoryview(data))


def the_disk(ferry):
    (disk,) = ferry.target.cloud.world.disks.values()
    return disk


def test_a_running_machine_is_finished_after_its_halt_and_rolled_back_whole(ferry):
    ferry.source.before("stop", lambda: written(ferry, 7 * MIB, b"new" * 4096))
    report = ferry.migrate()

    assert ferry.bytes_differ(report) == []
    (device,) = report["devices"]
    assert device["proof"]["equal"]
    assert device["sent_bytes"] <= LEAF_BYTES
    assert device["early_sent_bytes"] >= 4 * 4096
    steps = [step for step in report["seconds"] if step in ("copy early", "halt", "copy")]
    assert steps == ["copy early", "halt", "copy"]
    assert "all is read again after the halt" in report["estimate"]["early"]
    assert "read-again" in {finding["code"] for finding in report["findings"]}
    migration = report["migration"]
    assert len(ferry.source.cloud.frozen(early_of(migration))) == 1

    ferry.rollback(migration)

    assert ferry.nothing_at_target
    assert ferry.source.cloud.world.frozen == {}
    assert ferry.source.cloud.power(VM) is PowerState.RUNNING


def test_a_run_that_dies_after_the_halt_goes_on_from_what_was_copied_before(ferry):
    ferry.source.before("stop", lambda: written(ferry, 0, b"new" * 4096))
    ferry.source.fail("freeze", Denied("No."), task="freeze")
    with pytest.raises(Failed):
        ferry.migrate()
    begun = the_disk(ferry)

    report = ferry.migrate()

    assert the_disk(ferry) is begun
    assert ferry.bytes_differ(report) == []
    (device,) = report["devices"]
    assert device["sent_bytes"] <= LEAF_BYTES
    assert "copy early" not in report["seconds"]


def test_what_nobody_knows_the_content_of_is_begun_anew(ferry):
    ferry.source.fail("freeze", Denied("No."), task="freeze")
    with pytest.raises(Failed):
        ferry.migrate()
    begun = the_disk(ferry)
    begun.write(MIB // 2, memoryview(b"left behind" * 512))
    open_folder().forget(early_of(ferry.source.cloud.marks(VM).migration))

    report = ferry.migrate()

    assert the_disk(ferry) is not begun
    assert ferry.bytes_differ(report) == []


def test_a_cold_migration_copies_nothing_before_the_halt(ferry):
    report = ferry.migrate(cold=True)

    assert "copy early" not in report["seconds"]
    assert report["estimate"]["early"] == ""
    assert ferry.source.cloud.frozen(early_of(report["migration"])) == []


def test_a_failure_before_the_halt_leaves_the_machine_running(ferry):
    ferry.target.fail("open_disk", Denied("No."), task="copy")
    with pytest.raises(Failed) as failed:
        ferry.migrate()

    assert failed.value.resumable
    assert ferry.source.cloud.power(VM) is PowerState.RUNNING
    marks = ferry.source.cloud.marks(VM)
    assert (marks.state, marks.power_before) == (State.FAILED, None)
    frozen = ferry.source.cloud.frozen(early_of(marks.migration))

    report = ferry.migrate()

    assert ferry.bytes_differ(report) == []
    assert ferry.source.cloud.frozen(early_of(marks.migration)) == frozen
    ferry.rollback(report["migration"])
    assert ferry.nothing_at_target
    assert ferry.source.cloud.owned() == []
