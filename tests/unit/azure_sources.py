"""An Azure VM to move, made as anybody makes one: disks by upload, a VM from them."""

from collections.abc import Mapping
from typing import Any

from azure.storage.blob import BlobClient

from coldferry.machine import Machine
from coldferry.plan import Device, Plan, devices_of
from coldferry.translation import Translation
from providers.azure.cloud import AzureCloud
from providers.azure.kinds import DISK, NIC, VM
from sandbox.azure import vhd
from tests.unit.machines import MIB
from tests.unit.test_azure_fixtures import MIGRATION

SIZE_BYTES = 20 * MIB
CONTENT = ({0: b"r" * 4096}, {3 * MIB: b"d" * 512, SIZE_BYTES - 512: b"e" * 512})


def a_vm(cloud: AzureCloud, name: str = "web-01", size: str = "Standard_D2s_v3") -> str:
    """A running VM with two disks; its full id. Its size has a temporary disk."""
    arm = cloud._arm
    root, data = [_disk(cloud, f"{name}-{n}", content) for n, content in enumerate(CONTENT)]
    subnet = f"{arm.group_id}/providers/Microsoft.Network/virtualNetworks/vnet-main/subnets/apps"
    configuration = {"name": "ip", "properties": {"subnet": {"id": subnet}}}
    nic = arm.put(NIC, f"{name}-nic", {
        "location": arm.access.location, "properties": {"ipConfigurations": [configuration]},
    })  # fmt: skip
    attached = {"createOption": "Attach"}
    body = {
        "location": arm.access.location,
        "tags": {"Team": "Shop"},
        "properties": {
            "hardwareProfile": {"vmSize": size},
            "storageProfile": {
                "osDisk": attached | {"osType": "Linux", "managedDisk": {"id": root}},
                "dataDisks": [attached | {"lun": 0, "managedDisk": {"id": data}}],
            },
            "networkProfile": {"networkInterfaces": [{"id": nic["id"]}]},
        },
    }
    return str(arm.put(VM, name, body)["id"])


def devices(machine: Machine) -> list[Device]:
    """All of them."""
    return devices_of(machine)


def a_source_plan(machine: Machine, migration: str = MIGRATION) -> Plan:
    """A plan of which a source needs no translation."""
    return Plan(migration=migration, machine=machine, translation=Translation(fields=()))


def _disk(cloud: AzureCloud, name: str, content: Mapping[int, bytes]) -> str:
    arm = cloud._arm
    creation = {"createOption": "Upload", "uploadSizeBytes": SIZE_BYTES + vhd.FOOTER_BYTES}
    properties: dict[str, Any] = {"creationData": creation, "osType": "Linux"}
    body = {"location": arm.access.location, "sku": {"name": "StandardSSD_LRS"}}
    disk = arm.put(DISK, name, body | {"properties": properties})
    address = arm.grant(DISK, name, "Write")
    with BlobClient.from_blob_url(address, connection_verify=arm.access.ca_bundle) as blob:
        for offset, data in {**content, SIZE_BYTES: vhd.fixed_footer(SIZE_BYTES)}.items():
            blob.upload_page(data, offset=offset, length=len(data))
    arm.revoke(DISK, name)
    return str(disk["id"])
