"""Drivers that the target's virtual hardware needs."""

from collections.abc import Iterator

from coldferry.errors import Finding
from coldferry.guest.guest import Guest
from coldferry.guest.kernels import Entry

_MOST_KERNELS = 3
"""The default one, and those that a person would choose when it does not start."""


def no_storage_driver(guest: Guest) -> Iterator[Finding]:
    """Without these in the initramfs the kernel does not find its root disk."""
    needed = guest.needs.storage_drivers
    for number, entry in enumerate(_kernels(guest) if needed else ()):
        there = _early(guest, entry)
        lacking = [driver for driver in needed if there is not None and driver not in there]
        if lacking:
            image = entry.initramfs[0] if entry.initramfs else entry.kernel
            release = guest.kernel(entry.kernel).release or "its release"
            yield Finding(
                "inform" if number else "warn",
                "no-storage-driver",
                image,
                f"{'A kernel besides the default one' if number else 'The default kernel'} lacks "
                f"{', '.join(lacking)} in its initramfs: at the target it does not find its disks.",
                f"Add {' '.join(lacking)} to the initramfs and make it anew (in "
                "/etc/initramfs-tools/modules and update-initramfs -u -k "
                f"{release}, or dracut --force --add-drivers).",
            )


def no_network_driver(guest: Guest) -> Iterator[Finding]:
    """One of these is enough, wherever it is: the network comes after the root disk."""
    needed = guest.needs.network_drivers
    for entry in _kernels(guest)[:1] if needed else ():
        kernel = guest.kernel(entry.kernel)
        early = _early(guest, entry)
        if early is None or kernel.modules is None:
            continue
        if not (early | kernel.modules) & set(needed):
            yield Finding(
                "warn",
                "no-network-driver",
                entry.kernel,
                f"The default kernel has none of {', '.join(needed)}: at the target it has no "
                "network.",
                "Install a kernel that has one of them (a cloud or generic kernel of the "
                "distribution).",
            )


def _kernels(guest: Guest) -> list[Entry]:
    """One entry for each kernel, in the order of the boot loader."""
    found = {entry.kernel: entry for entry in reversed(guest.entries)}
    return [e for e in guest.entries if found[e.kernel] is e][:_MOST_KERNELS]


def _early(guest: Guest, entry: Entry) -> frozenset[str] | None:
    """What a kernel has before its root disk; None where that cannot be told."""
    kernel = guest.kernel(entry.kernel)
    images = [guest.initramfs(path) for path in entry.initramfs]
    if any(image.trouble for image in images):
        return None
    builtin = kernel.builtin or frozenset().union(*(image.builtin for image in images))
    if not builtin and not images:
        return None
    return builtin.union(*(image.drivers for image in images))
