"""Disks: sparse raw volumes in a pool, on a bus that the guest can boot from."""

import re
from string import ascii_lowercase
from typing import Any

from coldferry.placement import DISK, kept
from coldferry.plain import size
from coldferry.rules import Outcome, Rule, Unfit
from coldferry.verdicts import BLOCK, dropped, equivalent, exact, impossible, lost, missing
from providers.libvirt.catalogue import Catalogue, Q
from providers.libvirt.dialect import LIBVIRT
from providers.libvirt.rules_machine import family_for, family_of

BUSES = {"virtio": "vd", "scsi": "sd", "sata": "sd", "ide": "hd"}
"""The buses that disks are put on, and how their names begin."""

_SECTOR_BYTES = 512
_IDE_PLACES = 4


def device(bus: str, place: int) -> str:
    """``vda (virtio)``: the name that libvirt and the guest count by."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = ascii_lowercase[rest] + letters
    return f"{BUSES[bus]}{letters} ({bus})"


def bus_of(said: str) -> str:
    """The bus of ``vda (virtio)``."""
    return said.rpartition("(")[2].rstrip(")")


def _place(question: Q) -> int:
    return kept(question.machine, question.answers).index(question.leaf.index[0])


def _bus(question: Q) -> str:
    own = re.search(r"\((\w+)\)$", str(question.value))
    if question.machine.origin.provider == "libvirt" and own and own[1] in BUSES:
        ide = own[1] == "ide"
        if not ide or (family_for(question) == "pc" and _place(question) < _IDE_PLACES):
            return own[1]
    return "sata" if family_of(question) == "windows" else "virtio"


def _device(question: Q) -> Outcome:
    bus = _bus(question)
    target = device(bus, _place(question))
    if target == question.value:
        return exact("On the same bus, in the same place.", target)
    why = "Windows has drivers for SATA." if bus == "sata" else f"On the {bus} bus, in its order."
    return equivalent(
        why, target,
        f"{question.value or 'No name'} becomes {target}: mount by UUID or label, not by device "
        "name.",
    )  # fmt: skip


def _accept_device(question: Q, said: Any) -> Outcome:
    bus = str(said)
    if bus not in BUSES or (bus == "ide" and _place(question) >= _IDE_PLACES):
        raise Unfit(f"'{said}' is no bus for this disk: {', '.join(BUSES)} (the first four)")
    return equivalent("Chosen by a person.", device(bus, _place(question)), f"On the {bus} bus.")


def _size(question: Q) -> Outcome:
    target = -(-question.value // _SECTOR_BYTES) * _SECTOR_BYTES
    if target == question.value:
        return exact("A sparse volume of the same size.", target)
    return equivalent(
        "A disk is whole sectors of 512 bytes.", target,
        f"{target - question.value} bytes of zeros follow the disk's end.",
    )  # fmt: skip


def _kind(question: Q) -> Outcome:
    places = {one.name: one for one in question.catalogue.pools}
    if not places:
        return impossible(
            "The host has no active pool of folders.",
            "Define and start one (dir, fs or netfs), then plan again.", consequence=BLOCK,
        )  # fmt: skip
    named = question.catalogue.pool or (next(iter(places)) if len(places) == 1 else "")
    if named in places:
        return equivalent("The pool that the block names, or the only one.", named,
                          f"{question.value or '-'} becomes a volume in {named}.")  # fmt: skip
    return missing(
        "Which pool the disk is made in is a person's decision.",
        [(one.name, f"{size(one.available_bytes)} left") for one in places.values()],
    )


def _accept_kind(question: Q, said: Any) -> Outcome:
    if said not in [one.name for one in question.catalogue.pools]:
        raise Unfit(f"'{said}' is no active pool of folders")
    return equivalent("Chosen by a person.", said, f"A raw volume in {said}.")


def _figure(_question: Q) -> Outcome:
    return dropped("The pool's own storage decides.",
                   "Nothing is promised, and nothing is throttled.")  # fmt: skip


def _encrypted(question: Q) -> Outcome:
    """What may be encrypted at the source, as nobody knows, is asked about, too."""
    if question.value is False:
        return exact("Neither is it at the source.", target=False)
    was = "was encrypted" if question.value is True else "may have been encrypted"
    return lost(
        "Volumes are made without encryption.",
        f"The disk, which {was}, lies in clear in a pool that is not encrypted itself.",
        target=False,
    )


def _key(_question: Q) -> Outcome:
    return lost("A customer's key stays in the source's key store.",
                "The new volume is encrypted with none.")  # fmt: skip


def _deleted(question: Q) -> Outcome:
    if question.value is False:
        return exact("Volumes stay when the machine is undefined.", target=False)
    return equivalent("Volumes stay when the machine is undefined.", target=False,
                      difference="It is to be deleted by itself.")  # fmt: skip


def _image(_question: Q) -> Outcome:
    return impossible(
        "The root is made anew from an image at each start, and nothing here can stand for it.",
        "Give the machine a persistent root first.", consequence=BLOCK,
    )  # fmt: skip


_FIGURES: dict[str, Any] = {
    "about": "pools", "may": ("exact", "dropped"),
    "says": "The pool's own storage decides: nothing is promised, and nothing throttled.",
}  # fmt: skip

RULES: dict[str, Rule[Catalogue]] = {
    "disks[].device": LIBVIRT.rule(
        "disk.bus", _device, _accept_device, about="disks", may=("exact", "equivalent"),
        follows=(DISK, "os_family", "architecture", "firmware"),
        says="On virtio, or on SATA for Windows, in the description's order; a libvirt machine's "
        f"bus is kept. A person may name another: {', '.join(BUSES)}.",
    ),
    "disks[].size_bytes": LIBVIRT.rule(
        "disk.size", _size, about="pools", may=("exact", "equivalent"),
        says="A sparse raw volume of the same size, in whole sectors.",
    ),
    "disks[].kind": LIBVIRT.rule(
        "disk.pool", _kind, _accept_kind, about="pools",
        may=("equivalent", "missing", "impossible, block"),
        says="The pool is the one that the block names, or the only one; else it is asked for.",
    ),
    "disks[].medium": LIBVIRT.rule("disk.medium", _figure, **_FIGURES | {"may": ("dropped",)}),
    "disks[].iops": LIBVIRT.rule("disk.iops", _figure, **_FIGURES),
    "disks[].throughput_bytes_s": LIBVIRT.rule("disk.throughput", _figure, **_FIGURES),
    "disks[].encrypted": LIBVIRT.rule(
        "disk.encryption", _encrypted, about="encryption",
        may=("exact", "dropped, acknowledge"),
        says="Volumes are not encrypted; where the source's were, or may have been, "
        "that must be acknowledged.",
    ),
    "disks[].key_id": LIBVIRT.rule(
        "disk.key", _key, about="encryption", may=("exact", "dropped, acknowledge"),
        says="A customer's key stays where it is; that must be acknowledged.",
    ),
    "disks[].deleted_with_machine": LIBVIRT.rule(
        "disk.kept", _deleted, about="pools", may=("exact", "equivalent"),
        says="Volumes stay when a machine is undefined.",
    ),
    "root_image.image": LIBVIRT.rule(
        "root-image", _image, may=("impossible, block",),
        says="A root that is not persistent blocks: nothing here can stand for it.",
    ),
}  # fmt: skip
