"""A running machine of libvirt is copied as of one moment, and runs on whatever happens to that."""

import os
import random
import threading
import time
from collections.abc import Iterator
from itertools import count

import pytest

from coldferry.errors import Conflict
from coldferry.migration import early_of
from coldferry.plan import devices_of
from coldferry.ports import FROZEN, FrozenDisk, PowerState
from providers.libvirt.cloud import LibvirtCloud
from providers.libvirt.connection import Host
from providers.libvirt.room import lacking
from tests.conformance.cases import MIGRATION
from tests.conformance.deaths import dies_at
from tests.conformance.libvirt_rig import BOOT, MIB, SIZE, Libvirt, running

pytestmark = pytest.mark.slow(takes_s=60)

EARLY = early_of(MIGRATION)
VM = "busy"


@pytest.fixture(scope="module")
def host() -> Iterator[Libvirt]:
    with running() as found:
        yield found


@pytest.fixture(scope="module")
def _machine(host: Libvirt) -> None:
    dice = random.Random(1)
    host.volume("busy.raw", {0: BOOT, MIB: dice.randbytes(4 * MIB)})
    host.volume("busy.qcow2", {3 * MIB: dice.randbytes(MIB)}, kind="qcow2")
    host.volume("busy.iso", {})
    disc = (
        f"<disk type='file' device='cdrom'><driver name='qemu' type='raw'/>"
        f"<source file='{host.images}/busy.iso'/><target dev='hda' bus='ide'/></disk>"
    )
    host.machine(VM, {"busy.raw": "raw", "busy.qcow2": "qcow2"}, disc)


@pytest.fixture
def cloud(host: Libvirt, _machine: None) -> Iterator[LibvirtCloud]:
    host.cut_power()
    found = LibvirtCloud(host.access)
    found.start(VM)
    while host.read(str(host.images / "busy.raw"), 512, 512) != BOOT:  # it has come up
        time.sleep(0.1)
    own = {one.name for one in host.images.iterdir()}
    yield found
    assert found.power(VM) is PowerState.RUNNING
    found.release(EARLY)
    host.pool.refresh(0)
    assert {one.name for one in host.images.iterdir()} == own
    assert host.virsh("domjobinfo", VM).split()[2] == "None"


def freeze(cloud: LibvirtCloud) -> list[FrozenDisk]:
    return cloud.freeze(VM, EARLY, devices_of(cloud.describe(VM)))


def test_it_is_copied_as_of_one_moment_and_runs_and_writes_on(
    cloud: LibvirtCloud, host: Libvirt
) -> None:
    before = host.read(str(host.images / "busy.raw"), 0, SIZE)
    host.write(VM, 1, 0, b"\7" * MIB)
    frozen = freeze(cloud)
    for number in (0, 1):
        host.write(VM, number, 2 * MIB, b"\1" * MIB)

    read = []
    for disk in frozen:
        found = bytearray(disk.device.disk.size_bytes)
        with cloud.open_frozen(disk) as reader:
            for at in range(0, len(found), MIB):
                reader.read_into(at, memoryview(found)[at : at + MIB])
        read.append(bytes(found))
    assert read[0] == before
    assert read[1][:MIB] == b"\7" * MIB
    assert not any(read[1][2 * MIB : 3 * MIB])
    assert host.read(str(host.images / "busy.raw"), 2 * MIB, MIB) == b"\1" * MIB
    assert freeze(cloud) == frozen
    assert cloud.unmovable(VM) == []
    assert not cloud.freezes_stopped_only
    copies = [host.images / disk.ref for disk in frozen]
    assert sum(one.stat().st_blocks * 512 for one in copies) < 8 * MIB  # as sparse as the disks


def test_what_a_kill_leaves_at_any_step_is_ended_and_removed_by_whoever_comes_next(
    cloud: LibvirtCloud, host: Libvirt
) -> None:
    """By a release, and by the same call again, in turn."""
    own = {one.name for one in host.images.iterdir()}
    for call in count(1):
        if not dies_at(call, lambda: freeze(LibvirtCloud(host.access)), after=call % 2 == 0):
            break
        assert cloud.power(VM) is PowerState.RUNNING
        assert cloud.unmovable(VM) == []
        if call % 3 == 0:
            with cloud.open_frozen(freeze(cloud)[0]) as reader:
                found = bytearray(512)
                reader.read_into(0, memoryview(found))
                assert bytes(found) == BOOT
        cloud.release(EARLY)
        host.pool.refresh(0)
        assert {one.name for one in host.images.iterdir()} == own
    assert call > 8


def test_what_goes_on_after_its_process_was_killed_is_ended(
    cloud: LibvirtCloud, host: Libvirt
) -> None:
    host.cut_power()
    host.volume("long.raw", {0: BOOT, MIB: 300 * random.Random(2).randbytes(MIB)}, size=301 * MIB)
    host.machine("long", {"long.raw": "raw"})
    cloud.start("long")
    cloud.start(VM)

    def die() -> None:
        other = LibvirtCloud(host.access)
        other.freeze("long", EARLY, devices_of(other.describe("long")))

    assert dies_at(2, die, after=True)  # the backup was begun
    handle = host.connection.lookupByName("long")
    try:
        assert handle.backupGetXMLDesc(0).count(".pushed.") == 1
        assert [one.kind for one in cloud.owned(EARLY)] == [FROZEN]
        assert cloud.unmovable("long") == []
        (erased,) = cloud.release(EARLY)
        assert ".pushed." in erased.id
        assert handle.jobStats(0)["type"] == 0
        assert handle.isActive()
    finally:
        host.forget_all("long")


def test_what_a_busy_pool_does_not_know_of_is_listed_by_its_tag_and_removed(
    cloud: LibvirtCloud, host: Libvirt
) -> None:
    host.volume("long.qcow2", {0: 300 * random.Random(3).randbytes(MIB)}, kind="qcow2",
                size=300 * MIB)  # fmt: skip
    tag = host.volume(f"coldferry.{EARLY}.pushing.disk0.0", {}, size=MIB)
    file = host.images / f"coldferry.{EARLY}.pushed.disk0.0"
    source = host.pool.storageVolLookupByName("long.qcow2")
    xml = (
        f"<volume><name>copy</name><capacity>{300 * MIB}</capacity><target><format type='raw'/>"
        "</target></volume>"
    )
    copying = threading.Thread(target=lambda: host.pool.createXMLFrom(xml, source, 0))
    copying.start()
    try:
        while _reads_its_folder(host):
            assert copying.is_alive()
        file.write_bytes(b"left by a backup")  # which the pool knows only once it is read again
        assert [one.id for one in cloud.owned(EARLY)] == [str(tag)]
        assert copying.is_alive()
        cloud.release(EARLY)
        assert not file.exists() and not tag.exists()
        file.write_bytes(b"left without its tag")
        host.pool.refresh(0)
        (left,) = cloud.release(EARLY)
        assert left.id == str(file) and not file.exists()
    finally:
        copying.join()
        for name in ("copy", "long.qcow2"):
            host.pool.storageVolLookupByName(name).delete()


def _reads_its_folder(host: Libvirt) -> bool:
    import libvirt

    try:
        host.pool.refresh(0)
    except libvirt.libvirtError:
        return False
    return True


def test_room_is_what_is_left_now_and_a_reserve_is_kept_of_it(
    cloud: LibvirtCloud, host: Libvirt
) -> None:
    here = Host(host.access)
    host.pool.refresh(0)
    known = host.pool.info()[3]
    (host.images / "new").touch()
    with (host.images / "new").open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, 1 << 30)  # of which the pool knows nothing
    try:
        ((pool, wanted),) = lacking(here, {"main": known - (1 << 29)}, 10)
        assert pool.available_bytes < known - (1 << 29)
        assert wanted > known
        assert list(lacking(here, {"main": MIB}, 10)) == []
        assert list(lacking(here, {"main": 0}, 10)) == []
    finally:
        (host.images / "new").unlink()
    ((_, wanted),) = lacking(here, {"main": known}, 10)
    assert wanted >= known * 1.05 - 1


def test_a_machine_whose_disk_was_exchanged_while_it_runs_is_not_copied(
    cloud: LibvirtCloud, host: Libvirt
) -> None:
    text = host.connection.lookupByName(VM).XMLDesc(2)
    host.volume("other.raw", {})
    host.connection.defineXML(text.replace("busy.raw", "other.raw"))
    try:
        with pytest.raises(Conflict, match="another one than"):
            freeze(cloud)
    finally:
        host.connection.defineXML(text)
        (host.images / "other.raw").unlink()
