"""Guests that do not come up, each broken as real ones are; the words on the console are real.

With ``systemd`` a guest has Debian's own, unpacked: it is what knows an emergency, and what asks
for a passphrase.
"""

from pathlib import Path

from tests.guest import volumes
from tests.guest.recipe import Link, Partition, Recipe
from tests.guest.tools import unpacked_tree

_SYSTEM = ("systemd-sysv", "udev", "base-files", "bash", "coreutils", "dash", "libc-bin", "login",
    "mount", "passwd", "sed", "util-linux",
)  # fmt: skip
_GONE = "00000000-0000-4000-8000-00000000dead"


def no_initramfs(guest: Recipe) -> None:
    """The kernel alone knows no UUID of a file system: its root device is not there."""
    guest.has_initramfs = False


def root_of_another(guest: Recipe) -> None:
    """As after a copy into a disk that was formatted anew."""
    guest.root_argument = f"UUID={_GONE}"


def boot_sector_zeroed(guest: Recipe) -> None:
    """Not even the mark that there is something to start."""

    def poke(image: Path) -> None:
        with image.open("r+b") as file:
            file.write(bytes(512))

    guest.disk_pokes.append(poke)


def no_init(guest: Recipe) -> None:
    """Nothing to hand over to: the first process ends, and the kernel with it."""
    del guest.files["/usr/sbin/init"]
    guest.executable.discard("/usr/sbin/init")


def systemd(guest: Recipe) -> None:
    """Debian's systemd as the first process, with a prompt on each console."""
    unpacked_tree(guest, "systemd", _SYSTEM)
    guest.files["/usr/bin/sh"] = Link("dash")
    guest.files["/usr/sbin/init"] = Link("../lib/systemd/systemd")
    guest.executable.discard("/usr/sbin/init")
    guest.files["/lib64"] = Link("usr/lib64")
    guest.files["/etc/passwd"] = "root:x:0:0:root:/root:/bin/bash\n"
    guest.files["/etc/shadow"] = "root:*:19700:0:99999:7:::\n"
    guest.files["/etc/group"] = "root:x:0:\ntty:x:5:\ndisk:x:6:\n"
    guest.files["/etc/systemd/system/default.target"] = Link(
        "/usr/lib/systemd/system/multi-user.target"
    )
    guest.fstab = [line for line in guest.fstab if "/boot/efi" not in line]
    guest.early_drivers |= {"dm_mod"}
    guest.drivers |= {"dm_mod", "dm_crypt"}
    guest.root_mib = 320


def mount_that_is_gone(guest: Recipe) -> None:
    """A device of fstab that stayed behind, without nofail."""
    systemd(guest)
    guest.fstab.append(f"UUID={_GONE} /srv/gone ext4 defaults,x-systemd.device-timeout=5s 0 2")


def encrypted_mount(guest: Recipe) -> None:
    """A volume that fstab needs, and whose passphrase a person types."""
    systemd(guest)
    content = volumes.luks2(guest.uuid("luks"), guest.noise("luks", 1 << 20))
    guest.partitions.append(Partition("secret", "8309", 0xE8, 18, content))
    guest.files["/etc/crypttab"] = f"secret UUID={guest.uuid('luks')} none luks\n"
    guest.fstab.append("/dev/mapper/secret /srv/secret ext4 defaults 0 2")


BOOT_PLANTS = {
    "no-initramfs": no_initramfs,
    "root-of-another": root_of_another,
    "boot-sector-zeroed": boot_sector_zeroed,
    "no-init": no_init,
    "systemd": systemd,
    "mount-that-is-gone": mount_that_is_gone,
    "encrypted-mount": encrypted_mount,
}
