"""The new VM: made from verified disks, proven, left stopped.

Pages: "Create a VM from a specialized disk" (attach, no osProfile), "Trusted
Launch: deploy" (standard security type must be said), "Disks - Get"
(LastOwnershipUpdateTime: last attached, detached, started or deallocated).
"""

import datetime as dt
import time
from collections.abc import Sequence

from coldferry.errors import Conflict, CorruptCopy
from coldferry.migration import MIGRATION_TAG
from coldferry.plan import Plan
from coldferry.ports import PowerState, VerifiedDisk
from providers.azure import network, power
from providers.azure.client import Arm
from providers.azure.disks import DEVICE_TAG, find_ours
from providers.azure.ids import Json, last, properties, tag
from providers.azure.kinds import DISK, VM
from providers.azure.rules_storage import lun

PROVEN_TAG = "coldferry:proven"
"""On the new VM: the last change of its disks' ownership when it was left stopped (ISO 8601)."""

_STOP_TIMEOUT_S = 900.0
_ROOT_KIND = "StandardSSD_LRS"
_ATTACHED_TIMEOUT_S = 120.0


def allocate(arm: Arm, plan: Plan, disks: Sequence[VerifiedDisk]) -> str:
    """Make the VM and leave it stopped; find it when it is there. The VM's full id.

    Raises CorruptCopy for a disk without proof, Conflict when the VM's name is
    a stranger's.
    """
    _refuse_unproven(plan, disks)
    name = str(plan.value("name"))
    vm = arm.find(VM, name)
    if vm is not None and tag(vm, MIGRATION_TAG) == plan.migration and tag(vm, PROVEN_TAG):
        return str(vm["id"])
    interfaces = network.ensure_interfaces(arm, plan)
    by_device = {disk.device.name: disk for disk in disks}
    attached = [by_device[device.name] for device in plan.devices]
    root_ids = [disk.ref for disk in attached if disk.device.disk.root]
    if not root_ids:
        root_ids = [_root_from_image(arm, plan)]
    body = _body(arm, plan, interfaces, root_ids[0], attached)
    vm = network.ensure(arm, VM, plan, name, body)
    power.stop(arm, name, force=True, timeout_s=_STOP_TIMEOUT_S)
    _record_proof(arm, name)
    return str(vm["id"])


def started_since_proof(arm: Arm, migration: str) -> bool:
    """Whether the new VM runs, or ran, since it was left stopped.

    A VM without the proof tag was never left stopped: production did not
    have it yet.
    """
    for found in arm.in_group(VM):
        proven = tag(found, PROVEN_TAG)
        if tag(found, MIGRATION_TAG) != migration or not proven:
            continue
        vm = power.read_vm(arm, found["name"])
        if power.state_of(vm) in (PowerState.RUNNING, PowerState.STARTING):
            return True
        newest = _newest_ownership(arm, vm)
        if newest is not None and newest > dt.datetime.fromisoformat(proven):
            return True
    return False


def in_use(arm: Arm, plan: Plan, ref: str) -> bool:
    """Whether a disk of the migration is attached to the migration's own VM."""
    disk = find_ours(arm, plan.migration, last(ref))
    owner = (disk or {}).get("managedBy")
    vm = arm.find(VM, last(owner)) if owner else None
    return vm is not None and tag(vm, MIGRATION_TAG) == plan.migration


def disk_ids(vm: Json) -> list[str]:
    """The ids of a VM's managed disks, OS disk first, then by LUN."""
    storage = properties(vm).get("storageProfile") or {}
    data = sorted(storage.get("dataDisks") or (), key=lambda disk: int(disk["lun"]))
    found = [storage.get("osDisk") or {}, *data]
    managed = [disk.get("managedDisk") or {} for disk in found]
    return [disk["id"] for disk in managed if disk.get("id")]


def _refuse_unproven(plan: Plan, disks: Sequence[VerifiedDisk]) -> None:
    expected = [device.name for device in plan.devices]
    if sorted(disk.device.name for disk in disks) != sorted(expected):
        raise CorruptCopy(
            f"The VM needs the disks {', '.join(expected)}; "
            f"{', '.join(disk.device.name for disk in disks) or 'none'} were copied.",
            "Run the same command again.",
        )
    unproven = [disk.device.name for disk in disks if not disk.proof.equal]
    if unproven:
        raise CorruptCopy(
            f"{', '.join(unproven)} is not proven to equal the source.",
            "Run the same command again: a VM is made from proven disks only.",
        )


def _root_from_image(arm: Arm, plan: Plan) -> str:
    """A persistent OS disk from the snapshot that stands for the root image; its id."""
    name = plan.object_name("root")
    found = find_ours(arm, plan.migration, name)
    if found is None:
        body = {
            "location": arm.access.location,
            "sku": {"name": _ROOT_KIND},
            "tags": {MIGRATION_TAG: plan.migration, DEVICE_TAG: "root"},
            "properties": {
                "creationData": {
                    "createOption": "Copy",
                    "sourceResourceId": plan.value("root_image.image"),
                }
            },
        }
        found = arm.put(DISK, name, body)
    return str(found["id"])


def _body(
    arm: Arm, plan: Plan, interfaces: list[str], root_id: str, disks: list[VerifiedDisk]
) -> Json:
    machine = plan.machine
    primary = next((i for i, nic in enumerate(machine.nics) if nic.primary), 0)
    data = [disk for disk in disks if not disk.device.disk.root]
    return {
        "location": arm.access.location,
        "tags": vm_tags(plan),
        "properties": {
            "hardwareProfile": {"vmSize": plan.value("instance_type")},
            "securityProfile": {"securityType": "Standard"},
            "storageProfile": {
                "diskControllerType": "SCSI",
                "osDisk": {
                    "osType": "Windows" if plan.value("os_family") == "windows" else "Linux",
                    "createOption": "Attach", "caching": "ReadWrite", "deleteOption": "Detach",
                    "managedDisk": {"id": root_id},
                },
                "dataDisks": [
                    {
                        "lun": lun(machine, disk.device.index),
                        "createOption": "Attach", "caching": "None", "deleteOption": "Detach",
                        "managedDisk": {"id": disk.ref},
                    }
                    for disk in data
                ],
            },
            "networkProfile": {
                "networkInterfaces": [
                    {"id": nic, "properties": {"primary": i == primary, "deleteOption": "Detach"}}
                    for i, nic in enumerate(interfaces)
                ]
            },
        },
    }  # fmt: skip


def vm_tags(plan: Plan) -> dict[str, str]:
    """The machine's own tags as translated, and ours."""
    own = {
        str(plan.value(f"tags[{i}].key")): str(plan.value(f"tags[{i}].value") or "")
        for i in range(len(plan.machine.tags))
        if plan.value(f"tags[{i}].key") is not None
    }
    return own | network.our_tags(plan)


def _record_proof(arm: Arm, name: str) -> None:
    deadline = time.monotonic() + _ATTACHED_TIMEOUT_S
    vm = power.read_vm(arm, name)
    while (newest := _newest_ownership(arm, vm)) is None and time.monotonic() < deadline:
        time.sleep(1)
    if newest is None:
        raise Conflict(
            f"Azure does not say when the disks of VM '{name}' last changed hands.",
            "Run the same command again.",
        )
    arm.set_tags(VM, name, (vm.get("tags") or {}) | {PROVEN_TAG: newest.isoformat()})


def _newest_ownership(arm: Arm, vm: Json) -> dt.datetime | None:
    moments = []
    for disk_id in disk_ids(vm):
        said = properties(arm.find(DISK, last(disk_id)) or {})
        moment = said.get("LastOwnershipUpdateTime") or said.get("lastOwnershipUpdateTime")
        if moment:
            found = dt.datetime.fromisoformat(str(moment))
            moments.append(found if found.tzinfo else found.replace(tzinfo=dt.UTC))
    return max(moments, default=None)
