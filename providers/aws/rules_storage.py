"""Disks and the root image.

Pages: "Amazon EBS volumes" (whole GiB), "Constraints on the size and configuration of an
EBS volume" (MBR ends at 2 TiB), "Device names for volumes on Amazon EC2 instances",
"Amazon EBS encryption".
"""

import re
from itertools import product
from string import ascii_lowercase

from coldferry.choices import said_or
from coldferry.machine import UNKNOWN, Disk, Machine
from coldferry.root_images import Offer, root_image
from coldferry.rules import Outcome, Rule
from coldferry.verdicts import ACKNOWLEDGE, BLOCK, INFORM, equivalent, exact, impossible
from providers.aws import rules_disk_kind
from providers.aws.catalogue import GIB, Catalogue, Q
from providers.aws.rules_disk_kind import KIND, sized, volume_for
from providers.aws.words import AWS

MBR_BYTES = 2048 * GIB

ROOT_DEVICE = "/dev/xvda"
_DATA_DEVICES = [f"/dev/sd{letter}" for letter in "fghijklmnop"] + [
    f"/dev/xvd{first}{second}" for first, second in product("bcd", ascii_lowercase)
]
"""Those that EC2 recommends for volumes, then the others that it takes."""

_LEGAL_DEVICE = re.compile(r"(/dev/)?(sd|xvd)[a-z]{1,2}[0-9]{0,2}", re.ASCII)


def device_names(machine: Machine) -> list[str | None]:
    """The device name of each disk: EC2's own are kept; None where EC2 has no more names."""
    own = machine.origin.provider == AWS.prefix
    names: list[str | None] = []
    for disk in machine.disks:
        fits = own and _LEGAL_DEVICE.fullmatch(disk.device) and disk.device not in names
        names.append(disk.device if fits else None)
    free = [name for name in _DATA_DEVICES if name not in names]
    for index, disk in enumerate(machine.disks):
        if names[index] is None and disk.root and ROOT_DEVICE not in names:
            names[index] = ROOT_DEVICE
        elif names[index] is None and free:
            names[index] = free.pop(0)
    return names


def _device(question: Q) -> Outcome:
    target = device_names(question.machine)[question.leaf.index[0]]
    if target is None:
        return impossible(
            "EC2 has no device names for so many disks.",
            "Detach disks at the source, or join them, before the move.", consequence=BLOCK,
        )  # fmt: skip
    if target == question.value:
        return exact("EC2 takes the same name.", target)
    return equivalent(
        "EC2 names volumes its own way, and the guest names them anew.", target,
        f"{question.value} becomes {target}: mount by UUID or label, not by device name.",
    )  # fmt: skip


def _size(question: Q) -> Outcome:
    disk: Disk = question.item("disks")
    volume = volume_for(
        question.machine, question.leaf.index[0], question.catalogue, question.answers
    )
    target = volume.size_bytes if volume else sized(disk)
    largest = max((row.max_bytes for row in question.catalogue.volume_types), default=0)
    if target > largest:
        return impossible(
            f"The largest volume has {largest // GIB} GiB.",
            f"This disk has {disk.size_bytes / GIB:.0f} GiB: shrink it at the source first.",
            consequence=BLOCK,
        )
    bios = said_or(question.machine.firmware, question.answers, "firmware") == "bios"
    beyond = disk.root and bios and target > MBR_BYTES
    if target == disk.size_bytes and not beyond:
        return exact("A whole number of GiB.", target)
    words = []
    if target != disk.size_bytes:
        words.append(f"{target - disk.size_bytes} bytes of zeros follow the disk's end.")
    if beyond:
        words.append(
            "A BIOS machine boots from it only while its partition table is GPT, or all that is "
            "used lies below 2 TiB (MBR)."
        )
    return equivalent(
        "Volumes are whole GiB, and each type has a least size.", target,
        " ".join(words), ACKNOWLEDGE if beyond else INFORM,
    )  # fmt: skip


def _encrypted(question: Q) -> Outcome:
    with_key = "With the account's default key for EBS."
    if question.value is True:
        return equivalent("What is encrypted stays encrypted.", target=True, difference=with_key)
    if question.value is False and question.catalogue.encrypts is False:
        return exact("Neither the source nor the region encrypts it.", target=False)
    if question.catalogue.encrypts is True:
        return equivalent("The region encrypts every new volume.", target=True, difference=with_key)
    return equivalent(
        "Encrypted, where it could not be told that it need not be.", target=True,
        difference=with_key,
    )  # fmt: skip


def _deleted(question: Q) -> Outcome:
    if question.value == UNKNOWN:
        return equivalent(
            "The source could not tell.", target=False,
            difference="The volume stays when the instance is terminated.",
        )  # fmt: skip
    return exact("Set with the volume (DeleteOnTermination).", question.value)


def _images(question: Q) -> list[Offer]:
    """Images of the account that fit the machine's architecture and firmware."""
    machine, answers = question.machine, question.answers
    architecture = said_or(machine.architecture, answers, "architecture")
    firmware = said_or(machine.firmware, answers, "firmware")
    return [
        (
            image.id,
            image.name,
            f"{image.platform}, {image.architecture}, {image.firmware}, "
            f"{image.size_bytes / GIB:g} GiB",
        )
        for image in question.catalogue.images
        if architecture in (UNKNOWN, image.architecture) and firmware in (UNKNOWN, image.firmware)
    ]


RULES: dict[str, Rule[Catalogue]] = {
    **rules_disk_kind.RULES,
    **root_image(AWS, "an image (AMI)", _images),
    "disks[].device": AWS.rule(
        "disk.device", _device, about="device names",
        may=("exact", "equivalent", "impossible, block"),
        says="EC2's own device names are kept; other disks get names in their order; the guest "
        "names them anew.",
    ),
    "disks[].size_bytes": AWS.rule(
        "disk.size", _size, about="volume sizes", follows=(KIND, "firmware"),
        may=("exact", "equivalent", "equivalent, acknowledge", "impossible, block"),
        says="Sizes are whole GiB; a BIOS machine's root beyond 2 TiB must be acknowledged (MBR); "
        "a disk larger than any volume blocks the migration.",
    ),
    "disks[].encrypted": AWS.rule(
        "disk.encryption", _encrypted, about="encryption", may=("exact", "equivalent"),
        says="What is encrypted stays encrypted, with the account's default key; the rest as the "
        "region sets it.",
    ),
    "disks[].deleted_with_machine": AWS.rule(
        "disk.kept", _deleted, about="ending", may=("exact", "equivalent"),
        says="Whether a volume ends with the instance is set as at the source; it stays where the "
        "source could not tell.",
    ),
}  # fmt: skip
