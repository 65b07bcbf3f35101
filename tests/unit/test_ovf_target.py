"""Packages are made whole or not at all, from what was proven, and only ours are removed."""

import hashlib
import tarfile
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from coldferry.errors import BadAnswer, BadInput, Conflict, CorruptCopy, Failed
from coldferry.machine import Machine
from coldferry.migration import Marks, State
from coldferry.plan import Plan
from coldferry.ports import KEPT_COPY, FrozenDisk
from coldferry.translation import Consequence, Verdict
from providers.ovf.access import OvfAccess
from providers.ovf.cloud import OvfCloud
from providers.ovf.writing import archive, package
from providers.ovf.writing.target import OvfTarget
from tests.unit import vmdk_by_hand
from tests.unit.machines import a_disk, a_full_machine
from tests.unit.ovf_folders import (
    ANSWERS,
    MIB,
    MIGRATION,
    a_package,
    a_plan,
    content_of,
    copied,
    left_in,
)

NEXT = "web-01-aws-11111111-a1"


def members(path) -> dict[str, bytes]:
    with tarfile.open(path, "r:") as tar:
        return {one.name: tar.extractfile(one).read() for one in tar}


def described(path) -> Machine:
    text = next(iter(members(path).values()))
    (section,) = ET.fromstring(text).iter("{urn:coldferry:1}Machine")
    return Machine.model_validate_json(section.text)


def test_a_package_has_descriptor_manifest_and_disks_that_hold_what_was_copied(tmp_path):
    _, plan, package = a_package(tmp_path)
    found = members(package)

    names = ["web-01.ovf", "web-01.mf", "web-01-disk0.vmdk", "web-01-disk1.vmdk"]
    assert list(found) == names
    assert found["web-01.mf"].decode().splitlines() == [
        f"SHA256({name})= {hashlib.sha256(found[name]).hexdigest()}"
        for name in ("web-01.ovf", *names[2:])
    ]
    for device in plan.devices:
        data = vmdk_by_hand.content(found[names[2 + device.index]], device.disk.size_bytes)
        assert data == content_of(device.index, device.disk.size_bytes)
    sizes = [
        one.get("{http://schemas.dmtf.org/ovf/envelope/1}size")
        for one in ET.fromstring(found["web-01.ovf"])[0]
    ]
    assert sizes == [str(len(found[name])) for name in names[2:]]


def test_the_same_machine_in_the_same_folder_gives_the_same_bytes(tmp_path):
    cloud, plan, package = a_package(tmp_path)
    before = package.read_bytes()
    cloud.discard(MIGRATION)
    assert left_in(tmp_path) == []
    cloud.allocate(plan, copied(cloud, plan))

    assert package.read_bytes() == before


def test_what_was_copied_is_gone_once_the_package_is_there_and_is_read_from_it(tmp_path):
    cloud, plan, package = a_package(tmp_path)

    assert not [name for name in left_in(tmp_path) if name.endswith((".raw", ".vmdk"))]
    for device in plan.devices:
        ref = str(tmp_path / ".coldferry" / MIGRATION / f"{device.name}.raw")
        with cloud.open_written(plan, ref) as reader:
            found = bytearray(reader.size_bytes)
            reader.read_into(0, memoryview(found))
        assert found == content_of(device.index, device.disk.size_bytes)
    assert package.stat().st_nlink == 1


def test_the_translated_machine_comes_back_from_the_package(tmp_path):
    machine = a_full_machine()
    changes = {name: getattr(machine, name) for name in Machine.model_fields if name != "disks"}
    _, plan, package = a_package(tmp_path, **changes | {"root_image": None})
    found = described(package)

    gone = {Verdict.DROPPED, Verdict.IMPOSSIBLE}
    kept = [f for f in plan.translation.fields if f.verdict not in gone and "[" not in f.path]
    for field in kept:
        at = found
        for word in field.path.split("."):
            at = getattr(at, word)
        if field.path not in ("origin.provider", "origin.scope", "origin.id"):
            assert at == (field.source if field.target is None else field.target), field.path
    assert found.tags == plan.machine.tags
    assert found.origin.id == package.name
    assert [disk.device for disk in found.disks] == ["scsi0:0", "scsi0:1"]
    assert {disk.kind for disk in found.disks} == {"VirtualSCSI"}
    assert found.nics[0].subnet_id == "apps"
    assert found.user_data is None and found.relations == ()


def test_a_disk_that_was_left_behind_is_in_no_package(tmp_path):
    cloud = OvfTarget(tmp_path)
    plan = a_plan(cloud, {"disks[1].id": "drop"})
    package = tmp_path / cloud.allocate(plan, copied(cloud, plan))

    assert list(members(package))[2:] == ["web-01-disk0.vmdk"]
    assert len(described(package).disks) == 1


def test_a_disk_that_changed_after_its_proof_is_put_in_no_package(tmp_path):
    cloud = OvfTarget(tmp_path)
    plan = a_plan(cloud)
    disks = copied(cloud, plan)
    with Path(disks[0].ref).open("r+b") as raw:
        raw.seek(5 * MIB)
        raw.write(b"!")

    with pytest.raises(CorruptCopy):
        cloud.allocate(plan, disks)
    assert not list(tmp_path.glob("*.ova"))


def test_a_package_that_a_stranger_put_there_stays_and_stands_in_the_way(tmp_path):
    cloud = OvfTarget(tmp_path)
    plan = a_plan(cloud)
    stranger = tmp_path / "web-01.ova"
    stranger.write_bytes(b"another's")
    disks = copied(cloud, plan)

    assert [one.code for one in cloud.preflight(plan) if one.severity == "refuse"] == ["name-taken"]
    with pytest.raises(Conflict):
        cloud.allocate(plan, disks)
    cloud.discard(MIGRATION)
    assert left_in(tmp_path) == ["web-01.ova"]
    assert stranger.read_bytes() == b"another's"


def test_a_package_that_was_replaced_by_another_is_not_ours_to_remove(tmp_path):
    cloud, plan, package = a_package(tmp_path)
    package.write_bytes(b"another's")

    assert cloud.arrived(MIGRATION) is None
    assert [one.code for one in cloud.compare(plan, package.name)] == ["package"]
    cloud.discard(MIGRATION)
    assert package.read_bytes() == b"another's"


def test_a_byte_that_turned_in_the_package_is_found_by_the_comparison(tmp_path):
    cloud, plan, package = a_package(tmp_path)
    assert cloud.compare(plan, package.name) == []
    with package.open("r+b") as file:
        file.seek(package.stat().st_size // 2)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 1]))

    assert [one.code for one in cloud.compare(plan, package.name)] == ["altered"]


def test_a_vmdk_that_turned_before_it_was_packed_is_made_anew_by_the_next_run(tmp_path):
    cloud = OvfTarget(tmp_path)
    plan = a_plan(cloud)
    disks = copied(cloud, plan)
    staging = tmp_path / ".coldferry" / MIGRATION
    (staging / "package.ova").mkdir()  # so that it is deflated, and not assembled
    with pytest.raises(Failed):
        cloud.allocate(plan, disks)
    (staging / "package.ova").rmdir()
    vmdk = staging / "disk0.vmdk"
    with vmdk.open("r+b") as file:
        file.seek(vmdk.stat().st_size // 2)
        file.write(b"turned")

    with pytest.raises(CorruptCopy):
        cloud.allocate(plan, disks)
    assert not list(tmp_path.glob("*.ova"))
    assert cloud.compare(plan, cloud.allocate(plan, disks)) == []


@pytest.mark.parametrize("left", ["deflated", "assembled", "recorded", "named"])
def test_whatever_a_killed_run_left_the_next_one_ends_with_the_same_package(tmp_path, left):
    cloud, plan, package = a_package(tmp_path)
    whole = package.read_bytes()
    staging = package.parent / ".coldferry" / MIGRATION
    record = (staging / "package.json").read_text()
    cloud.discard(MIGRATION)
    disks = copied(cloud, plan)
    if left == "deflated":
        (staging / "disk0.vmdk").write_bytes(b"half of it")
    elif left == "assembled":
        (staging / "package.ova").write_bytes(whole[: len(whole) // 2])
    elif left == "recorded":
        (staging / "package.ova").write_bytes(whole)
        (staging / "package.json").write_text(record)
    else:
        package.write_bytes(whole)
        (staging / "package.ova").hardlink_to(package)
        (staging / "package.json").write_text(record)

    assert cloud.allocate(plan, disks) == package.name
    assert package.read_bytes() == whole
    assert package.stat().st_nlink == 1
    assert not (staging / "package.ova").exists()


def test_a_package_that_a_person_moved_away_after_a_kill_is_not_written_to(tmp_path):
    cloud, plan, package = a_package(tmp_path)
    staging = tmp_path / ".coldferry" / MIGRATION
    record = (staging / "package.json").read_text()
    cloud.discard(MIGRATION)
    disks = copied(cloud, plan)
    moved = tmp_path / "mine"
    moved.write_bytes(b"a person's by now")
    (staging / "package.ova").hardlink_to(moved)
    (staging / "package.json").write_text(record)

    assert cloud.allocate(plan, disks) == package.name
    assert moved.read_bytes() == b"a person's by now"
    assert moved.stat().st_nlink == 1


def test_a_disk_that_was_deflated_is_not_deflated_again(tmp_path):
    cloud = OvfTarget(tmp_path)
    plan = a_plan(cloud)
    disks = copied(cloud, plan)
    staging = tmp_path / ".coldferry" / MIGRATION
    (staging / "package.ova").mkdir()  # so that it cannot be assembled
    with pytest.raises(Failed):
        cloud.allocate(plan, disks)
    (staging / "package.ova").rmdir()
    before = (staging / "disk0.vmdk").stat().st_ino, (staging / "disk0.vmdk").stat().st_mtime_ns
    (staging / "disk1.vmdk").unlink()
    (staging / "package.ova").mkdir()
    with pytest.raises(Failed):
        cloud.allocate(plan, disks)

    after = (staging / "disk0.vmdk").stat().st_ino, (staging / "disk0.vmdk").stat().st_mtime_ns
    assert after == before
    assert (staging / "disk1.vmdk").exists()


def test_a_disk_that_is_in_the_package_is_not_begun_anew_from_another_state(tmp_path):
    cloud, plan, _ = a_package(tmp_path)

    with (
        pytest.raises(Conflict),
        cloud.open_disk(plan, FrozenDisk(MIGRATION, plan.devices[0], "another")),
    ):
        pass


@pytest.mark.parametrize("migration", ["../x", "kept", "", "a/b", ".hidden"])
def test_a_migration_s_name_never_leads_out_of_the_folder(tmp_path, migration):
    cloud = OvfTarget(tmp_path)

    with pytest.raises(BadInput):
        cloud.discard(migration)


@pytest.mark.parametrize("name", ["../etc", "a/b", "x.ova", "", ".hidden", "a\nb"])
def test_a_package_s_name_is_a_plain_one(tmp_path, name):
    cloud = OvfTarget(tmp_path)
    machine = a_plan(cloud).machine

    with pytest.raises(BadAnswer):
        cloud.translate(machine, cloud.catalogue(), ANSWERS | {"name": name})
    made = cloud.translate(machine.model_copy(update={"name": name}), cloud.catalogue(), {})
    assert "/" not in made.target("name") and made.target("name").lstrip(".") != ""


def test_an_encrypted_disk_is_acknowledged_to_be_in_clear(tmp_path):
    cloud = OvfTarget(tmp_path)
    machine = a_plan(cloud).machine
    for told in (True, "unknown"):
        disks = (a_disk(id="d0", root=True, encrypted=told),)
        asked = cloud.translate(
            machine.model_copy(update={"disks": disks}), cloud.catalogue(), ANSWERS
        )
        (field,) = [one for one in asked.fields if one.path == "disks[0].encrypted"]
        assert (field.consequence, field.target) == (Consequence.ACKNOWLEDGE, False)
        assert field.open


def test_what_was_given_out_is_said_before_it_is_removed(tmp_path):
    cloud, plan, package = a_package(tmp_path)
    cloud.start(package.name)

    assert [one.code for one in cloud.compare(plan, package.name)] == ["power"]
    (found,) = cloud.at_stake(MIGRATION, arrived=True)
    assert "out of Coldferry's sight" in found.what
    assert "Stop that machine" in found.do


@pytest.mark.parametrize(
    ("state", "codes"),
    [
        (State.HALTED, ["moved-on"]),
        (State.CUT_OVER, ["moved-on"]),
        (State.FINALISED, ["moved-on"]),
        (State.REJECTED, []),
        (State.ROLLED_BACK, []),
    ],
)
def test_a_package_that_another_migration_goes_on_with_is_not_taken_away_beneath_it(
    tmp_path, state, codes
):
    cloud, _, package = a_package(tmp_path)
    OvfCloud(OvfAccess(folder=str(tmp_path))).mark(package.name, Marks(NEXT, state, "stopped"))

    found = cloud.at_stake(MIGRATION, arrived=True)

    assert [(one.code, one.severity) for one in found] == [(code, "refuse") for code in codes]
    assert all(NEXT in one.what and f"rollback {NEXT}" in one.do for one in found)


def test_a_folder_that_is_not_there_is_refused_before_anything_is_made(tmp_path):
    cloud = OvfTarget(tmp_path / "nowhere")
    plan = a_plan(OvfTarget(tmp_path))

    assert [one.code for one in cloud.preflight(plan)] == ["folder"]
    assert not (tmp_path / "nowhere").exists()


def test_little_room_is_told_of_and_refuses_nothing(tmp_path):
    cloud = OvfTarget(tmp_path)
    huge = tuple(a_disk(id=f"d{n}", root=n == 0, size_bytes=50 << 40) for n in range(2))
    plan: Plan = a_plan(cloud, disks=huge)

    assert [(one.severity, one.code) for one in cloud.preflight(plan)] == [("warn", "little-room")]


def test_a_descriptor_or_manifest_that_is_read_back_otherwise_is_found(tmp_path):
    text, path = b"<Envelope/>", tmp_path / "package.ova"
    package.assemble(path, "web", text, [])
    assert package.prove_head(path, "web", text, []).descriptor == text

    whole = path.read_bytes()
    for turned in (text, b"SHA256"):
        path.write_bytes(whole.replace(turned, turned.swapcase()))
        with pytest.raises(CorruptCopy, match="Descriptor and manifest"):
            package.prove_head(path, "web", text, [])


def test_a_disk_that_turned_in_the_package_is_not_kept(tmp_path):
    cloud, _, path = a_package(tmp_path)
    with tarfile.open(path, "r:") as tar:
        last = list(tar)[-1]
    with path.open("r+b") as file:
        file.seek(last.offset_data + last.size // 2)
        file.write(b"turned")

    for _ in range(2):
        with pytest.raises(CorruptCopy, match="is not what was proven"):
            cloud.keep(MIGRATION)
        assert [Path(one.id).name for one in cloud.kept(MIGRATION)] == ["disk0.vmdk"]
    assert path.exists()


def test_a_disk_that_is_no_longer_in_the_package_is_told_of(tmp_path):
    cloud, plan, path = a_package(tmp_path)
    with tarfile.open(path, "r:") as tar:
        last = list(tar)[-1]
    with path.open("r+b") as file:
        file.seek(last.offset)
        file.write(archive.header("web-01-diskX.vmdk", last.size))

    with pytest.raises(CorruptCopy, match=r"web-01-disk1.vmdk in web-01.ova"):
        cloud.keep(MIGRATION)
    ref = str(tmp_path / ".coldferry" / MIGRATION / "disk1.raw")
    with pytest.raises(CorruptCopy, match=r"web-01-disk1.vmdk in"), cloud.open_written(plan, ref):
        pass


def test_what_is_removed_while_things_are_listed_is_left_out(tmp_path):
    cloud, _, _ = a_package(tmp_path)
    cloud.keep(MIGRATION)
    listed = cloud.tagged()
    assert next(one for one in listed if one.kind == KEPT_COPY).id.endswith("disk0.vmdk")
    cloud.erase_kept(MIGRATION)

    assert list(listed) == []
