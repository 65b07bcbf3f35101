"""What the disks say of firmware, system and volumes, on guests of every make."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.debian import lacking
from tests.guest import build
from tests.guest.packages import run
from tests.guest.reading import volume
from tests.unit.guest_looks import NEEDS_NOTHING, a_tree, codes, ext4, look, partitioned
from tests.unit.lvm_images import volume_group
from tests.unit.machines import a_machine

ROOT = {
    "/etc/os-release": "->../usr/lib/os-release",
    "/usr/lib/os-release": 'NAME=Small\nPRETTY_NAME="Small Linux 1"\n',
    "/etc/hostname": "small\n",
    "/etc/fstab": "LABEL=root / ext4 defaults 0 1\n",
}


@pytest.mark.parametrize(
    ("firmware", "table", "wanted"),
    [
        ("both", "gpt", ("bios", "uefi")),
        ("bios", "gpt", ("bios",)),
        ("uefi", "gpt", ("uefi",)),
        ("both", "dos", ("bios", "uefi")),
        ("bios", "dos", ("bios",)),
        ("uefi", "dos", ("uefi",)),
    ],
)
def test_what_a_guest_boots_with_is_read_from_its_disk(firmware, table, wanted):
    evidence = look(build(firmware=firmware, table=table)).evidence

    assert evidence.firmwares == wanted
    assert evidence.firmware == (wanted[0] if len(wanted) == 1 else None)
    assert evidence.partition_table == ("mbr" if table == "dos" else "gpt")


def test_the_system_says_what_it_is():
    evidence = look(build()).evidence

    assert (evidence.os_family, evidence.architecture) == ("linux", "x86_64")
    assert evidence.os_name.startswith("Debian GNU/Linux")
    assert evidence.hostname == "web-01"
    assert [mount.path for mount in evidence.mounts] == ["/", "/boot/efi", "/srv/data"]
    assert [volume.kind for volume in evidence.volumes] == ["unknown", "vfat", "ext4"]


@pytest.mark.parametrize("compression", ["zstd", "gzip", "xz", "lz4"])
@pytest.mark.parametrize("microcode", [False, True])
def test_an_initramfs_is_read_however_it_is_packed(compression, microcode):
    whole = build(compression=compression, microcode=microcode)
    lacking_one = build(compression=compression, microcode=microcode, plant=("no-storage-driver",))

    assert codes(look(whole)) == []
    assert codes(look(lacking_one)) == ["no-storage-driver"]


def test_an_xfs_root_is_read(tmp_path: Path):
    if lacking({"mkfs.xfs": "xfsprogs"}):
        pytest.skip("an XFS cannot be made without xfsprogs")
    tree = a_tree(tmp_path / "tree", {"os-release": ROOT["/usr/lib/os-release"], "fstab": "#\n"})
    prototype = tmp_path / "prototype"
    prototype.write_text(
        "/dev/null\n0 0\nd--755 0 0\nusr d--755 0 0\nlib d--755 0 0\n"
        f"os-release ---644 0 0 {tree / 'os-release'}\n$\n$\netc d--755 0 0\n"
        f"fstab ---644 0 0 {tree / 'fstab'}\nos-release l--777 0 0 ../usr/lib/os-release\n$\n$\n"
    )
    image = tmp_path / "xfs.img"
    image.touch()
    os.truncate(image, 320 << 20)
    run("mkfs.xfs", "-q", "-L", "root", "-p", prototype, image)
    evidence = look(partitioned(tmp_path / "disk.raw", ("8300", image))).evidence

    assert evidence.os_name == "Small Linux 1"
    assert [(one.kind, one.label) for one in evidence.volumes] == [("xfs", "root")]


def test_a_root_on_lvm_is_read_also_where_it_was_grown(tmp_path: Path):
    """Two runs of extents on one disk, the later half in front of the earlier one."""
    root = ext4(tmp_path, ROOT | {"/srv/x": os.urandom(20 << 20)})
    member = volume_group(
        tmp_path / "member.img", "vg-0", {"root": root}, extent_bytes=1 << 20, split=True
    )
    evidence = look(partitioned(tmp_path / "disk.raw", ("8e00", member))).evidence

    assert evidence.os_name == "Small Linux 1"
    assert [one.name for one in evidence.volumes] == ["disk0p1", "vg-0/root"]


def test_lvm_s_own_tool_agrees_with_the_group_that_these_tests_write(tmp_path: Path):
    if lacking({"pvck": "lvm2"}):
        pytest.skip("there is no lvm2")
    root = ext4(tmp_path, ROOT)
    member = volume_group(tmp_path / "member.img", "vg0", {"root": root}, extent_bytes=1 << 20)
    told = subprocess.run(
        ["/sbin/pvck", "--dump", "metadata", member], capture_output=True, text=True, check=False
    )

    assert "metadata text at" in told.stdout, told.stderr
    assert "crc" in told.stdout
    assert "mda_header_1" in told.stdout or "metadata" in told.stdout


def test_a_boot_partition_of_its_own_is_seen_where_it_is_mounted(tmp_path: Path):
    guest = volume(build(firmware="bios"), "root", tmp_path)
    run("tune2fs", "-L", "whole", guest)
    run("debugfs", "-R", f"rdump /boot {tmp_path}", guest)
    boot = tmp_path / "boot.img"
    boot.touch()
    os.truncate(boot, 64 << 20)
    # Seen from a partition of its own the kernel is at its top.
    config = tmp_path / "boot/grub/grub.cfg"
    config.write_text(config.read_text().replace(" /boot/", " /").replace("ttyS0", "tty9"))
    run("mke2fs", "-q", "-t", "ext4", "-L", "boot", "-d", tmp_path / "boot", boot)
    run("debugfs", "-w", "-R", "rm /etc/fstab", guest)
    fstab = tmp_path / "fstab"
    fstab.write_text("LABEL=whole / ext4 defaults 0 1\nLABEL=boot /boot ext4 defaults 0 2\n")
    run("debugfs", "-w", "-R", f"write {fstab} /etc/fstab", guest)
    disk = partitioned(tmp_path / "disk.raw", ("8300", boot), ("8300", guest))
    found = look(disk, machine=a_machine(firmware="unknown"))

    assert [(f.code, f.subject) for f in found.findings] == [
        ("no-bootloader", "disk0"), ("no-serial-console", "/boot/grub/grub.cfg"),
    ]  # fmt: skip


def test_what_is_mounted_from_a_second_disk_is_known_as_another_disk(tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    data = ext4(tmp_path / "b", {"/x": "y"})
    run("tune2fs", "-L", "data", data)
    fstab = "LABEL=root / ext4 defaults 0 1\nLABEL=data /data ext4 defaults 0 2\n"
    root = ext4(tmp_path / "a", ROOT | {"/etc/fstab": fstab})
    disk = partitioned(tmp_path / "disk.raw", ("8300", root))
    found = look(disk, data, needs=NEEDS_NOTHING)
    told = {finding.code: finding for finding in found.findings}

    assert told["fstab-no-nofail"].severity == "inform"
    assert "another disk" in told["fstab-no-nofail"].what


def test_a_data_disk_that_is_empty_is_no_finding(tmp_path: Path):
    empty = tmp_path / "empty.raw"
    empty.touch()
    os.truncate(empty, 8 << 20)

    assert look(build(), empty).findings == ()


def test_a_machine_whose_root_is_no_disk_gives_no_evidence_of_a_system():
    found = look(build(), root_disk=None)

    assert found.findings == ()
    assert (found.evidence.os_family, found.evidence.firmwares) == (None, ())
