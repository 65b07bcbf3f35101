"""Interfaces and disks.

An interface names a network of the package; whoever deploys it says which of theirs that
is. Disks hang on the controllers of the hardware that was chosen.
"""

import re
from typing import Any

from coldferry.machine import UNKNOWN, Disk
from coldferry.migration import slug
from coldferry.placement import kept
from coldferry.rules import Outcome, Rule, Unfit
from coldferry.translation import ACKNOWLEDGE as ACKNOWLEDGED
from coldferry.verdicts import BLOCK, equivalent, exact, impossible, lost, missing, same_or
from providers.ovf.catalogue import MAX_DISK_BYTES, Catalogue, Q
from providers.ovf.rules_machine import DEVICES_FOLLOW, chosen
from providers.ovf.words import OVF

SUBNET = "nics[].subnet_id"
_NETWORK = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,78}[A-Za-z0-9])?")
_VSPHERE = "VM Network"
_SECTOR_BYTES = 512


def _network(question: Q) -> Outcome:
    own = slug(str(question.value).rstrip("/").rpartition("/")[2], 40)
    own = f"net-{own}" if own == ACKNOWLEDGED else own  # that word would answer otherwise
    offered = [(own, "named as its subnet at the source"), (_VSPHERE, "vSphere's own first one")]
    return missing(
        "The network of the package that the interface is on: whoever deploys it says which of "
        "theirs that is.",
        offered, pattern=f"^{_NETWORK.pattern}$", example=own, proposal=own,
    )  # fmt: skip


def _accept_network(question: Q, said: Any) -> Outcome:
    name = str(said)
    if not _NETWORK.fullmatch(name):
        raise Unfit(f"'{name}' is no network's name: letters, digits, ' ', '.', '_' and '-'")
    return equivalent(
        "Chosen by a person.", name, f"{question.value} becomes the package's network '{name}'."
    )


def _network_id(question: Q) -> Outcome:
    said = question.answers.get(f"nics[{question.leaf.index[0]}].subnet_id")
    name = str(said) if said is not None else None
    return equivalent("Follows from subnet_id.", name, "The network is the package's.")


def _mac(question: Q) -> Outcome:
    if question.value == UNKNOWN:
        return exact("The source could not tell, and none is written.", UNKNOWN)
    return equivalent(
        "Written as the interface's address.", question.value,
        "Most importers give the interface another one: see to licences and network settings "
        "that are bound to it.",
    )  # fmt: skip


def _device(question: Q) -> Outcome:
    profile, index = chosen(question), question.leaf.index[0]
    if profile is None:
        return equivalent("Follows from instance_type.", None)
    copied = kept(question.machine, question.answers)
    target = profile.device(copied.index(index))
    return same_or(
        question, target, "Counted on the package's controllers.",
        f"{question.value} becomes {target}: mount by UUID or label, not by device name.",
    )  # fmt: skip


def _kind(question: Q) -> Outcome:
    profile = chosen(question)
    if profile is None:
        return equivalent("Follows from instance_type.", None)
    return same_or(
        question, profile.disks, "Follows from instance_type.",
        f"{question.value} becomes a disk at a controller '{profile.disks}'.",
    )  # fmt: skip


def _size(question: Q) -> Outcome:
    whole = -(-question.value // _SECTOR_BYTES) * _SECTOR_BYTES
    if whole > MAX_DISK_BYTES:
        return impossible(
            f"The largest VMDK has {MAX_DISK_BYTES >> 40} TiB.",
            "Shrink the disk at the source, or leave it behind.", consequence=BLOCK,
        )  # fmt: skip
    return same_or(
        question, whole, "Whole sectors of 512 bytes.",
        f"{whole - question.value} bytes of zeros follow the disk's end.",
    )  # fmt: skip


def _encrypted(question: Q) -> Outcome:
    if question.value is False:
        return exact("Not encrypted, as at the source.", target=False)
    was = "was encrypted" if question.value is True else "may have been encrypted"
    return lost(
        "The disks of a package are not encrypted.",
        f"It {was} at the source: whoever can read the folder can read the disk now.",
        target=False,
    )


def _key(_question: Q) -> Outcome:
    return lost(
        "A customer's key stays in the source's key store.",
        "The package's disk is not encrypted by any key.",
    )


def _root(question: Q) -> Outcome:
    disk: Disk = question.item("disks")
    return exact("The first disk is the one to start from.", disk.root)


RULES: dict[str, Rule[Catalogue]] = {
    "nics[].network_id": OVF.rule(
        "nic.network", _network_id, about="networks", may=("equivalent",), follows=(SUBNET,),
        instead="Answer the interface's subnet_id.",
        says="The network is the package's that was chosen for the interface.",
    ),
    SUBNET: OVF.rule(
        "nic.subnet", _network, _accept_network, about="networks", may=("missing", "equivalent"),
        says="How the interface's network is called in the package is a person's decision; "
        "whoever deploys it says which of theirs that is.",
    ),
    "nics[].mac": OVF.rule(
        "nic.mac", _mac, about="interfaces", may=("exact", "equivalent"),
        says="The MAC address is written; most importers give another one.",
    ),
    "disks[].device": OVF.rule(
        "disk.place", _device, about="controllers", may=("exact", "equivalent"),
        follows=DEVICES_FOLLOW,
        says="Disks hang on the package's controllers in their order.",
    ),
    "disks[].kind": OVF.rule(
        "disk.controller", _kind, about="controllers", may=("exact", "equivalent"),
        follows=("instance_type",), instead="Answer instance_type.",
        says="What a disk hangs on follows from the hardware that was chosen.",
    ),
    "disks[].root": OVF.rule(
        "disk.root", _root, about="disks", may=("exact",),
        says="The root disk is the first one, which importers start from.",
    ),
    "disks[].size_bytes": OVF.rule(
        "disk.size", _size, about="disk size",
        may=("exact", "equivalent", "impossible, block"),
        says="Sizes are whole sectors; a disk larger than a VMDK can be blocks the migration.",
    ),
    "disks[].encrypted": OVF.rule(
        "disk.encryption", _encrypted, about="encryption",
        may=("exact", "dropped, acknowledge"),
        says="A package's disks are not encrypted; where the source's were, or may have been, "
        "that must be acknowledged.",
    ),
    "disks[].key_id": OVF.rule(
        "disk.key", _key, about="encryption", may=("exact", "dropped, acknowledge"),
        says="A customer's key stays in the source's key store; that must be acknowledged.",
    ),
}  # fmt: skip
