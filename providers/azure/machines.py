"""The new VM: made from verified disks, proven, left stopped.

Pages: "Create a VM from a specialized disk" (attach, no osProfile), "Trusted
Launch: deploy" (standard security type must be said).
"""

from collections.abc import Sequence

from coldferry.errors import CorruptCopy
from coldferry.migration import MIGRATION_TAG
from coldferry.plan import Plan
from coldferry.ports import VerifiedDisk
from providers.azure import network, power
from providers.azure.client import Arm
from providers.azure.disks import DEVICE_TAG, find_ours
from providers.azure.ids import Json, last, tag
from providers.azure.kinds import DISK, VM
from providers.azure.rules_storage import lun
from providers.azure.stakes import PROVEN_TAG, record_proof

_STOP_TIMEOUT_S = 900.0
_ROOT_KIND = "StandardSSD_LRS"


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
    record_proof(arm, name)
    return str(vm["id"])


def in_use(arm: Arm, plan: Plan, ref: str) -> bool:
    """Whether a disk of the migration is attached to the migration's own VM."""
    disk = find_ours(arm, plan.migration, last(ref))
    owner = (disk or {}).get("managedBy")
    vm = arm.find(VM, last(owner)) if owner else None
    return vm is not None and tag(vm, MIGRATION_TAG) == plan.migration


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
    copied = [device.index for device in plan.devices]
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
                        "lun": lun(machine, copied, disk.device.index),
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
