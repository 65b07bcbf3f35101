"""The guest for tests: always the same bytes, and each fault is really in it."""

import subprocess
import time
from pathlib import Path

import pytest

from tests.debian import ensure
from tests.guest import PLANTS, build
from tests.guest.booting import boot, console_of
from tests.guest.disk import grub_image
from tests.guest.drivers import compressed
from tests.guest.gpt import SECTOR
from tests.guest.healthy import healthy
from tests.guest.networks import network_faults
from tests.guest.packages import run
from tests.guest.reading import drivers_at_boot, file_in, names_in, partitions, volume

# What a text of the root file system must say, and must not, once the fault is planted.
IN_TEXTS = {
    "fstab-device-name": ("/etc/fstab", "\n/dev/xvdf /srv/data ", "UUID=bad"),
    "fstab-device-name/nvme": ("/etc/fstab", "\n/dev/nvme1n1 /srv/data ", "/dev/xvd"),
    "fstab-device-name/vdb": ("/etc/fstab", "\n/dev/vdb /srv/data ", "/dev/xvd"),
    "fstab-device-name/crypttab": ("/etc/crypttab", "vault /dev/vdb none luks", "UUID"),
    "fstab-device-name/root": ("/etc/fstab", "/dev/xvda1 / ext4", "/dev/nvme"),
    "fstab-no-nofail": ("/etc/fstab", " /srv/data ext4 defaults 0 2", "defaults,nofail"),
    "swap-on-root-disk/file": ("/etc/fstab", "/swapfile none swap", "/dev/"),
    "temporary-disk-mount": ("/etc/fstab", "azure_resource-part1 /mnt ", "/dev/xvd"),
    "temporary-disk-mount/waagent": ("/etc/waagent.conf", "EnableSwap=y", "=n"),
    "network-filesystem-mounted": ("/etc/fstab", "10.0.0.5:/export /srv/shared nfs4", " efs "),
    "network-filesystem-mounted/efs": ("/etc/fstab", ":/ /srv/shared efs ", " nfs4 "),
    "boot-device-name": ("/boot/grub/grub.cfg", "root=/dev/xvda1 ", "root=UUID"),
    "boot-device-name/vda": ("/boot/grub/grub.cfg", "root=/dev/vda3 ", "root=UUID"),
    "no-serial-console": ("/boot/grub/grub.cfg", " ro quiet", "console=ttyS0"),
    "datasource-pinned": ("/etc/cloud/cloud.cfg.d/90_dpkg.cfg", "[ Ec2, None ]", "Azure"),
    "datasource-pinned/azure": ("/etc/cloud/cloud.cfg.d/90_dpkg.cfg", "[ Azure ]", "Ec2"),
    "datasource-pinned/later-file": ("/etc/cloud/cloud.cfg.d/99-installer.cfg", "- Ec2", "Azure"),
    "datasource-pinned/ds-identify": ("/etc/cloud/ds-identify.cfg", "datasource: Ec2", "Azure"),
    "source-agent": ("/var/lib/dpkg/status", "Package: amazon-ssm-agent\n", "walinuxagent"),
    "source-agent/walinuxagent": ("/var/lib/dpkg/status", "Package: walinuxagent\n", "ssm"),
    "hostile-words": ("/etc/fstab", "LABEL=$(touch\\040pwned)`touch\\040pwned`", "UUID=bad"),
}  # fmt: skip
IN_TEXTS |= {
    name: (path, text.splitlines()[-1], "@@nothing@@")
    for name, (path, text) in network_faults().items()
}
LAST_WORDS_OF_BIOS = "Booting from Hard Disk..."
ON_THE_DISK = {
    "no-storage-driver", "no-storage-driver/nvme", "no-network-driver", "swap-on-root-disk",
    "encrypted-volume", "unclean-filesystem", "unreadable-filesystem", "no-partition-table",
    "no-target-agent", "no-bootloader", "no-bootloader/vendor-path-only", "firmware-mismatch",
}  # fmt: skip


@pytest.fixture(scope="module")
def healthy_root(tmp_path_factory) -> Path:
    return volume(build(), "root", tmp_path_factory.mktemp("healthy"))


def planted_root(plant: str, folder: Path) -> Path:
    return volume(build(plant=(plant,)), "root", folder)


def boot_code(image: Path) -> bytes:
    with image.open("rb") as file:
        return file.read(440)


def test_every_plant_is_looked_for_here():
    assert set(IN_TEXTS) | ON_THE_DISK == set(PLANTS)


def test_two_builds_are_equal_byte_for_byte():
    first = build("twice")
    kept = first.read_bytes()
    first.unlink()
    compressed.cache_clear()
    grub_image.cache_clear()

    assert build("twice").read_bytes() == kept


def test_sgdisk_writes_the_same_partition_table(tmp_path):
    image, other = build(), tmp_path / "disk.raw"
    with other.open("wb") as file:
        file.truncate(image.stat().st_size)
    guest = healthy("web-01", "both")
    words = ["-U", guest.uuid("disk")]
    rows = zip(partitions(image).items(), ("ef02", "ef00", "8300"), strict=True)
    for number, ((name, (first, length)), kind) in enumerate(rows, 1):
        last = (first + length) // SECTOR - 1
        words += ["-n", f"{number}:{first // SECTOR}:{last}", "-t", f"{number}:{kind}"]
        words += ["-u", f"{number}:{guest.uuid(f'part-{name}')}", "-c", f"{number}:{name}"]
    run("sgdisk", "-a", "1", *words, other)

    ours, theirs = image.read_bytes(), other.read_bytes()
    assert ours[440 : 34 * SECTOR] == theirs[440 : 34 * SECTOR]
    assert ours[-33 * SECTOR :] == theirs[-33 * SECTOR :]


def test_two_names_share_no_identifier():
    one, other = (run("sgdisk", "-p", build(name)).decode() for name in ("web-01", "twice"))

    def identifier(told: str) -> str:
        return next(line for line in told.splitlines() if "identifier" in line)

    assert identifier(one) != identifier(other)


def test_the_root_file_system_is_clean_and_belongs_to_root(healthy_root):
    run("e2fsck", "-f", "-n", healthy_root)
    listed = run("debugfs", "-R", "ls -p /etc", healthy_root).decode().splitlines()
    owners = {tuple(line.split("/")[3:5]) for line in listed if line}

    assert owners == {("0", "0")}


def test_the_healthy_guest_has_every_target_s_drivers(healthy_root, tmp_path):
    built_in = file_in(
        healthy_root,
        f"/usr/lib/modules/{names_in(healthy_root, '/usr/lib/modules')[0]}/modules.builtin",
    )

    assert {"hv_vmbus", "hv_storvsc", "hv_netvsc", "ena", "virtio_blk"} <= drivers_at_boot(
        healthy_root, tmp_path
    )
    assert "/nvme.ko" in built_in


@pytest.mark.parametrize("plant", sorted(IN_TEXTS))
def test_a_fault_in_a_text_is_really_there(plant, healthy_root, tmp_path):
    path, there, absent = IN_TEXTS[plant]
    text = file_in(planted_root(plant, tmp_path), path)

    assert there in text
    assert absent not in text
    assert there not in file_in(healthy_root, path)


def test_without_a_storage_driver_the_modules_are_still_installed(tmp_path):
    root = planted_root("no-storage-driver", tmp_path)
    (kernel,) = names_in(root, "/usr/lib/modules")

    assert not {"hv_storvsc", "hv_vmbus"} & drivers_at_boot(root, tmp_path)
    assert "virtio_blk" in drivers_at_boot(root, tmp_path)
    assert "hv_storvsc.ko" in names_in(root, f"/usr/lib/modules/{kernel}/kernel/drivers/scsi")


def test_without_nvme_it_is_neither_built_in_nor_a_module(tmp_path):
    root = planted_root("no-storage-driver/nvme", tmp_path)
    (kernel,) = names_in(root, "/usr/lib/modules")

    assert "/nvme.ko" not in file_in(root, f"/usr/lib/modules/{kernel}/modules.builtin")
    assert "nvme" not in drivers_at_boot(root, tmp_path)


def test_without_a_network_driver_there_is_none_anywhere(tmp_path):
    root = planted_root("no-network-driver", tmp_path)
    (kernel,) = names_in(root, "/usr/lib/modules")
    listed = file_in(root, f"/usr/lib/modules/{kernel}/modules.dep")

    assert not {"ena", "hv_netvsc", "virtio_net"} & drivers_at_boot(root, tmp_path)
    assert "ena.ko" not in listed and "hv_netvsc.ko" not in listed


def test_swap_and_an_encrypted_volume_are_what_debian_s_tools_take_them_for(tmp_path):
    swap = volume(build(plant=("swap-on-root-disk",)), "swap", tmp_path)
    secret = volume(build(plant=("encrypted-volume",)), "secret", tmp_path)
    if not ensure("cryptsetup", "cryptsetup-bin"):
        pytest.skip("cryptsetup is not installed, and cannot be")
    told = subprocess.run(
        ["/sbin/cryptsetup", "luksDump", secret], capture_output=True, text=True, check=True
    ).stdout

    assert run("blkid", "-p", "-o", "value", "-s", "TYPE", swap).strip() == b"swap"
    assert "Version:       \t2" in told and "cipher: aes-xts-plain64" in told


def test_an_unclean_file_system_says_that_it_needs_recovery(healthy_root, tmp_path):
    flag = b"needs_recovery"
    root = planted_root("unclean-filesystem", tmp_path)

    assert flag in run("dumpe2fs", "-h", root)
    assert flag not in run("dumpe2fs", "-h", healthy_root)


def test_an_unreadable_file_system_has_a_superblock_and_nothing_behind_it(tmp_path):
    root = planted_root("unreadable-filesystem", tmp_path)

    assert run("blkid", "-p", "-o", "value", "-s", "TYPE", root).strip() == b"ext4"
    assert file_in(root, "/etc/fstab") == ""


def test_no_partition_table_is_none_at_either_end():
    image = build(plant=("no-partition-table",))

    assert partitions(image) == {}
    assert image.read_bytes()[-33 * 512 :] == bytes(33 * 512)


@pytest.mark.parametrize(
    ("firmware", "named", "has_boot_code"),
    [
        ("both", ["bios", "esp", "root"], True),
        ("bios", ["bios", "root"], True),
        ("uefi", ["esp", "root"], False),
    ],
)
def test_the_disk_has_what_its_firmware_looks_for(firmware, named, has_boot_code):
    image = build(firmware=firmware)

    assert list(partitions(image)) == named
    assert (boot_code(image) != bytes(440)) == has_boot_code


def test_a_dos_disk_has_its_loader_before_its_first_partition():
    image = build(firmware="bios", table="dos")
    with image.open("rb") as file:
        first_mib = file.read(1 << 20)

    assert first_mib[510:512] == b"\x55\xaa"
    assert first_mib[446] == 0x80 and first_mib[450] == 0x83
    assert b"GRUB" in first_mib[:512] and first_mib[512:1024] != bytes(512)


def test_without_a_boot_loader_both_firmwares_find_nothing(tmp_path):
    image = build(plant=("no-bootloader",))
    esp = volume(image, "esp", tmp_path)

    assert boot_code(image) == bytes(440)
    assert run("mdir", "-b", "-i", esp).strip() == b""


def test_a_vendor_s_loader_alone_is_not_on_the_removable_path(tmp_path):
    loaders = {}
    for plant in ((), ("no-bootloader/vendor-path-only",)):
        esp = volume(build(plant=plant), "esp", tmp_path)
        listed = run("mdir", "-b", "-/", "-i", esp).decode().split()
        loaders[plant] = [path for path in listed if not path.endswith("/")]

    assert list(loaders.values()) == [
        ["::/EFI/BOOT/BOOTX64.EFI", "::/EFI/debian/grubx64.efi"],
        ["::/EFI/debian/grubx64.efi"],
    ]


def test_without_any_agent_there_is_no_cloud_init_either(healthy_root, tmp_path):
    root = planted_root("no-target-agent", tmp_path)

    assert "cloud-init" in file_in(healthy_root, "/var/lib/dpkg/status")
    assert "cloud-init" not in file_in(root, "/var/lib/dpkg/status")
    assert names_in(root, "/etc/cloud") == []


def test_a_mismatch_of_firmware_leaves_a_disk_that_only_a_bios_starts():
    assert list(partitions(build(plant=("firmware-mismatch",)))) == ["bios", "root"]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("firmware", "table", "bus"),
    [("bios", "dos", "ide"), ("uefi", "gpt", "nvme")],
)
def test_the_guest_comes_up_from_other_disks_too(firmware, table, bus):
    """On virtio with a GPT it does in test_guest_boots.py, by either firmware."""
    image = build(firmware="both" if table == "gpt" else firmware, table=table)

    told = boot(image, firmware, bus)
    assert told[0].startswith("up host=web-01 kernel=6.") and told[0].endswith(
        f"firmware={firmware}"
    )
    assert told[-1] == "done"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_guest_without_a_boot_loader_says_nothing():
    handed_over: list[float] = []

    def was_handed_over_to(said: str) -> bool:
        """A while ago: a boot loader's first word would be there by now."""
        if not handed_over and LAST_WORDS_OF_BIOS in said:
            handed_over.append(time.monotonic())
        return bool(handed_over) and time.monotonic() - handed_over[0] > 5

    image = build(plant=("no-bootloader",))
    said = console_of(image, "bios", until=was_handed_over_to)

    assert said.partition(LAST_WORDS_OF_BIOS)[2].strip() == ""
    assert handed_over
