"""Faults by name: each changes a healthy guest's recipe in one way.

A name is a finding's code, alone or with a variant behind a stroke:
``network-pinned-to-mac`` is netplan's way to pin a card, ``network-pinned-to-mac/udev``
is udev's.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.guest import volumes
from tests.guest.healthy import NETWORK, set_grub_defaults
from tests.guest.networks import MAC, network_faults, put
from tests.guest.packages import run
from tests.guest.recipe import Link, Partition, Recipe

Plant = Callable[[Recipe], None]
PLANTS: dict[str, Plant] = {
    name: partial(put, file=file) for name, file in network_faults().items()
}
_HYPERV = {"hv_vmbus", "hv_storvsc", "hv_netvsc", "hv_utils", "pci-hyperv", "mana"}


def _plants(name: str) -> Callable[[Plant], Plant]:
    def known(plant: Plant) -> Plant:
        PLANTS[name] = plant
        return plant

    return known


@_plants("no-storage-driver")
def _without_hyperv_at_boot(guest: Recipe) -> None:
    """The modules are installed, and not in the initramfs: what a guest of Xen or KVM is like."""
    guest.early_drivers -= _HYPERV


@_plants("no-storage-driver/nvme")
def _without_nvme_at_boot(guest: Recipe) -> None:
    """Debian's kernel has it built in; here its list says no, and there is no module."""
    guest.not_built_in = {"nvme", "nvme-core"}


@_plants("no-network-driver")
def _without_cards(guest: Recipe) -> None:
    guest.early_drivers -= {*NETWORK}
    guest.drivers -= {*NETWORK}


@_plants("fstab-device-name")
def _xvdf(guest: Recipe) -> None:
    _data_mount(guest, "/dev/xvdf /srv/data ext4 defaults,nofail 0 2")


@_plants("fstab-device-name/nvme")
def _nvme1n1(guest: Recipe) -> None:
    _data_mount(guest, "/dev/nvme1n1 /srv/data ext4 defaults,nofail 0 2")


@_plants("fstab-device-name/vdb")
def _vdb(guest: Recipe) -> None:
    """As QEMU calls a second disk: of use where the guest is started."""
    _data_mount(guest, "/dev/vdb /srv/data ext4 defaults 0 2")


@_plants("fstab-device-name/crypttab")
def _crypttab(guest: Recipe) -> None:
    guest.files["/etc/crypttab"] = "# Opened later.\nvault /dev/vdb none luks,noauto\n"


@_plants("fstab-device-name/root")
def _root_by_name(guest: Recipe) -> None:
    guest.fstab[0] = "/dev/xvda1 / ext4 rw,discard,errors=remount-ro 0 1"


@_plants("fstab-no-nofail")
def _data_must_be_there(guest: Recipe) -> None:
    _data_mount(guest, f"UUID={guest.uuid('data')} /srv/data ext4 defaults 0 2")


@_plants("swap-on-root-disk")
def _swap_partition(guest: Recipe) -> None:
    content = volumes.swap(guest.uuid("swap"))
    guest.partitions.append(Partition("swap", "8200", 0x82, 4, content))
    guest.fstab.append(f"UUID={guest.uuid('swap')} none swap sw 0 0")


@_plants("swap-on-root-disk/file")
def _swap_file(guest: Recipe) -> None:
    guest.files["/swapfile"] = volumes.swap(guest.uuid("swap"))
    guest.fstab.append("/swapfile none swap sw 0 0")


@_plants("temporary-disk-mount")
def _resource_disk(guest: Recipe) -> None:
    guest.fstab.append("/dev/disk/cloud/azure_resource-part1 /mnt auto defaults 0 2")


@_plants("temporary-disk-mount/waagent")
def _resource_disk_of_the_agent(guest: Recipe) -> None:
    guest.files["/etc/waagent.conf"] = (
        "ResourceDisk.Format=y\nResourceDisk.Filesystem=ext4\n"
        "ResourceDisk.MountPoint=/mnt/resource\nResourceDisk.EnableSwap=y\n"
        "ResourceDisk.SwapSizeMB=2048\n"
    )


@_plants("network-filesystem-mounted")
def _nfs(guest: Recipe) -> None:
    guest.fstab.append("10.0.0.5:/export /srv/shared nfs4 defaults,_netdev 0 0")


@_plants("network-filesystem-mounted/efs")
def _efs(guest: Recipe) -> None:
    guest.fstab.append("fs-0123456789abcdef0:/ /srv/shared efs _netdev,tls 0 0")


@_plants("encrypted-volume")
def _luks(guest: Recipe) -> None:
    content = volumes.luks2(guest.uuid("luks"), guest.noise("luks", 1 << 20))
    guest.partitions.append(Partition("secret", "8309", 0xE8, 18, content))
    guest.files["/etc/crypttab"] = f"secret UUID={guest.uuid('luks')} none luks,nofail\n"
    guest.fstab.append("/dev/mapper/secret /srv/secret ext4 defaults,nofail 0 2")


@_plants("unclean-filesystem")
def _not_unmounted(guest: Recipe) -> None:
    guest.root_pokes.append(lambda image: _debugfs(image, "feature needs_recovery"))


@_plants("unreadable-filesystem")
def _garbage_behind_the_superblock(guest: Recipe) -> None:
    def poke(image: Path) -> None:
        with image.open("r+b") as file:
            file.seek(4096)
            file.write(guest.noise("garbage", 4 << 20))

    guest.root_pokes.append(poke)


@_plants("no-partition-table")
def _no_table(guest: Recipe) -> None:
    def poke(image: Path) -> None:
        with image.open("r+b") as file:
            file.write(bytes(34 * 512))
            file.seek(-33 * 512, 2)
            file.write(bytes(33 * 512))

    guest.disk_pokes.append(poke)


@_plants("no-bootloader")
def _nothing_to_start(guest: Recipe) -> None:
    guest.boot_code, guest.efi_loaders = False, ()


@_plants("no-bootloader/vendor-path-only")
def _only_a_vendor_s_loader(guest: Recipe) -> None:
    """Started through an entry in the firmware's memory, which does not move with the disk."""
    guest.boot_code, guest.efi_loaders = False, ("EFI/debian/grubx64.efi",)


@_plants("firmware-mismatch")
def _bios_only(guest: Recipe) -> None:
    guest.firmware = "bios"
    guest.fstab = [line for line in guest.fstab if "/boot/efi" not in line]


@_plants("boot-device-name")
def _root_argument_by_name(guest: Recipe) -> None:
    guest.root_argument = "/dev/xvda1"


@_plants("boot-device-name/vda")
def _root_argument_of_qemu(guest: Recipe) -> None:
    guest.root_argument = "/dev/vda3"


@_plants("no-serial-console")
def _screen_only(guest: Recipe) -> None:
    guest.command_line = "ro quiet"
    set_grub_defaults(guest)


@_plants("datasource-pinned")
def _only_ec2(guest: Recipe) -> None:
    guest.files["/etc/cloud/cloud.cfg.d/90_dpkg.cfg"] = "datasource_list: [ Ec2, None ]\n"


@_plants("datasource-pinned/azure")
def _only_azure(guest: Recipe) -> None:
    guest.files["/etc/cloud/cloud.cfg.d/90_dpkg.cfg"] = "datasource_list: [ Azure ]\n"


@_plants("datasource-pinned/later-file")
def _a_later_file_decides(guest: Recipe) -> None:
    guest.files["/etc/cloud/cloud.cfg.d/99-installer.cfg"] = (
        "# The installer's.\ndatasource_list:\n  - Ec2\n  - None\n"
    )


@_plants("datasource-pinned/ds-identify")
def _pinned_for_the_generator(guest: Recipe) -> None:
    guest.files["/etc/cloud/ds-identify.cfg"] = "datasource: Ec2\n"


@_plants("source-agent")
def _ssm(guest: Recipe) -> None:
    _agent(guest, "amazon-ssm-agent", "3.3.1611.0-1")


@_plants("source-agent/walinuxagent")
def _waagent(guest: Recipe) -> None:
    _agent(guest, "walinuxagent", "2.7.3.0-1")


@_plants("no-target-agent")
def _nothing_that_knows_a_cloud(guest: Recipe) -> None:
    guest.packages = [one for one in guest.packages if one[0] != "cloud-init"]
    for path in [path for path in guest.files if path.startswith("/etc/cloud/")]:
        del guest.files[path]


@_plants("hostile-words")
def _hostile(guest: Recipe) -> None:
    """Names and labels that would run as commands where a script did not quote them."""
    evil = "$(touch pwned)`touch pwned`;touch pwned;'\"&|\\"
    guest.files[f"/etc/netplan/{evil}.yaml"] = _ETHERNET + f"      match: {{macaddress: '{MAC}'}}\n"
    word = evil.replace("\\", "\\134").replace(" ", "\\040")
    guest.fstab.append(f"LABEL={word} /srv/{word} ext4 defaults 0 2")
    guest.fstab.append(f"/dev/xvdg /srv/by-name-{word} ext4 defaults,nofail 0 2")


def _data_mount(guest: Recipe, line: str) -> None:
    guest.fstab = [one for one in guest.fstab if "/srv/data" not in one] + [line]


def _agent(guest: Recipe, package: str, version: str) -> None:
    guest.packages.append((package, version))
    unit = f"/usr/lib/systemd/system/{package}.service"
    guest.files[unit] = (
        f"[Unit]\nDescription={package}\n\n[Service]\nExecStart=/usr/bin/{package}\n\n"
        "[Install]\nWantedBy=multi-user.target\n"
    )
    guest.files[f"/etc/systemd/system/multi-user.target.wants/{package}.service"] = Link(unit)


def _debugfs(image: Path, order: str) -> None:
    run("debugfs", "-w", "-R", order, image)


_ETHERNET = "network:\n  version: 2\n  ethernets:\n    eth0:\n      dhcp4: true\n"
