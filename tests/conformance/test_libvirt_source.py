"""libvirt as a source obeys every law, against a real daemon and real, if tiny, guests."""

import random
import struct
from collections.abc import Iterator

import pytest

from coldferry.errors import Conflict
from coldferry.plan import devices_of
from providers.libvirt.cloud import LibvirtCloud
from tests import untouched
from tests.conformance.cases import MIGRATION, SourceCase
from tests.conformance.laws import SourceLaws
from tests.conformance.laws_removing import RemovingLaws
from tests.conformance.libvirt_rig import BOOT, MIB, SIZE, Libvirt, running

pytestmark = pytest.mark.slow

LUKS1 = struct.pack(
    ">6sH32s32s32sII", b"LUKS\xba\xbe", 1, b"aes", b"xts-plain64", b"sha256", 4096, 64
).ljust(1024, b"\0")
"""The header that 'cryptsetup luksFormat --type luks1' writes to a whole disk."""


@pytest.fixture(scope="module")
def host() -> Iterator[Libvirt]:
    with running() as found:
        yield found


@pytest.fixture(scope="module")
def vm(host: Libvirt) -> str:
    """A raw root with bytes at both ends, and a qcow2 disk with bytes amid it."""
    dice = random.Random(1)
    ends = {0: BOOT, MIB: dice.randbytes(4096), SIZE - 512: dice.randbytes(512)}
    host.volume("root.raw", ends)
    host.volume("data.qcow2", {3 * MIB: dice.randbytes(5 * MIB // 2)}, kind="qcow2")
    return host.machine("web-01", {"root.raw": "raw", "data.qcow2": "qcow2"})


class TestLibvirt(SourceLaws):
    @pytest.fixture
    def case(self, host: Libvirt, vm: str) -> Iterator[SourceCase]:
        host.cut_power()
        cloud = LibvirtCloud(host.access)
        yield SourceCase(cloud, vm, host.read)
        for owned in cloud.owned():
            cloud.release(owned.migration)

    def test_a_machine_in_order_is_movable(self, case: SourceCase) -> None:
        machine = case.cloud.describe(case.vm)

        assert case.cloud.unmovable(case.vm) == []
        assert [disk.size_bytes for disk in machine.disks] == [SIZE, SIZE]
        assert [disk.kind for disk in machine.disks] == ["raw file", "qcow2 file"]

    def test_what_was_frozen_half_is_frozen_anew(self, case: SourceCase, host: Libvirt) -> None:
        devices = devices_of(case.cloud.describe(case.vm))
        case.cloud.freeze(case.vm, MIGRATION, devices)
        (whole,) = host.images.glob("coldferry.*.whole.*")
        host.pool.storageVolLookupByName(whole.name).delete()  # as if it had died before
        (first, _) = sorted(host.images.glob("coldferry.*.frozen.*"))
        first.write_bytes(b"half")

        frozen = case.cloud.freeze(case.vm, MIGRATION, devices)

        assert host.read(frozen[0].ref, 0, 512) == BOOT

    def test_a_raw_disk_that_a_guest_made_look_like_qcow2_is_refused(
        self, case: SourceCase, host: Libvirt
    ) -> None:
        path = host.volume("sly.qcow2", {}, kind="qcow2")
        path.rename(host.images / "sly.raw")
        host.pool.refresh(0)
        host.machine("sly", {"sly.raw": "raw"})

        found = case.cloud.unmovable("sly")
        assert [(one.severity, one.code) for one in found] == [("refuse", "format-differs")]
        with pytest.raises(Conflict):
            case.cloud.freeze("sly", MIGRATION, devices_of(case.cloud.describe("sly")))
        host.forget("sly")

    def test_a_raw_disk_that_its_guest_encrypted_as_a_whole_is_refused_before_it_is_halted(
        self, case: SourceCase, host: Libvirt
    ) -> None:
        host.volume("luks.raw", {0: LUKS1})
        host.machine("luks", {"luks.raw": "raw"})
        assert "<encryption" in host.pool.storageVolLookupByName("luks.raw").XMLDesc()

        (found,) = case.cloud.unmovable("luks")
        assert (found.severity, found.code) == ("refuse", "disk-encrypted")
        assert "partition" in found.do
        assert [disk.size_bytes for disk in case.cloud.describe("luks").disks] == [SIZE]
        with pytest.raises(Conflict, match="only with a key"):
            case.cloud.freeze("luks", MIGRATION, devices_of(case.cloud.describe("luks")))
        host.forget("luks")

    def test_an_image_whose_data_is_in_another_file_is_refused(
        self, case: SourceCase, host: Libvirt
    ) -> None:
        path = host.volume("thin.qcow2", {}, kind="qcow2")
        header = bytearray(path.read_bytes())
        header[79] |= 4  # the pool of libvirt 9.0 knows nothing of it
        untouched.unwatch(path)
        path.write_bytes(header)
        host.machine("thin", {"thin.qcow2": "qcow2"})

        assert {one.code for one in case.cloud.unmovable("thin")} == {"disk-chain"}
        with pytest.raises(Conflict):
            case.cloud.freeze("thin", MIGRATION, devices_of(case.cloud.describe("thin")))
        host.forget("thin")

    def test_snapshots_saved_memory_and_strange_folders_are_refused(
        self, case: SourceCase, host: Libvirt
    ) -> None:
        host.volume("odd.qcow2", {0: BOOT}, kind="qcow2")
        host.machine("odd", {"odd.qcow2": "qcow2"})
        handle = host.connection.lookupByName("odd")
        snapshot = handle.snapshotCreateXML("<domainsnapshot><name>s</name></domainsnapshot>")
        assert {one.code for one in case.cloud.unmovable("odd")} == {"snapshots"}
        snapshot.delete()
        case.cloud.start("odd")
        handle.managedSave()
        assert {one.code for one in case.cloud.unmovable("odd")} == {"saved"}
        with pytest.raises(Conflict):
            case.cloud.start("odd")
        handle.managedSaveRemove()

        host.forget("odd")

        elsewhere = host.folder / "elsewhere.raw"
        elsewhere.write_bytes(bytes(4096))
        host.machine("far", {str(elsewhere): "raw"})
        assert case.cloud.describe("far").disks[0].size_bytes == 4096
        assert {one.code for one in case.cloud.unmovable("far")} == {"no-volume"}
        host.forget("far")


class TestRemoving(RemovingLaws):
    @pytest.fixture
    def case(self, host: Libvirt) -> Iterator[SourceCase]:
        host.volume("old.raw", {0: BOOT})
        host.volume("old.qcow2", {}, kind="qcow2")
        vm = host.machine("old-01", {"old.raw": "raw", "old.qcow2": "qcow2"})
        host.connection.lookupByName(vm).create()
        cloud = LibvirtCloud(host.access)
        yield SourceCase(cloud, vm, host.read)
        host.cut_power()
        for owned in cloud.owned():
            cloud.release(owned.migration)
        if vm in cloud.machines():  # a law may have removed it
            host.forget(vm)
