"""Freezing, reading and releasing an Azure VM's disks: one oddity, one test."""

from collections.abc import Iterator
from typing import Any

import pytest

from coldferry.errors import ColdferryError, Conflict, Drifted, Refused, WillNotStop
from coldferry.migration import MIGRATION_TAG, Marks, State
from coldferry.ports import FrozenDisk, PowerState, is_source
from providers.azure.cloud import AzureCloud
from providers.azure.freezing import FREEZE_TAG
from providers.azure.ids import last, tag
from providers.azure.kinds import SNAPSHOT, VM
from tests.unit.azure_sources import CONTENT, SIZE_BYTES, a_source_plan, a_vm, devices
from tests.unit.test_azure_fixtures import MIGRATION, access, calls, clear, settings

pytest_plugins = ["tests.unit.test_azure_fixtures"]

PUT = "compute:snapshots.put"
GRANT = "compute:snapshots.beginGetAccess"


@pytest.fixture(scope="module")
def made(server: Any) -> Iterator[str]:
    """A VM with two disks."""
    cloud = AzureCloud(access(server))
    yield a_vm(cloud)
    clear(cloud)


@pytest.fixture
def vm(cloud: AzureCloud, made: str) -> Iterator[str]:
    """The VM, stopped, and nothing frozen of it before and after; its tags as they were."""
    cloud.stop(made)
    tags = cloud._arm.get(VM, "web-01")["tags"]
    cloud._arm.set_tags(VM, "web-01", {"Team": tags["Team"]})
    yield made
    for migration in {owned.migration for owned in cloud.owned()}:
        cloud.release(migration)


def frozen(cloud: AzureCloud, vm: str) -> list[FrozenDisk]:
    return cloud.freeze(vm, MIGRATION, devices(cloud.describe(vm)))


def snapshots(cloud: AzureCloud) -> dict[str, dict[str, Any]]:
    found = cloud._arm.in_group(SNAPSHOT)
    return {one["name"]: one for one in found if tag(one, MIGRATION_TAG)}


def test_it_is_a_source(cloud: AzureCloud) -> None:
    assert is_source(cloud)


def test_a_freeze_is_an_incremental_snapshot_of_each_disk_tagged_from_its_first_moment(
    cloud: AzureCloud, server: Any, vm: str
) -> None:
    made = frozen(cloud, vm)

    assert [last(one.ref) for one in made] == sorted(snapshots(cloud))
    made_of = snapshots(cloud).values()
    assert {one["properties"]["incremental"] for one in made_of} == {True}
    assert (calls(server, PUT), calls(server, "compute:snapshots.patch")) == (2, 0)
    assert all(len(name) <= 80 and name.startswith(MIGRATION) for name in snapshots(cloud))


def test_a_new_machine_in_the_same_group_is_none_of_the_frozen_disks(
    cloud: AzureCloud, vm: str
) -> None:
    made = frozen(cloud, vm)
    tags = cloud._arm.get(VM, "web-01")["tags"]
    cloud._arm.set_tags(VM, "web-01", {**tags, MIGRATION_TAG: MIGRATION})

    found = cloud.frozen(MIGRATION)
    beside = {one.id for one in cloud.owned(MIGRATION)} - {one.id for one in found}
    cloud._arm.set_tags(VM, "web-01", tags)

    assert {one.id for one in found} == {one.ref for one in made}
    assert {last(one) for one in beside} == {"web-01"}


def test_a_freeze_that_died_between_two_disks_goes_on_with_what_is_there(
    cloud: AzureCloud, server: Any, vm: str
) -> None:
    wanted = devices(cloud.describe(vm))
    first = cloud.freeze(vm, MIGRATION, wanted[:1])
    server.faults.reset_counts()

    whole = cloud.freeze(vm, MIGRATION, wanted)

    assert whole[0] == first[0]
    assert calls(server, PUT) == 1


def test_a_stranger_s_snapshot_of_that_name_is_refused_and_left(cloud: AzureCloud, vm: str) -> None:
    name = last(frozen(cloud, vm)[0].ref)
    cloud._arm.set_tags(SNAPSHOT, name, {"whose": "another's"})

    with pytest.raises(Conflict, match=name):
        frozen(cloud, vm)

    assert cloud._arm.find(SNAPSHOT, name) is not None
    cloud._arm.delete(SNAPSHOT, name)


def test_a_disk_that_was_detached_meanwhile_is_told(cloud: AzureCloud, vm: str) -> None:
    wanted = devices(cloud.describe(vm))
    found = cloud._arm.get(VM, "web-01")
    before = found["properties"]["storageProfile"]["dataDisks"]
    found["properties"]["storageProfile"]["dataDisks"] = []
    found["properties"] = {
        key: found["properties"][key]
        for key in ("hardwareProfile", "storageProfile", "networkProfile")
    }
    body = {key: found[key] for key in ("location", "tags", "properties")}
    cloud._arm.put(VM, "web-01", body)

    with pytest.raises(Conflict, match="web-01-1"):
        cloud.freeze(vm, MIGRATION, wanted)
    assert snapshots(cloud) == {}
    body["properties"]["storageProfile"]["dataDisks"] = before
    cloud._arm.put(VM, "web-01", body)


def test_a_disk_reads_without_its_footer(cloud: AzureCloud, vm: str) -> None:
    data = frozen(cloud, vm)[1]
    with cloud.open_frozen(data) as reader:
        spans = [(e.offset, e.length) for e in reader.extents(0, SIZE_BYTES) if e.data]
        found = bytearray(512)
        reader.read_into(SIZE_BYTES - 512, memoryview(found))
        with pytest.raises(Conflict):
            reader.read_into(SIZE_BYTES, memoryview(found))

    assert reader.size_bytes == SIZE_BYTES
    assert spans == [(at, len(data)) for at, data in sorted(CONTENT[1].items())]
    assert found == CONTENT[1][SIZE_BYTES - 512]
    assert reader.fetched_bytes == 512


def test_all_readers_of_a_snapshot_share_one_address(
    cloud: AzureCloud, server: Any, vm: str
) -> None:
    one = frozen(cloud, vm)[0]
    for _ in range(2):
        with cloud.open_frozen(one) as reader, cloud.open_frozen(one) as beside:
            reader.read_into(0, memoryview(bytearray(512)))
            beside.read_into(0, memoryview(bytearray(512)))

    assert calls(server, GRANT) == 1


def test_an_address_that_ended_is_asked_for_anew(cloud: AzureCloud, server: Any, vm: str) -> None:
    one = frozen(cloud, vm)[0]
    with cloud.open_frozen(one) as reader:
        cloud._arm.revoke(SNAPSHOT, last(one.ref))
        found = bytearray(4096)
        reader.read_into(0, memoryview(found))

    assert (calls(server, GRANT), found) == (2, CONTENT[0][0])


def test_errors_carry_no_signature(cloud: AzureCloud, server: Any, vm: str) -> None:
    one = frozen(cloud, vm)[0]
    with cloud.open_frozen(one) as reader:
        refusal = {"operation": "blob:GetBlob", "status": 403, "code": "Denied", "times": 9}
        server.faults.add([refusal])
        with pytest.raises(ColdferryError) as caught:
            reader.read_into(0, memoryview(bytearray(512)))

    assert "sig" not in f"{caught.value} {caught.value.do}"


def test_a_disk_that_grew_since_the_plan_is_drift(cloud: AzureCloud, vm: str) -> None:
    one = frozen(cloud, vm)[0]
    disk = one.device.disk.model_copy(update={"size_bytes": SIZE_BYTES + 512})
    smaller = FrozenDisk(MIGRATION, one.device.model_copy(update={"disk": disk}), one.ref)

    with pytest.raises(Drifted), cloud.open_frozen(smaller):
        pass


def test_release_ends_access_and_deletes_only_what_was_frozen_by_it(
    cloud: AzureCloud, vm: str
) -> None:
    made = frozen(cloud, vm)
    other = cloud.freeze(vm, f"{MIGRATION}-inspect", devices(cloud.describe(vm)))
    with cloud.open_frozen(made[0]) as reader:
        reader.read_into(0, memoryview(bytearray(512)))
    name = last(made[1].ref)
    tags = cloud._arm.get(SNAPSHOT, name)["tags"]
    cloud._arm.set_tags(SNAPSHOT, name, {k: v for k, v in tags.items() if k != FREEZE_TAG})

    gone = cloud.release(MIGRATION)

    assert [one.id for one in gone] == [made[0].ref]
    assert set(snapshots(cloud)) == {name, *(last(one.ref) for one in other)}
    cloud._arm.delete(SNAPSHOT, name)


def test_marks_leave_other_tags_alone(cloud: AzureCloud, vm: str) -> None:
    cloud.mark(vm, Marks(MIGRATION, State.HALTED, "running"))
    cloud.mark("web-01", Marks(MIGRATION, State.ROLLED_BACK))

    tags = cloud._arm.get(VM, "web-01")["tags"]
    assert tags == {
        "Team": "Shop", "coldferry:attempt": f"{MIGRATION} rolled-back web-01",
    }  # fmt: skip
    assert cloud.marks("web-01") == cloud.marks(vm) == Marks(MIGRATION, State.ROLLED_BACK)


def test_a_machine_that_moves_on_is_not_taken_away_beneath_it(cloud: AzureCloud, vm: str) -> None:
    found = cloud._arm.get(VM, "web-01")
    earlier = "web-01-azure-11111111-a1"
    cloud._arm.set_tags(VM, "web-01", found["tags"] | {MIGRATION_TAG: earlier})
    cloud.mark(vm, Marks(MIGRATION, State.HALTED, "running"))

    stakes = {one.code: one.severity for one in cloud.at_stake(earlier, arrived=False)}
    cloud.hand_over(earlier)

    assert stakes["moved-on"] == "refuse"
    assert cloud.marks(vm) == Marks(MIGRATION, State.HALTED, "running")
    assert cloud.at_stake(earlier, arrived=False) == []


@pytest.mark.parametrize(
    ("state", "codes"),
    [
        (State.CUT_OVER, ["moved-on"]),
        (State.FINALISED, ["moved-on"]),
        (State.REJECTED, []),
        (State.ROLLED_BACK, []),
    ],
)
def test_only_a_next_move_that_was_undone_leaves_a_machine_to_the_way_back(
    cloud: AzureCloud, vm: str, state: State, codes: list[str]
) -> None:
    found = cloud._arm.get(VM, "web-01")
    earlier = "web-01-azure-11111111-a1"
    cloud._arm.set_tags(VM, "web-01", found["tags"] | {MIGRATION_TAG: earlier})
    cloud.mark(vm, Marks(MIGRATION, state))

    stakes = cloud.at_stake(earlier, arrived=False)

    assert [one.code for one in stakes if one.severity == "refuse"] == codes
    cloud.hand_over(earlier)


def test_a_machine_of_another_group_is_not_marked(cloud: AzureCloud, server: Any, vm: str) -> None:
    elsewhere = AzureCloud(access(server, resource_group="rg-other"))

    with pytest.raises(Refused):
        elsewhere.mark(vm, Marks(MIGRATION, State.HALTED))


def test_a_stop_without_time_is_ordered_all_the_same(cloud: AzureCloud, vm: str) -> None:
    cloud.start(vm)
    with pytest.raises(WillNotStop):
        cloud.stop(vm, timeout_s=0)
    cloud.stop(vm)

    assert cloud.power(vm) is PowerState.STOPPED


def test_preflight_names_what_the_credentials_lack(cloud: AzureCloud, server: Any, vm: str) -> None:
    settings(server, {"not_actions": ["Microsoft.Compute/snapshots/write"]})

    (found,) = cloud.preflight_source(vm, a_source_plan(cloud.describe(vm)))

    assert (found.code, found.severity) == ("permissions", "refuse")
    assert "Microsoft.Compute/snapshots/write" in found.what


@pytest.mark.parametrize(
    ("level", "of", "severity"),
    [
        ("ReadOnly", "group", "refuse"),
        ("CanNotDelete", "group", "warn"),
        ("ReadOnly", "vm", "refuse"),
    ],
)
def test_preflight_finds_locks(
    cloud: AzureCloud, server: Any, vm: str, level: str, of: str, severity: str
) -> None:
    plan = a_source_plan(cloud.describe(vm))
    scope = vm if of == "vm" else cloud._arm.group_id
    at = f"{scope}/providers/Microsoft.Authorization/locks/l"
    settings(server, {"locks": [{"id": at, "name": "l", "properties": {"level": level}}]})

    (found,) = cloud.preflight_source(vm, plan)

    settings(server, {"locks": []})
    assert (found.code, found.severity) == ("locked", severity)


def test_preflight_counts_the_snapshots_of_a_disk_that_are_read(cloud: AzureCloud, vm: str) -> None:
    plan = a_source_plan(cloud.describe(vm))
    others = [f"web-01-other-0000000{n}-a1" for n in range(5)]
    for migration in others:
        one = cloud.freeze(vm, migration, plan.devices[:1])[0]
        cloud._arm.grant(SNAPSHOT, last(one.ref), "Read")

    (found,) = cloud.preflight_source(vm, plan)

    assert (found.code, found.severity) == ("snapshots-being-read", "refuse")


def test_what_a_running_machine_gives_up_is_said(cloud: AzureCloud, vm: str) -> None:
    plan = a_source_plan(cloud.describe(vm))
    cloud.start(vm)

    (found,) = cloud.preflight_source(vm, plan)

    assert (found.code, found.severity) == ("capacity-given-up", "inform")
