"""What stands against moving a VM, all at once.

Pages: "States and billing status of Azure Virtual Machines" (what a deallocation gives up),
"Ephemeral OS disks for Azure VMs", "Hibernating virtual machines", "Azure Spot Virtual Machines",
"Azure Disk Encryption", "Azure confidential VMs", "Share an Azure managed disk", "Restrict managed
disks from being imported or exported", "Tag resources: Limitations".
"""

import re
from collections.abc import Iterator, Sequence

from coldferry.errors import Finding, in_order
from coldferry.machine import Machine
from coldferry.migration import ATTEMPT_TAG, POWER_TAG
from coldferry.ports import PowerState
from providers.azure.client import Arm
from providers.azure.ids import Json, last, part, properties, same
from providers.azure.marks import is_here
from providers.azure.power import state_of

_MAX_TAGS = 50
_SECTOR_BYTES = 512

_SCHEDULED = re.compile(
    r"(auto|vm|azure)?(start|stop|startstop|schedule|shutdown|poweron)(time)?s?"
)
"""Tag keys without their punctuation by which people and runbooks start VMs."""


def findings_of(
    arm: Arm, asked: str, vm: Json, disks: Sequence[Json], machine: Machine
) -> list[Finding]:
    """``refuse`` first, then ``warn``, then ``inform``; ``asked`` is the VM as it was called."""
    found = [
        *_place(arm, asked, vm),
        *_life(vm),
        *_root(vm),
        *(one for disk in disks for one in _disk(vm, disk)),
        *_lost_on_stop(vm, machine),
        *_tags(vm),
    ]
    return in_order(found)


def _refuse(code: str, subject: str, what: str, do: str) -> Finding:
    return Finding("refuse", code, subject, what, do)


def _place(arm: Arm, asked: str, vm: Json) -> Iterator[Finding]:
    name = vm["name"]
    if not is_here(arm, vm):
        yield _refuse(
            "other-resource-group", name,
            f"VM '{name}' is in resource group '{part(vm['id'], 'resourceGroups')}', and the block "
            f"names '{arm.access.resource_group}': its migration could not be found again.",
            "Use a block that names its resource group.",
        )  # fmt: skip
    elif last(asked) != name:
        # A migration's id follows from the name as it is written.
        yield _refuse(
            "other-spelling", name, f"Azure calls VM '{last(asked)}' '{name}'.",
            f"Name it '{name}'.",
        )  # fmt: skip
    if properties(vm).get("host") or properties(vm).get("hostGroup"):
        yield Finding(
            "warn", "dedicated", name, f"VM '{name}' runs on a dedicated host.",
            "See whether its licences or rules ask for that at the target too.",
        )  # fmt: skip


def _life(vm: Json) -> Iterator[Finding]:
    name, said = vm["name"], properties(vm)
    if group := (said.get("virtualMachineScaleSet") or {}).get("id"):
        yield _refuse(
            "in-scaling-group", name,
            f"VM '{name}' belongs to the scale set '{last(group)}', which may replace it when it "
            "stops.",
            "Detach it from the scale set, then plan the migration again.",
        )  # fmt: skip
    if said.get("priority") in ("Spot", "Low"):
        yield _refuse(
            "spot", name, f"VM '{name}' is a Spot VM: Azure may evict it at any time.",
            "Make a regular VM from its disks, and move that one.",
        )  # fmt: skip
    if "hibernationstate/hibernated" in _statuses(vm):
        yield _refuse(
            "hibernated", name,
            f"VM '{name}' is hibernated: its disks hold a paused system, not a shut-down one.",
            "Start it and shut it down from within, then plan the migration again.",
        )  # fmt: skip
    if (said.get("securityProfile") or {}).get("securityType") == "ConfidentialVM":
        yield _refuse(
            "confidential", name,
            f"VM '{name}' is a confidential VM: its disks are sealed to its own hardware.",
            "Copy what is in it from within to a VM that is not confidential.",
        )  # fmt: skip


def _root(vm: Json) -> Iterator[Finding]:
    name, storage = vm["name"], properties(vm).get("storageProfile") or {}
    os_disk = storage.get("osDisk") or {}
    if os_disk.get("diffDiskSettings"):
        yield Finding(
            "warn", "root-not-persistent", name,
            f"The OS disk of VM '{name}' is ephemeral: it is not copied, and Azure can only power "
            "the VM off, not deallocate it.",
            "Copy what is needed of it to a data disk; the new machine's root comes from an image.",
        )  # fmt: skip
    places = [os_disk, *(storage.get("dataDisks") or ())]
    for place in places:
        if (place.get("vhd") or {}).get("uri"):
            yield _refuse(
                "unmanaged-disk", str(place.get("name") or name),
                f"The disk '{place.get('name')}' of VM '{name}' is a blob of a storage account, "
                "not a managed disk.",
                "Convert the VM to managed disks, then plan the migration again.",
            )  # fmt: skip


def _disk(vm: Json, disk: Json) -> Iterator[Finding]:
    name, said = disk["name"], properties(disk)
    holders = [disk.get("managedBy"), *(disk.get("managedByExtended") or ())]
    others = sorted({last(one) for one in holders if one and not same(one, vm["id"])})
    if others:
        yield _refuse(
            "shared-disk", name, f"The disk '{name}' is attached to {', '.join(others)} too.",
            "Detach it there, or leave it out of the machine, then plan again.",
        )  # fmt: skip
    elif int(said.get("maxShares") or 1) > 1:
        yield Finding(
            "warn", "multi-attach", name,
            f"The disk '{name}' may be attached to other machines while it is copied.",
            "See that nobody attaches it until the migration has ended.",
        )  # fmt: skip
    if (said.get("encryptionSettingsCollection") or {}).get("enabled"):
        yield _refuse(
            "guest-encrypted", name,
            f"The disk '{name}' is encrypted in the guest by Azure Disk Encryption: nothing but "
            "this VM gets its key from the key vault.",
            "Switch Azure Disk Encryption off and wait until the disk is decrypted, then plan "
            "again.",
        )  # fmt: skip
    sector = (said.get("creationData") or {}).get("logicalSectorSize")
    if sector and int(sector) != _SECTOR_BYTES:
        yield _refuse(
            "large-sectors", name,
            f"The disk '{name}' has sectors of {sector} bytes: Azure gives out its snapshots as "
            "VHDX, which is not read.",
            "Copy its content to a disk with sectors of 512 bytes, then plan again.",
        )  # fmt: skip
    yield from _guarded(name, said)


def _guarded(name: str, said: Json) -> Iterator[Finding]:
    policy = said.get("networkAccessPolicy") or "AllowAll"
    if policy != "AllowAll":
        yield Finding(
            "warn", "export-restricted", name,
            f"The disk '{name}' may not be exported over the public network ({policy}); its "
            "snapshot can be read there until it is released.",
            "Ask the disk's owner whether that may be.",
        )  # fmt: skip
    if said.get("dataAccessAuthMode") == "AzureActiveDirectory":
        yield Finding(
            "warn", "export-restricted", name,
            f"The disk '{name}' asks for an identity beside a signature; its snapshot is read by "
            "signature alone.",
            "Ask the disk's owner whether that may be.",
        )  # fmt: skip


def _lost_on_stop(vm: Json, machine: Machine) -> Iterator[Finding]:
    name = vm["name"]
    running = state_of(vm) is not PowerState.STOPPED
    can = (properties(vm).get("additionalCapabilities") or {}).get("hibernationEnabled")
    if can and running:
        yield Finding(
            "inform", "hibernation-configured", name,
            f"VM '{name}' can hibernate; it is shut down instead, so what is in its memory only is "
            "lost.",
            "End what runs in it before the migration.",
        )  # fmt: skip
    if machine.ephemeral_disks and running:
        yield Finding(
            "warn", "temporary-disk-lost", name,
            f"Deallocating VM '{name}' loses what is on its temporary disk.",
            "Copy what is needed to another disk before the migration.",
        )  # fmt: skip
    for nic in machine.nics:
        if nic.public_address_kind == "automatic" and nic.public_address:
            yield Finding(
                "warn", "public-address-lost", last(nic.id),
                f"Deallocating VM '{name}' gives its public address {nic.public_address} back for "
                "good.",
                "Point its users to a name, or make the address static, before the move.",
            )  # fmt: skip
        if nic.public_address_kind == "reserved":
            yield Finding(
                "inform", "public-address-stays", last(nic.id),
                f"The public address {nic.public_address} stays with the stopped VM '{name}', and "
                "goes on costing.",
                "Remove it once the new machine has an address of its own.",
            )  # fmt: skip
        if nic.more_private_addresses:
            yield Finding(
                "inform", "secondary-addresses-stay", last(nic.id),
                f"{', '.join(nic.more_private_addresses)} stay with '{last(nic.id)}' of the "
                f"stopped VM '{name}'.",
                "Nothing else can have them until they are taken from it.",
            )  # fmt: skip


def _tags(vm: Json) -> Iterator[Finding]:
    """Two tags of ours must fit; one by which a scheduler starts VMs would start this one."""
    name, tags = vm["name"], vm.get("tags") or {}
    wanted = {key.lower() for key in tags} | {ATTEMPT_TAG, POWER_TAG}
    if len(wanted) > _MAX_TAGS:
        yield _refuse(
            "no-room-for-tags", name,
            f"VM '{name}' has {len(tags)} tags, and Azure allows {_MAX_TAGS}: two more are needed "
            "to keep track of the migration.",
            f"Remove {len(wanted) - _MAX_TAGS} of its tags, then plan the migration again.",
        )  # fmt: skip
    for key, value in tags.items():
        if _SCHEDULED.fullmatch(re.sub(r"[^a-z0-9]", "", key.lower())):
            yield Finding(
                "warn", "scheduled", name,
                f"VM '{name}' bears the tag {key}={value}, by which a runbook may start it again "
                "while it is copied.",
                "Suspend its schedule until the migration has ended.",
            )  # fmt: skip


def _statuses(vm: Json) -> set[str]:
    view = properties(vm).get("instanceView") or {}
    return {str(status.get("code") or "").lower() for status in view.get("statuses") or ()}
