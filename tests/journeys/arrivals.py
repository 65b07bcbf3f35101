"""The target seen by Microsoft's own clients: what is there, and every byte of a disk."""

from typing import Any

from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.network import NetworkManagementClient
from azure.storage.blob import BlobClient

from sandbox.aws.seed import BLOCK_SIZE_BYTES
from sandbox.azure.server import StaticToken
from tests.journeys.sandbox import Sandbox
from tests.journeys.seeding import Blocks, Seeded

_FOOTER_BYTES = 512


class Arrivals:
    """Plain SDK clients of the sandbox's Azure."""

    def __init__(self, sandbox: Sandbox) -> None:
        given = sandbox.state["azure"]
        self.group, self.location = given["resource_group"], given["location"]
        self._ca = given["ca_bundle"]
        options: dict[str, Any] = {
            "base_url": given["endpoint"],
            "credential_scopes": ["https://management.azure.com/.default"],
            "connection_verify": self._ca,
            "polling_interval": 1,
        }
        who = StaticToken(given["token"])
        self.compute: Any = ComputeManagementClient(who, given["subscription_id"], **options)
        self.network: Any = NetworkManagementClient(who, given["subscription_id"], **options)

    def everything(self) -> set[str]:
        """The ids of all machines, disks, snapshots, interfaces and security groups."""
        kinds = (
            self.compute.virtual_machines.list(self.group),
            self.compute.disks.list_by_resource_group(self.group),
            self.compute.snapshots.list_by_resource_group(self.group),
            self.network.network_interfaces.list(self.group),
            self.network.network_security_groups.list(self.group),
        )
        return {item.id for kind in kinds for item in kind}

    def of_migration(self, migration: str, kind: str) -> list[str]:
        """The ids of one kind (``disks``) that bear a migration's tag."""
        listed = {
            "virtual_machines": lambda: self.compute.virtual_machines.list(self.group),
            "disks": lambda: self.compute.disks.list_by_resource_group(self.group),
        }[kind]()
        return [i.id for i in listed if (i.tags or {}).get("coldferry:migration") == migration]

    def machine(self, vm_id: str) -> Any:
        """One machine."""
        return self.compute.virtual_machines.get(self.group, _name(vm_id))

    def power(self, vm_id: str) -> str:
        """Azure's word for its power state."""
        view = self.compute.virtual_machines.instance_view(self.group, _name(vm_id))
        return str(view.statuses[-1].code).rpartition("/")[2]

    def add_security_group(self, name: str) -> None:
        """A security group that a stranger made."""
        groups = self.network.network_security_groups
        groups.begin_create_or_update(self.group, name, {"location": self.location}).result()

    def remove_security_group(self, name: str) -> None:
        """Take it away again."""
        self.network.network_security_groups.begin_delete(self.group, name).result()

    def read(self, disk_id: str) -> tuple[int, dict[int, bytes]]:
        """A disk's size, and its blocks that are not all zero, over a read SAS."""
        disks, name = self.compute.disks, _name(disk_id)
        grant = {"access": "Read", "durationInSeconds": 600}
        address = disks.begin_grant_access(self.group, name, grant).result().access_sas
        try:
            with BlobClient.from_blob_url(address, connection_verify=self._ca) as blob:
                size_bytes = blob.get_blob_properties().size - _FOOTER_BYTES
                return size_bytes, _filled(blob, size_bytes)
        finally:
            disks.begin_revoke_access(self.group, name).result()

    def differing(self, seeded: Seeded, report: dict[str, Any]) -> list[str]:
        """The source disks whose copy is not what was seeded, or is not there."""
        targets = {device["source"]: device for device in report["devices"]}
        return [
            volume
            for volume, content in seeded.content.items()
            if volume not in targets or not self._equal(content, targets[volume])
        ]

    def _equal(self, content: Blocks, device: dict[str, Any]) -> bool:
        size_bytes, found = self.read(device["target"])
        return size_bytes == device["size_bytes"] and found == dict(content)


def _filled(blob: BlobClient, size_bytes: int) -> dict[int, bytes]:
    found: dict[int, bytearray] = {}
    for page in blob.list_page_ranges():
        start, end = page.start, min(page.end + 1, size_bytes)
        if page.cleared or start >= end:
            continue
        data = blob.download_blob(offset=start, length=end - start).readall()
        for at in range(start, end, _FOOTER_BYTES):
            index, within = divmod(at, BLOCK_SIZE_BYTES)
            block = found.setdefault(index, bytearray(BLOCK_SIZE_BYTES))
            block[within : within + _FOOTER_BYTES] = data[at - start : at - start + _FOOTER_BYTES]
    return {index: bytes(block) for index, block in found.items() if any(block)}


def _name(resource_id: str) -> str:
    return resource_id.rpartition("/")[2]
