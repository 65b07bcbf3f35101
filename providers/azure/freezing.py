"""Freezing a VM's disks: an incremental snapshot of each, in the block's resource group.

Azure has no call that freezes several disks at one moment; those of a deallocated VM do not
change, so that each snapshot shows the same moment. Of a VM that runs every disk has its own.

Pages: "Create an incremental snapshot for managed disks" (``completionPercent`` is below 100
while a snapshot of an Ultra or Premium SSD v2 disk is filled), "Snapshots - Create Or Update",
"Disks - Get" (LastOwnershipUpdateTime: when a disk was last attached or detached, or its VM
started or deallocated).
"""

import hashlib
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from coldferry.errors import Conflict, Transient
from coldferry.migration import MIGRATION_TAG, TAG_PREFIX
from coldferry.plan import Device
from coldferry.ports import Erased, FrozenDisk, Owned, PowerState
from providers.azure import ownership, power
from providers.azure.client import Arm
from providers.azure.disks import DEVICE_TAG
from providers.azure.ids import Json, last, part, properties, same, tag
from providers.azure.keeping import is_whole
from providers.azure.kinds import DISK, SNAPSHOT
from providers.azure.stakes import changed_at, disk_ids

FREEZE_TAG = f"{TAG_PREFIX}freeze"
"""On each frozen disk: when its disk had last changed hands before it (ISO 8601).

Azure sets another moment when the VM is started, so another one now means that the VM ran since.
"""

_AT_ONCE = 8
_COMPLETE_WITHIN_S = 24 * 3600.0
_PAUSE_S = 2.0
_NAME_CHARS = 80


@dataclass(frozen=True)
class _Wanted:
    """A snapshot as it has to be; its name follows from the migration, the device and the moment.

    One from before the VM ran again has another name, and is not found.
    """

    migration: str
    device: Device
    disk: Json
    moment: str

    @property
    def name(self) -> str:
        told = hashlib.sha256(f"{self.disk['id'].lower()} {self.moment}".encode()).hexdigest()[:8]
        end = f"-{self.device.name}-{told}"
        return f"{self.migration[: _NAME_CHARS - len(end)]}{end}"

    @property
    def body(self) -> Json:
        return {
            "location": self.disk["location"],
            "sku": {"name": "Standard_LRS"},
            "tags": {
                MIGRATION_TAG: self.migration,
                FREEZE_TAG: self.moment,
                DEVICE_TAG: self.device.name,
            },
            "properties": {
                "creationData": {"createOption": "Copy", "sourceResourceId": self.disk["id"]},
                "incremental": True,
                "networkAccessPolicy": "AllowAll",
            },
        }


def freeze(arm: Arm, vm: str, migration: str, devices: Sequence[Device]) -> list[FrozenDisk]:
    """A complete snapshot of each device, in their order.

    Raises Conflict when a disk is not attached any more or Azure does not say when it last
    changed hands, Transient when a snapshot is not complete in a day, and what Azure refuses.
    """
    if not devices:
        return []
    attached = disk_ids(power.read_vm(arm, vm))
    wanted = [_wanted(arm, vm, migration, device, attached) for device in devices]
    _remove_void(arm, migration, wanted)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        made = list(pool.map(lambda one: _ensure(arm, one), wanted))
    _wait(arm, [one.name for one in wanted])
    return [FrozenDisk(migration, device, ref) for device, ref in zip(devices, made, strict=True)]


def started_since(arm: Arm, vm: str, frozen: Sequence[FrozenDisk]) -> bool:
    """Whether the VM runs, or a disk changed hands since its snapshot."""
    if power.state_of(power.read_vm(arm, vm)) is not PowerState.STOPPED:
        return True
    found = [arm.find(SNAPSHOT, last(disk.ref)) for disk in frozen]
    return any(not _is_current(arm, one) for one in found if one is not None)


def ran_since(arm: Arm, vm: str, migration: str) -> bool | None:
    """The same of the snapshots that a fresh listing has; None when there are none."""
    found = power.read_vm(arm, vm)
    rows = _frozen(arm, migration)
    if not rows:
        return None
    running = power.state_of(found) is not PowerState.STOPPED
    return running or not any(_is_current(arm, one) for one in rows)


def release(arm: Arm, migration: str) -> list[Erased]:
    """End access to each frozen disk of the migration on a fresh listing, and delete it."""
    return [
        gone for one in _frozen(arm, migration) if (gone := _erase(arm, migration, one)) is not None
    ]


def frozen(arm: Arm, migration: str) -> list[Owned]:
    """Each frozen disk of the migration; its lasting copies are snapshots, too, and are none."""
    return [_owned(migration, one) for one in _frozen(arm, migration)]


def _wanted(arm: Arm, vm: str, migration: str, device: Device, attached: list[str]) -> _Wanted:
    disk_id = device.disk.id
    disk = _disk(arm, disk_id)
    if disk is None or not any(same(disk_id, one) for one in attached):
        raise Conflict(
            f"The disk '{last(disk_id)}' is not attached to VM '{last(vm)}' any more.",
            "Attach it again, or roll the migration back and plan it anew.",
        )
    changed = changed_at(disk)
    if changed is None:
        raise Conflict(
            f"Azure does not say when the disk '{disk['name']}' last changed hands, so that a "
            "later start of its VM would not show.",
            "Start the VM once and deallocate it again, then run the same command again.",
        )
    return _Wanted(migration, device, disk, changed.isoformat())


def _remove_void(arm: Arm, migration: str, wanted: Sequence[_Wanted]) -> None:
    """Delete what was frozen of these disks before the VM ran again."""
    names = {one.name for one in wanted}
    disks = {one.disk["id"].lower() for one in wanted}
    for row in _frozen(arm, migration):
        if row["name"] not in names and _source(row).lower() in disks:
            _erase(arm, migration, row)


def _ensure(arm: Arm, wanted: _Wanted) -> str:
    """Make the snapshot, or find it; its full id. One that failed is made anew."""
    there = arm.settled(SNAPSHOT, wanted.name)
    if there is not None and tag(there, MIGRATION_TAG) != wanted.migration:
        raise Conflict(
            f"A snapshot '{wanted.name}' that this migration did not make is in the resource "
            "group.",
            "Rename or remove it, then run the same command again.",
        )
    if there is not None and properties(there).get("provisioningState") == "Failed":
        _erase(arm, wanted.migration, there)
        there = None
    if there is None:
        there = arm.put(SNAPSHOT, wanted.name, wanted.body)
    return str(there["id"])


def _wait(arm: Arm, names: Sequence[str]) -> None:
    """Until all are whole; before that Azure gives no access to some."""
    deadline = time.monotonic() + _COMPLETE_WITHIN_S
    for name in names:
        while not is_whole(properties(arm.get(SNAPSHOT, name))):
            if time.monotonic() > deadline:
                raise Transient(
                    f"Snapshot '{name}' is not complete after a day.",
                    "Run the same command again: it waits on.",
                )
            time.sleep(_PAUSE_S)


def _frozen(arm: Arm, migration: str) -> list[Json]:
    return [
        one
        for one in arm.in_group(SNAPSHOT)
        if tag(one, MIGRATION_TAG) == migration and tag(one, FREEZE_TAG) is not None
    ]


def _erase(arm: Arm, migration: str, row: Json) -> Erased | None:
    return ownership.erase(arm, SNAPSHOT, _owned(migration, row))


def _owned(migration: str, row: Json) -> Owned:
    return Owned(migration, SNAPSHOT.word, row["id"])


def _is_current(arm: Arm, snapshot: Json) -> bool:
    """Its disk is there, and has not changed hands since."""
    disk = _disk(arm, _source(snapshot))
    changed = changed_at(disk) if disk is not None else None
    return changed is not None and tag(snapshot, FREEZE_TAG) == changed.isoformat()


def _source(snapshot: Json) -> str:
    return str((properties(snapshot).get("creationData") or {}).get("sourceResourceId") or "")


def _disk(arm: Arm, disk_id: str) -> Json | None:
    return arm.find(DISK, last(disk_id), part(disk_id, "resourceGroups"))
