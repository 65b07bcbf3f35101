"""Guests that are really broken say on their console what the boot check reads there."""

import subprocess
from pathlib import Path

import pytest

from coldferry.boot_check import Outcome, read_console
from tests.guest import build
from tests.guest.booting import console_of
from tests.guest.files import put_back, take_out
from tests.guest.packages import kernel_version

pytestmark = [pytest.mark.slow(takes_s=300), pytest.mark.timeout(900)]

CAUSES = {
    ("systemd", "bios"): Outcome.BOOTED,
    ("no-initramfs", "bios"): Outcome.NO_ROOT,
    ("no-init", "bios"): Outcome.PANIC,
    ("mount-that-is-gone", "bios"): Outcome.EMERGENCY,
    ("boot-sector-zeroed", "bios"): Outcome.NO_BOOT_LOADER,
    ("no-bootloader", "uefi"): Outcome.NO_BOOT_LOADER,
}
ONLY_IN_THE_END = {
    "no-bootloader": Outcome.NO_BOOT_LOADER,
    "no-serial-console": Outcome.NO_CONSOLE,
    "encrypted-mount": Outcome.PASSPHRASE,
}
_LAST_WORDS = {
    "no-bootloader": "Booting from Hard Disk",
    "encrypted-mount": "Please enter passphrase for disk secret",
}


@pytest.mark.parametrize(("plant", "firmware"), sorted(CAUSES))
def test_a_cause_is_read_from_what_the_guest_says(plant, firmware):
    console = console_of(
        build(plant=(plant,)), firmware, "nvme", timeout_s=300,
        until=lambda said: read_console(said, over=False) is not None,
    )  # fmt: skip
    boot = read_console(console, over=False)

    assert boot is not None, console[-2000:]
    assert boot.outcome is CAUSES[plant, firmware]


@pytest.mark.parametrize("plant", sorted(ONLY_IN_THE_END))
def test_what_may_still_come_is_told_at_the_deadline(plant):
    words = _LAST_WORDS.get(plant)
    console = console_of(
        build(plant=(plant,)), "bios", "nvme", timeout_s=300,
        until=lambda said: words is not None and words in said,
    )  # fmt: skip
    boot = read_console(console, over=True)

    assert read_console(console, over=False) is None
    assert boot is not None
    assert boot.outcome is ONLY_IN_THE_END[plant]


@pytest.mark.timeout(1500)
def test_an_initramfs_of_debian_s_own_names_the_root_device_that_is_not_there(tmp_path):
    image = made_by_debian(build(plant=("root-of-another",), tools="initramfs-tools"), tmp_path)
    console = console_of(
        image, "bios", timeout_s=600, until=lambda said: read_console(said, over=False) is not None
    )
    boot = read_console(console, over=False)

    assert boot is not None, console[-2000:]
    assert boot.outcome is Outcome.NO_ROOT
    assert "root" in boot.line


def made_by_debian(image: Path, folder: Path) -> Path:
    """The guest with the initramfs that its own program makes of its own settings."""
    root = take_out(image, folder)
    words = ["unshare", "--user", "--map-root-user", "chroot", str(root), "mkinitramfs", "-o"]
    path = f"/boot/initrd.img-{kernel_version()}"
    around = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    subprocess.run([*words, path, kernel_version()], env=around, check=True, capture_output=True)
    return put_back(image, root, folder / "made-by-debian.raw")
