"""Strangers' names, disks that lie, machines that hold what is ours, pools that go, and deaths."""

import struct
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from coldferry.errors import BadInput, Conflict
from coldferry.plan import Plan, devices_of
from coldferry.ports import FrozenDisk, Proof, VerifiedDisk
from providers.libvirt.cloud import LibvirtCloud
from tests.conformance.cases import MIGRATION, TargetCase, begin, written
from tests.conformance.deaths import dies_at
from tests.conformance.libvirt_rig import BOOT, MIB, SIZE, Libvirt, running
from tests.conformance.test_libvirt_target import ANSWERS

pytestmark = pytest.mark.slow(takes_s=40)


@pytest.fixture(scope="module")
def host() -> Iterator[Libvirt]:
    with running() as found:
        yield found


@pytest.fixture
def case(host: Libvirt) -> Iterator[TargetCase]:
    cloud = LibvirtCloud(host.access)
    yield TargetCase(cloud, ANSWERS, host.read, host.clear)
    host.clear()


def lying_header(path: str, size: int) -> bytes:
    """What makes a raw disk look like a qcow2 image of that size, with that file behind it."""
    header = bytearray(512)
    struct.pack_into(">4sIQIIQ", header, 0, b"QFI\xfb", 2, 104, len(path), 16, size)
    header[104 : 104 + len(path)] = path.encode()
    return bytes(header)


def build(cloud: LibvirtCloud, case: TargetCase) -> tuple[Plan, list[VerifiedDisk], str]:
    """A new machine, or what is left of its making gone on with, as a rerun does."""
    plan, _ = begin(TargetCase(cloud, case.answers, case.disk_bytes))
    disks = []
    for device in plan.devices:
        with cloud.open_disk(plan, FrozenDisk(MIGRATION, device, f"of {device.name}")) as writer:
            if not writer.sealed:
                writer.write(0, memoryview(b"x" * 512))
            proof = Proof("none: this test is not about it", "nobody", equal=True)
            disks.append(VerifiedDisk(device, writer.commit(), "", proof))
    return plan, disks, cloud.allocate(plan, disks)


def test_what_a_kill_leaves_of_a_new_machine_is_gone_on_with_or_removed(
    case: TargetCase, host: Libvirt
) -> None:
    """At each call that changes the host, before or after it."""
    for call in count(1):
        if not dies_at(call, lambda: build(LibvirtCloud(host.access), case), after=call % 2 == 0):
            break
        cloud = LibvirtCloud(host.access)
        if call % 3 == 0:
            _, disks, vm = build(cloud, case)
            assert [one.name() for one in host.connection.listAllDomains()] == [vm]
            assert {host.read(one.ref, 0, 1) for one in disks} == {b"x"}
        cloud.discard(MIGRATION)
        host.pool.refresh(0)
        assert list(host.images.iterdir()) == []
        assert host.connection.listAllDomains() == []
    assert call > 8


def test_a_disk_that_lies_about_its_format_is_carried_as_the_bytes_that_it_holds(
    case: TargetCase, host: Libvirt
) -> None:
    """Its guest wrote an image's header to it, with a file of the host's behind that."""
    secret = host.folder / "data" / "secret"
    secret.write_bytes(b"s" * MIB)
    lie = lying_header(str(secret), 1 << 40)
    host.volume("nested.qcow2", {0: lie, MIB: BOOT}, kind="qcow2")
    host.machine("nested", {"nested.qcow2": "qcow2"})
    devices = devices_of(case.cloud.describe("nested"))
    (frozen,) = case.cloud.freeze("nested", MIGRATION, devices)
    host.pool.refresh(0)  # which looks at each file's first bytes

    with case.cloud.open_frozen(frozen) as reader:
        found = bytearray(MIB)
        reader.read_into(0, memoryview(found))
        assert reader.size_bytes == SIZE
        assert found.startswith(lie) and not any(found[512:])
    assert case.cloud.freeze("nested", MIGRATION, devices) == [frozen]

    plan, disk = begin(case)
    with case.cloud.open_disk(plan, disk) as writer:
        writer.write(0, memoryview(lie))
    host.pool.refresh(0)
    with case.cloud.open_disk(plan, disk) as writer:
        assert writer.size_bytes == plan.devices[0].disk.size_bytes
        writer.write(writer.size_bytes - 512, memoryview(BOOT))
        ref = writer.commit()
    host.pool.refresh(0)
    with case.cloud.open_written(plan, ref) as reader:
        assert reader.size_bytes == plan.devices[0].disk.size_bytes
    case.cloud.release(MIGRATION)


def test_a_lasting_copy_is_never_of_a_file_that_a_guest_named(
    case: TargetCase, host: Libvirt
) -> None:
    secret = host.folder / "data" / "secret"
    secret.write_bytes(b"s" * MIB)
    _, disks, _ = build(LibvirtCloud(host.access), case)
    with Path(disks[0].ref).open("r+b") as file:  # as the new machine's guest could
        file.write(lying_header(str(secret), MIB))
    host.pool.refresh(0)

    with pytest.raises(Conflict, match="looks like qcow2"):
        case.cloud.keep(MIGRATION)
    assert case.cloud.kept(MIGRATION) == []


@pytest.mark.parametrize("way", ["without a definition", "plugged in", "by another spelling"])
def test_a_volume_that_some_machine_has_by_whatever_way_is_not_removed(
    case: TargetCase, host: Libvirt, way: str
) -> None:
    plan, _ = begin(case)
    disk, _ = written(case, plan)
    spelt = disk.ref
    if way == "by another spelling":
        spelt = disk.ref.replace("/images/", "/images/../images/")
    name = host.machine("thief", {"none": "raw"} if way == "plugged in" else {spelt: "raw"})
    handle = host.connection.lookupByName(name)
    if way == "without a definition":
        text = handle.XMLDesc(2)
        handle.undefine()
        host.connection.createXML(text)
    elif way == "plugged in":
        host.volume("none", {0: BOOT})
        handle.create()
        handle.attachDeviceFlags(
            f"<disk type='file' device='disk'><driver name='qemu' type='raw'/>"
            f"<source file='{disk.ref}'/><target dev='vdb' bus='virtio'/></disk>", 1,
        )  # fmt: skip

    found = case.cloud.at_stake(MIGRATION, arrived=False)
    assert ("refuse", "held") in {(one.severity, one.code) for one in found}
    with pytest.raises(Conflict, match="thief"):
        case.cloud.discard(MIGRATION)
    assert case.disk_bytes(disk.ref, 0, 1) == b"x"


def test_a_trial_s_images_are_as_large_as_planned_whatever_a_guest_wrote(
    case: TargetCase, host: Libvirt
) -> None:
    cloud = LibvirtCloud(host.access)
    plan, disks, _ = build(cloud, case)
    with Path(disks[0].ref).open("r+b") as file:
        file.write(lying_header("/dev/null", MIB))
    host.pool.refresh(0)
    assert host.pool.storageVolLookupByName(Path(disks[0].ref).name).info()[1] == MIB
    cloud.start_trial(plan)
    try:
        made = [host.pool.storageVolLookupByName(one.name).info()[1]
                for one in host.images.glob("coldferry.*.trial.*")]  # fmt: skip
        planned = [plan.value(f"disks[{device.index}].size_bytes") for device in plan.devices]
        assert sorted(made) == sorted(planned)
    finally:
        cloud.end_trial(MIGRATION)


def linked(host: Libvirt, name: str, below: str) -> Path:
    """An image that rests on a volume, as a linked clone's does."""
    path = host.images / name
    words = ["qemu-img", "create", "-f", "qcow2", "-F", "raw", "-b", below, str(path)]
    subprocess.run(words, check=True, capture_output=True)
    return path


def test_a_volume_that_a_linked_clone_rests_on_is_not_removed(
    case: TargetCase, host: Libvirt
) -> None:
    host.volume("template.raw", {0: BOOT})
    host.machine("template", {"template.raw": "raw"})
    linked(host, "web.qcow2", str(host.images / "template.raw"))
    host.machine("web", {"web.qcow2": "qcow2"})
    cloud = LibvirtCloud(host.access)
    (copied,) = [disk.id for disk in cloud.describe("template").disks]

    assert "disk-held" not in {one.code for one in cloud.unmovable("template")}
    found = {one.code: one for one in cloud.removal("template", MIGRATION, [copied]).findings}
    assert found["held"].severity == "refuse"
    assert "web" in found["held"].what


def test_a_new_disk_that_an_image_rests_on_is_not_removed(case: TargetCase, host: Libvirt) -> None:
    _, disks, _ = build(LibvirtCloud(host.access), case)
    clone = linked(host, "clone.qcow2", disks[0].ref)

    found = case.cloud.at_stake(MIGRATION, arrived=True)
    assert [one.what for one in found if one.code == "held"] == [
        f"{disks[0].ref} is used by {clone}."
    ]
    with pytest.raises(Conflict, match=r"clone\.qcow2"):
        case.cloud.discard(MIGRATION)
    assert case.disk_bytes(disks[0].ref, 0, 1) == b"x"
    clone.unlink()
    case.cloud.discard(MIGRATION)
    assert list(host.images.iterdir()) == []


def test_a_stranger_s_disk_in_a_pool_that_is_away_stands_in_nobody_s_way(
    case: TargetCase, host: Libvirt
) -> None:
    plan, _ = begin(case)
    written(case, plan)
    disc = (
        "<disk type='volume' device='cdrom'><source pool='away' volume='tools.iso'/>"
        "<target dev='hda' bus='ide'/></disk>"
    )
    host.machine("stranger", {}, disc)

    assert case.cloud.at_stake(MIGRATION, arrived=False) == []
    assert case.cloud.discard(MIGRATION)
    assert list(host.images.iterdir()) == []


def test_a_disk_that_two_machines_have_is_not_moved(case: TargetCase, host: Libvirt) -> None:
    host.volume("both.raw", {0: BOOT})
    host.machine("one", {"both.raw": "raw"})
    host.machine("other", {"both.raw": "raw"})

    found = {one.code: one for one in case.cloud.unmovable("one")}
    assert found["disk-held"].severity == "refuse"
    assert "other" in found["disk-held"].what


def test_a_machine_whose_pool_is_stopped_is_removed_once_it_is_back(
    case: TargetCase, host: Libvirt
) -> None:
    _, disks, vm = build(LibvirtCloud(host.access), case)
    text = host.pool.XMLDesc(0)
    host.pool.destroy()
    try:
        with pytest.raises(Conflict, match="no active pool"):
            case.cloud.discard(MIGRATION)
        assert host.connection.lookupByName(vm).name() == vm
    finally:
        host.pool = host.connection.storagePoolCreateXML(text)
    assert {one.id for one in case.cloud.discard(MIGRATION)} >= {one.ref for one in disks}
    assert list(host.images.iterdir()) == []


@pytest.mark.parametrize("name", ["web; touch owned", "$(reboot)'\"", "\u202egnp.01", "-rf *"])
def test_a_name_of_anybody_s_is_text_in_every_sentence_and_a_word_in_every_command(
    case: TargetCase, host: Libvirt, name: str
) -> None:
    host.volume("odd.raw", {0: BOOT})
    text = host.connection.lookupByName(host.machine("odd", {"odd.raw": "raw"})).XMLDesc(2)
    host.forget("odd")
    document = text.replace("<name>odd<", f"<name>{name}<".replace("&", "&amp;"))
    handle = host.connection.defineXML(document)
    handle.create()
    handle.managedSave()

    found = {one.code: one for one in case.cloud.unmovable(name)}
    saved = found["saved"]
    assert "\u202e" not in saved.what + saved.do
    word = saved.do.partition("managedsave-remove ")[2]
    ran = subprocess.run(["sh", "-c", f"printf %s {word}"], capture_output=True, check=True)
    assert ran.stdout.decode() == name.replace("\u202e", " ")
    handle.managedSaveRemove(0)


def test_another_migration_s_and_a_stranger_s_volumes_stay(case: TargetCase, host: Libvirt) -> None:
    other = f"{MIGRATION}0"
    names = (
        f"coldferry.{other}.frozen.disk0.live", f"coldferry.{MIGRATION}.notes.txt",
        f"my.coldferry.{MIGRATION}.frozen.disk0.live", f"coldferry.{MIGRATION}.kept.disk0.0",
    )  # fmt: skip
    for name in names:
        host.volume(name, {0: BOOT}, size=MIB)
    case.cloud.release(MIGRATION)
    case.cloud.discard(MIGRATION)

    assert {one.name for one in host.images.iterdir()} == set(names)


def test_a_machine_whose_disk_is_a_link_that_leads_nowhere_is_refused_in_a_sentence(
    case: TargetCase, host: Libvirt
) -> None:
    link = host.images / "gone.raw"
    link.symlink_to(host.folder / "nowhere")
    host.pool.refresh(0)
    host.machine("gone", {"gone.raw": "raw"})
    try:
        with pytest.raises(BadInput, match="its volume cannot be asked"):
            case.cloud.unmovable("gone")
    finally:
        link.unlink()
