"""Whether what a migration made was used since, so that nobody's new data is thrown away.

Page: "Disks - Get" (LastOwnershipUpdateTime: when a disk was last attached or
detached, or its VM started or deallocated). The moment at which the new VM was
left stopped is written on the VM and on each of its disks: a VM can be deleted
and made anew from the same disks.
"""

import datetime as dt
import time
from collections.abc import Iterator

from coldferry.errors import Conflict, Finding
from coldferry.migration import ATTEMPT_TAG, MIGRATION_TAG, POWER_TAG, Marks, State
from coldferry.ports import PowerState
from providers.azure import beside, power
from providers.azure.client import Arm
from providers.azure.ids import Json, last, properties, tag
from providers.azure.kinds import DISK, VM

PROVEN_TAG = "coldferry:proven"
"""On the new VM and its disks: the last change of the disks' ownership by then (ISO 8601)."""

_STAYED = frozenset({State.REJECTED, State.ROLLED_BACK})
"""Only so does a next move end with the VM where it is: once finalised, another runs for it."""

_ATTACHED_TIMEOUT_S = 120.0


def at_stake(arm: Arm, migration: str, *, arrived: bool) -> list[Finding]:
    """See ``Target.at_stake``."""
    vms = [vm for vm in arm.in_group(VM) if tag(vm, MIGRATION_TAG) == migration]
    disks = [disk for disk in arm.in_group(DISK) if tag(disk, MIGRATION_TAG) == migration]
    ours = {vm["id"].lower() for vm in vms}
    return [
        *(one for vm in vms for one in beside.foreign(arm, vm, migration)),
        *(one for vm in vms for one in _leaving(vm)),
        *(one for disk in disks for one in _held(disk, ours)),
        *(one for vm in vms for one in _vm_used(arm, vm, arrived=arrived)),
        *(one for disk in disks for one in _disk_used(disk, arrived=arrived)),
    ]


def _leaving(vm: Json) -> Iterator[Finding]:
    """It is the source of a migration of its own by now, or was: another may run in its place."""
    marks = Marks.parse(tag(vm, ATTEMPT_TAG) or "", tag(vm, POWER_TAG), vm["name"])
    if marks is not None and marks.state not in _STAYED:
        yield Finding(
            "refuse", "moved-on", vm["name"],
            f"VM '{vm['name']}' is the source of {marks.migration}, which is {marks.state}.",
            "The machine that it made has taken over: finalise this migration, too."
            if marks.state is State.FINALISED
            else f"Go on with it, or undo it first with 'coldferry rollback {marks.migration}'.",
        )  # fmt: skip


def _held(disk: Json, ours: set[str]) -> Iterator[Finding]:
    owner = disk.get("managedBy")
    if owner and owner.lower() not in ours:
        yield Finding(
            "refuse", "disk-held", disk["name"],
            f"Disk '{disk['name']}' is attached to VM '{last(owner)}', which this migration did "
            "not make.",
            "Detach it there, or keep it: a disk without the migration's tag is never removed.",
        )  # fmt: skip


def _vm_used(arm: Arm, vm: Json, *, arrived: bool) -> Iterator[Finding]:
    proven = _moment(tag(vm, PROVEN_TAG))
    if proven is None and not arrived and not tag(vm, PROVEN_TAG):
        return  # it was never left stopped: production did not have it yet
    state = power.state_of(power.read_vm(arm, vm["name"]))
    if state is not PowerState.STOPPED or proven is None:
        words = "runs" if state is not PowerState.STOPPED else "bears no proof any more"
        yield _used(vm["name"], f"The VM '{vm['name']}' {words}.")


def _disk_used(disk: Json, *, arrived: bool) -> Iterator[Finding]:
    written = tag(disk, PROVEN_TAG)
    proven, changed = _moment(written), changed_at(disk)
    if proven is None and (written or arrived):
        yield _used(disk["name"], f"Disk '{disk['name']}' bears no proof any more.")
    elif proven is not None and changed is not None and changed > proven:
        yield _used(
            disk["name"], f"Disk '{disk['name']}' was used by a machine since it was proven."
        )


def _used(subject: str, what: str) -> Finding:
    return Finding("warn", "used", subject, what)


def record_proof(arm: Arm, name: str) -> None:
    """Write on the VM, and before that on its disks, when they were left stopped."""
    deadline = time.monotonic() + _ATTACHED_TIMEOUT_S
    vm = power.read_vm(arm, name)
    while not (known := _ownership(arm, vm)) and time.monotonic() < deadline:
        time.sleep(1)
    if not known:
        raise Conflict(
            f"Azure does not say when the disks of VM '{name}' last changed hands.",
            "Run the same command again.",
        )
    newest = max(moment for _, moment in known).isoformat()
    for disk, _ in known:
        if tag(disk, MIGRATION_TAG) == tag(vm, MIGRATION_TAG):
            arm.set_tags(DISK, disk["name"], (disk.get("tags") or {}) | {PROVEN_TAG: newest})
    arm.set_tags(VM, name, (vm.get("tags") or {}) | {PROVEN_TAG: newest})


def _ownership(arm: Arm, vm: Json) -> list[tuple[Json, dt.datetime]]:
    """The VM's disks that say when they last changed hands, and when."""
    found = [arm.find(DISK, last(disk_id)) for disk_id in disk_ids(vm)]
    return [(disk, moment) for disk in found if disk and (moment := changed_at(disk))]


def disk_ids(vm: Json) -> list[str]:
    """The ids of a VM's managed disks, OS disk first, then by LUN."""
    storage = properties(vm).get("storageProfile") or {}
    data = sorted(storage.get("dataDisks") or (), key=lambda disk: int(disk["lun"]))
    found = [storage.get("osDisk") or {}, *data]
    managed = [disk.get("managedDisk") or {} for disk in found]
    return [disk["id"] for disk in managed if disk.get("id")]


def changed_at(disk: Json) -> dt.datetime | None:
    """When a disk last changed hands, None where Azure does not say."""
    said = properties(disk)
    return _moment(said.get("LastOwnershipUpdateTime") or said.get("lastOwnershipUpdateTime"))


def _moment(text: object) -> dt.datetime | None:
    """None for what is no moment: whoever may write tags may write anything there."""
    try:
        found = dt.datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)
