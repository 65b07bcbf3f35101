"""Devices that are not copied, between clouds in memory, against a real Prefect server."""

import asyncio

import pytest

from coldferry.errors import BadInput, Denied, Failed, PreflightFailed, Refused
from coldferry.machine import NetworkFilesystem
from coldferry.ports import PowerState
from flows.migrate_vm import migrate_vm
from tests.conformance.worlds import ANSWERS
from tests.journeys.test_story import VM, Ferry
from tests.unit.file_server import serving

pytestmark = pytest.mark.slow

DROPPED = f"{VM}-d1"


class Placing(Ferry):
    """A machine of three disks and one file system of the network."""

    def __init__(self, **options):
        super().__init__(3, **options)
        world = self.source.cloud.world
        share = NetworkFilesystem(id="fs-1", kind="nfs", address="127.0.0.1", mounted="unknown")
        stored = world.machines[VM]
        stored.machine = stored.machine.model_copy(update={"network_filesystems": (share,)})

    def migrate(self, answers=ANSWERS, **options):
        origin, goal = self.blocks
        told = {"answers": answers, "inspect": self.inspect, **options}
        return asyncio.run(migrate_vm(origin, VM, goal, **told))


@pytest.fixture
def ferry(prefect_api):
    return Placing()


def test_of_a_dropped_disk_nothing_is_frozen_looked_at_copied_or_made(prefect_api):
    ferry = Placing(inspect=True)
    del ferry.source.cloud.world.disks[DROPPED]  # whoever touches it fails
    report = ferry.migrate(placement={"disk1": "drop", "fs-1": "remove"})

    assert [device["source"] for device in report["devices"]] == [f"{VM}-d0", f"{VM}-d2"]
    assert ferry.bytes_differ(report) == []
    made = {name.rpartition("-")[2] for name in ferry.target.cloud.world.disks}
    assert made == {"disk0", "disk2"}
    size_bytes = 20 << 20
    assert report["left_behind"] == [
        {"device": "disk1", "source": DROPPED, "size_bytes": size_bytes}
    ]


def test_the_root_disk_is_refused_before_anything_is_touched(ferry):
    with pytest.raises(BadInput, match="neither remote nor dropped"):
        ferry.migrate(placement={"disk0": "drop"})

    assert ferry.nothing_at_target
    assert ferry.source.cloud.marks(VM) is None


def test_another_placement_of_a_migration_under_way_is_refused_in_a_sentence(ferry):
    placement = {"disk1": "drop", "fs-1": "remove"}
    ferry.target.fail("open_written", Denied("No."), "prove")
    with pytest.raises(Failed):
        ferry.migrate(placement=placement)

    for other in ({"disk2": "drop"}, {"disk1": "copy"}, {"fs-1": "nofail"}):
        with pytest.raises(Refused, match="another placement and is under way") as refused:
            ferry.migrate(placement=other)
        assert "rollback" in refused.value.do
    report = ferry.migrate(answers=None, placement=placement)

    assert [device["source"] for device in report["devices"]] == [f"{VM}-d0", f"{VM}-d2"]


def test_once_halted_the_plan_stands_also_where_the_placement_is_not_said_again(ferry):
    ferry.target.fail("open_written", Denied("No."), "prove")
    with pytest.raises(Failed):
        ferry.migrate(placement={"disk1": "drop", "fs-1": "remove"})
    report = ferry.migrate(answers=None)

    assert [one["device"] for one in report["left_behind"]] == ["disk1"]


def test_before_the_halt_nothing_is_left_behind_that_is_not_said_again(ferry):
    ferry.target.fail("preflight", Denied("No."), "preflight")
    with pytest.raises(Denied):
        ferry.migrate(placement={"disk1": "drop", "fs-1": "remove"})
    report = ferry.migrate(ANSWERS | {"network_filesystems[0].id": "nofail"})

    assert len(report["devices"]) == 3
    assert report["left_behind"] == []


def test_a_remote_file_system_is_measured_and_the_report_says_what_that_means(ferry):
    with serving(delay_s=0.002) as server:
        report = ferry.migrate(
            placement={"fs-1": f"remote@127.0.0.1:{server.port}"}, max_latency_ms=5000
        )
    (share,) = report["file_systems"]

    assert share["placement"] == "remote"
    assert share["files_copied"] is False
    assert share["latency"]["read"]["median_ms"] >= 2
    assert share["mounts"][0]["line"].startswith("127.0.0.1:/ /mnt/fs-1 nfs4 ")
    (said,) = [one for one in report["findings"] if one["code"] == "latency"]
    assert "IOPS" in said["what"]


def test_a_remote_file_system_beyond_what_was_accepted_is_refused_before_the_halt(ferry):
    with serving(delay_s=0.02) as server, pytest.raises(PreflightFailed) as refused:
        ferry.migrate(placement={"fs-1": f"remote@127.0.0.1:{server.port}"}, max_latency_ms=2)

    assert "at most 2 ms were accepted" in refused.value.what
    assert ferry.source.cloud.power(VM) is PowerState.RUNNING
    assert ferry.source.cloud.marks(VM) is None
    assert ferry.nothing_at_target


def test_what_an_answer_makes_remote_is_measured_too(ferry):
    with serving() as server:
        answers = {"network_filesystems[0].id": f"remote@127.0.0.1:{server.port}"}
        with pytest.raises(PreflightFailed, match="too far away to be remote"):
            ferry.migrate(ANSWERS | answers, max_latency_ms=0.000001)

    assert ferry.source.cloud.power(VM) is PowerState.RUNNING
