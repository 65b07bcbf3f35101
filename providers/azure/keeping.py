"""Lasting copies of a discarded target's disks: snapshots that no discard takes.

Pages: "Snapshots - Create Or Update", "Create an incremental snapshot for
managed disks" (a snapshot outlives its disk; ``completionPercent`` is below 100
while it is filled in the background).
"""

import time

from coldferry.errors import Conflict, Transient
from coldferry.migration import MIGRATION_TAG
from coldferry.ports import KEPT_COPY, Erased, Owned, PowerState
from providers.azure import ownership, power
from providers.azure.client import Arm
from providers.azure.disks import DEVICE_TAG
from providers.azure.ids import Json, properties, tag
from providers.azure.kinds import DISK, SNAPSHOT, VM
from providers.azure.ownership import KEPT_TAG
from providers.azure.stakes import changed_at

_COMPLETE_WITHIN_S = 4 * 3600.0


def keep(arm: Arm, migration: str) -> list[Owned]:
    """See ``Target.keep``."""
    for vm in arm.in_group(VM):
        if tag(vm, MIGRATION_TAG) == migration:
            state = power.state_of(power.read_vm(arm, vm["name"]))
            if state is not PowerState.STOPPED:
                raise Conflict(
                    f"VM '{vm['name']}' is {state}: its disks are copied once it is stopped.",
                    "Stop it, then run the same command again.",
                )
    found = [disk for disk in arm.in_group(DISK) if tag(disk, MIGRATION_TAG) == migration]
    names = [_ensure(arm, migration, disk) for disk in found]
    for name in names:
        _wait(arm, name)
    return kept(arm, migration)


def kept(arm: Arm, migration: str) -> list[Owned]:
    """See ``Target.kept``."""
    return [
        Owned(migration, KEPT_COPY, one["id"])
        for one in arm.in_group(SNAPSHOT)
        if tag(one, MIGRATION_TAG) == migration and tag(one, KEPT_TAG) is not None
    ]


def erase_kept(arm: Arm, migration: str) -> list[Erased]:
    """See ``Target.erase_kept``."""
    gone = [ownership.erase(arm, SNAPSHOT, one) for one in kept(arm, migration)]
    return [one for one in gone if one is not None]


def _ensure(arm: Arm, migration: str, disk: Json) -> str:
    """The snapshot of the disk as it is now; one from before its latest use is made anew."""
    name = f"{disk['name']}-kept"
    there = arm.settled(SNAPSHOT, name)
    if there is not None and tag(there, MIGRATION_TAG) != migration:
        raise Conflict(
            f"A snapshot '{name}' that this migration did not make is in the resource group.",
            "Rename or remove it, then run the same command again.",
        )
    changed = changed_at(disk)
    used = changed.isoformat() if changed is not None else ""
    if there is not None:
        failed = properties(there).get("provisioningState") == "Failed"
        if used and tag(there, KEPT_TAG) == used and not failed:
            return name
        arm.delete(SNAPSHOT, name)
    arm.put(SNAPSHOT, name, _body(arm, migration, disk, used))
    return name


def _body(arm: Arm, migration: str, disk: Json, used: str) -> Json:
    tags = {MIGRATION_TAG: migration, KEPT_TAG: used}
    if device := tag(disk, DEVICE_TAG):
        tags[DEVICE_TAG] = device
    return {
        "location": arm.access.location,
        "sku": {"name": "Standard_LRS"},
        "tags": tags,
        "properties": {
            "creationData": {"createOption": "Copy", "sourceResourceId": disk["id"]},
            "incremental": True,
            "networkAccessPolicy": "DenyAll",
        },
    }


def _wait(arm: Arm, name: str) -> None:
    """Until it is whole: its disk is going to be removed."""
    deadline = time.monotonic() + _COMPLETE_WITHIN_S
    while not is_whole(properties(arm.get(SNAPSHOT, name))):
        if time.monotonic() > deadline:
            raise Transient(f"Snapshot '{name}' is not complete after some hours.")
        time.sleep(2)


def is_whole(snapshot: Json) -> bool:
    """A snapshot that tells no percentage is whole once it was made."""
    percent = snapshot.get("completionPercent")
    if percent is None:
        return snapshot.get("provisioningState") == "Succeeded"
    return float(percent) >= 100
