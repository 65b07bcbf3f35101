"""What stands against moving a domain, all at once; the part that its XML tells is pure.

Pages: "Domain XML format" (host devices, TPM, direct kernel boot, NVRAM, shareable disks),
"virsh managedsave", "Disk Image Chains" (libvirt.org).
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterator

from coldferry.errors import Finding
from coldferry.plain import plain
from providers.libvirt.describe import firmware_of
from providers.libvirt.describe_disks import Source, disks_of, root_of
from providers.libvirt.words import QEMU_NS
from providers.libvirt.xml_text import attribute, text_at

FORMATS = ("raw", "qcow2")
"""What a disk's bytes are read from; the XML must name it, since nothing is ever probed."""


def findings_of(domain: ET.Element) -> list[Finding]:
    """What the XML alone tells."""
    name = plain(text_at(domain, "name"))
    disks = disks_of(domain)
    found = [*_machine(name, domain), *(one for disk in disks for one in _disk(disk))]
    if not disks:
        found.append(refusal("no-disk", name, f"{name} has no disk to move.",
                             "There is nothing to copy."))  # fmt: skip
    elif root_of(domain, disks) is None:
        found.append(refusal("no-root", name, f"{name} boots from none of its disks.",
                             "Give its root disk a place in the boot order."))  # fmt: skip
    return found


def refusal(code: str, subject: str, what: str, do: str) -> Finding:
    """A finding that the migration cannot go on with."""
    return Finding("refuse", code, plain(subject), what, do)


def _machine(name: str, domain: ET.Element) -> Iterator[Finding]:
    leased = [one for one in domain.findall("devices/interface") if one.get("type") == "hostdev"]
    for one in [*domain.findall("devices/hostdev"), *leased]:
        yield refusal(
            "host-device", name,
            f"{name} holds a device of its host ({plain(one.get('type', 'unknown'), 20)}).",
            "Detach it: no other host has that device.",
        )  # fmt: skip
    arch = attribute(domain, "os/type", "arch")
    if arch not in ("x86_64", "i686", "aarch64"):
        yield refusal("architecture", name, f"{name} has CPUs of {plain(arch, 20) or 'no kind'}.",
                      "Only x86_64 and arm64 machines are moved.")  # fmt: skip
    if text_at(domain, "os/type", "hvm") != "hvm":
        yield refusal("not-hvm", name, f"{name} is no fully virtualised machine.",
                      "Containers and paravirtual machines are not moved.")  # fmt: skip
    if domain.find("os/kernel") is not None:
        yield refusal("direct-kernel", name, f"{name} boots a kernel from beside its disks.",
                      "Install a boot loader on its root disk.")  # fmt: skip
    if domain.find(f"{{{QEMU_NS}}}commandline") is not None:
        yield Finding("warn", "qemu-arguments", name,
                      f"{name} has arguments for QEMU that libvirt does not know.",
                      "They are not carried: see what they are for.")  # fmt: skip
    if attribute(domain, "devices/tpm/backend", "type") == "passthrough":
        yield refusal("host-tpm", name, f"{name} uses its host's own TPM.",
                      "Give it an emulated one, with the recovery keys at hand.")  # fmt: skip
    if domain.find("os/nvram") is not None or firmware_of(domain) == "uefi":
        yield Finding(
            "warn", "nvram", name,
            f"The UEFI variables of {name} (its boot entries, its own keys) are not carried.",
            "See that it boots from the removable path (\\EFI\\BOOT\\BOOTX64.EFI).",
        )  # fmt: skip
    if domain.find("launchSecurity") is not None:
        yield refusal("sealed-memory", name, f"The memory of {name} is sealed to its host's CPU.",
                      "Take the launch security out first.")  # fmt: skip


def _disk(disk: Source) -> Iterator[Finding]:
    subject = plain(disk.target, 40)
    if disk.transient:
        return
    if disk.kind not in ("file", "block", "volume", "network"):
        yield refusal("disk-kind", subject,
                      f"Disk {subject} is of type {plain(disk.kind, 20)}.",
                      "Files, block devices, volumes and network disks are known.")  # fmt: skip
    elif disk.encrypted:
        yield refusal("disk-encrypted", subject, f"Disk {subject} is encrypted by libvirt.",
                      "Its key stays where it is: make a decrypted volume first.")  # fmt: skip
    elif disk.shared:
        yield refusal("disk-shared", subject, f"Disk {subject} is shared between machines.",
                      "Detach it from all of them but one.")  # fmt: skip
    elif disk.backed:
        yield refusal("disk-chain", subject, f"Disk {subject} rests on another image.",
                      "Merge it first ('virsh blockpull' or 'virsh blockcommit').")  # fmt: skip
    elif disk.format not in FORMATS:
        yield refusal(
            "disk-format", subject,
            f"The format of disk {subject} is {plain(disk.format, 20) or 'not named'}: a format is "
            "never guessed from a disk's content.",
            f"Name its driver's type in the XML, or convert it: {' and '.join(FORMATS)} are read.",
        )  # fmt: skip
