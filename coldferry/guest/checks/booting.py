"""What starts the guest: firmware, boot loader, the kernel's arguments."""

from collections.abc import Iterator

from coldferry.errors import Finding
from coldferry.guest.guest import Guest
from coldferry.guest.naming import DEVICE_NAME
from coldferry.machine import UNKNOWN

_DEVICE_ARGUMENTS = ("root", "resume")


def no_bootloader(guest: Guest) -> Iterator[Finding]:
    """Nothing on the root disk that firmware would start."""
    if guest.root_disk is None or guest.disks[guest.root_disk].table.kind is None:
        return
    disk = f"disk{guest.root_disk}"
    if not guest.boots.firmwares:
        yield Finding(
            "warn",
            "no-bootloader",
            disk,
            "Neither a BIOS nor UEFI firmware finds a boot loader on the root disk.",
            "Install one in the guest (grub-install, bcdboot), or check which disk it boots from.",
        )
    elif guest.boots.vendor_only:
        yield Finding(
            "warn",
            "no-bootloader",
            guest.boots.vendor_only,
            "The system partition has loaders, but none at \\EFI\\BOOT: firmware that never "
            "started this disk looks nowhere else.",
            "Install the loader as the fallback, too (grub-install --removable, or "
            "dpkg-reconfigure grub-efi).",
        )


def firmware_mismatch(guest: Guest) -> Iterator[Finding]:
    """The source says one thing, the disk another: the source's word is kept, a person told."""
    machine, evidence = guest.machine, guest.evidence
    boots = evidence.firmwares
    if machine.firmware != UNKNOWN and boots and machine.firmware not in boots:
        yield _mismatch("firmware", machine.firmware, boots[0], "The root disk boots with {}.")
    for field, said, found in (
        ("architecture", machine.architecture, evidence.architecture),
        ("os_family", machine.os_family, evidence.os_family),
    ):
        if UNKNOWN != said != found is not None:
            yield _mismatch(field, str(said), str(found), "The guest's files are {}'s.")


def _mismatch(field: str, said: str, found: str, words: str) -> Finding:
    return Finding(
        "warn",
        "firmware-mismatch",
        field,
        f"The source says {said}. {words.format(found)}",
        "Find out which is right before the machine is halted; the source's word is kept.",
    )


def boot_device_name(guest: Guest) -> Iterator[Finding]:
    """The kernel is told to look for its root by a name that another cloud does not give."""
    for entry in guest.entries[:1]:
        for key in _DEVICE_ARGUMENTS:
            for name in entry.argument(key):
                if DEVICE_NAME.fullmatch(name):
                    yield Finding(
                        "warn",
                        "boot-device-name",
                        entry.source,
                        f"The kernel is started with {key}={name}: disks have other names at "
                        "another cloud.",
                        f"Name it by {key}=UUID=… in the boot loader's settings and write its "
                        "configuration anew (update-grub, grub2-mkconfig).",
                    )


def no_serial_console(guest: Guest) -> Iterator[Finding]:
    """Nothing will be seen of a boot that fails."""
    wanted = guest.needs.console
    for entry in guest.entries[:1] if wanted else ():
        consoles = [value.partition(",")[0] for value in entry.argument("console")]
        if wanted not in consoles:
            yield Finding(
                "warn",
                "no-serial-console",
                entry.source,
                f"The kernel does not write to {wanted}: the target's serial console stays empty.",
                f"Add console=tty0 console={wanted} to the kernel's arguments in the boot "
                "loader's settings.",
            )
