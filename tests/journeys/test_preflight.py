"""When preflight asks, and what a refusal leaves at each of its places."""

import pytest

from coldferry.errors import Failed, PreflightFailed, problem
from coldferry.ports import PowerState
from tests.journeys.test_story import VM, Ferry

pytestmark = pytest.mark.slow


@pytest.fixture
def ferry(prefect_api):
    return Ferry()


def _give_keys(ferry, key):
    """Let every disk of the machine be encrypted with a key that is in order so far."""
    stored = ferry.source.cloud.world.machines[VM]
    disks = tuple(disk.model_copy(update={"key_id": key}) for disk in stored.machine.disks)
    stored.machine = stored.machine.model_copy(update={"disks": disks})


def _untouched(ferry):
    assert ferry.source.cloud.power(VM) is PowerState.RUNNING
    assert ferry.source.cloud.marks(VM) is None
    assert ferry.source.cloud.owned() == []
    assert ferry.nothing_at_target


def test_a_fault_at_the_source_halts_nothing(ferry):
    _give_keys(ferry, "key-1")
    ferry.source.cloud.world.lost_keys.add("key-1")

    with pytest.raises(PreflightFailed, match="cannot be used"):
        ferry.migrate()

    _untouched(ferry)


def test_faults_of_both_clouds_are_one_refusal(ferry):
    _give_keys(ferry, "key-1")
    ferry.source.cloud.world.lost_keys.add("key-1")
    ferry.target.cloud.world.machines[VM] = ferry.source.cloud.world.machines[VM]

    with pytest.raises(PreflightFailed) as refused:
        ferry.migrate()

    assert [one.code for one in refused.value.findings] == [
        "key-unusable", "key-unusable", "name-taken",
    ]  # fmt: skip


def test_what_stands_against_the_move_only_since_it_was_described_halts_nothing(ferry):
    def detach():
        stored = ferry.source.cloud.world.machines[VM]
        stored.machine = stored.machine.model_copy(update={"disks": ()})

    ferry.target.before("translate", detach)
    with pytest.raises(PreflightFailed, match="no disk"):
        ferry.migrate()

    _untouched(ferry)


def test_a_fault_before_the_allocation_leaves_the_proven_disks_and_the_rerun_goes_on(ferry):
    world = ferry.target.cloud.world
    subnets = world.subnets
    ferry.target.before("open_written", lambda: setattr(world, "subnets", ()))

    with pytest.raises(Failed, match="no subnet net/one any more") as failed:
        ferry.migrate()

    told = problem(failed.value)
    assert (failed.value.exit_code, told.code, told.resumable) == (5, "preflight-failed", True)
    assert [one.code for one in told.findings] == ["no-subnet"]
    assert not world.machines
    assert all(disk.sealed for disk in world.disks.values())
    assert ferry.source.cloud.power(VM) is PowerState.STOPPED

    world.subnets = subnets
    report = ferry.migrate()
    assert report["state"] == "allocated"
    assert [device["sent_bytes"] for device in report["devices"]] == [0, 0]


def test_preflight_is_asked_before_the_halt_and_again_before_the_allocation(ferry):
    ferry.migrate()

    assert ferry.source.calls["preflight", "preflight_source"] == 1
    assert ferry.source.calls["preflight", "unmovable"] == 1
    assert ferry.target.calls["preflight", "preflight"] == 1
    assert ferry.target.calls["preflight again", "preflight"] == 1
