"""What a fresh sandbox holds, made through public ARM calls with the plain SDK."""

from pathlib import Path
from typing import Any

from azure.core.credentials import TokenCredential
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.network import NetworkManagementClient
from azure.storage.blob import BlobClient

from sandbox.azure import vhd

NETWORK = "vnet-main"
SUBNETS = {"apps": "10.0.1.0/24", "data": "10.0.2.0/24", "default": "172.31.0.0/20"}
ADDRESS_SPACE = ["10.0.0.0/16", "172.31.0.0/16"]
SECURITY_GROUP = "nsg-existing"
SNAPSHOT = "golden-linux"
GOLDEN_BYTES = 32 * 1024 * 1024
POLL_S = 1


def seed(
    endpoint: str,
    credential: TokenCredential,
    *,
    ca_bundle: Path,
    subscription_id: str,
    resource_group: str,
    location: str,
) -> None:
    """Make one network with three subnets, one security group and one OS snapshot."""
    options: dict[str, Any] = {
        "base_url": endpoint,
        "credential_scopes": ["https://management.azure.com/.default"],
        "connection_verify": str(ca_bundle),
        "polling_interval": POLL_S,
    }
    network = NetworkManagementClient(credential, subscription_id, **options)
    compute = ComputeManagementClient(credential, subscription_id, **options)
    with network, compute:
        subnets: list[Any] = [
            {"name": name, "properties": {"addressPrefix": prefix}}
            for name, prefix in SUBNETS.items()
        ]
        space = {"addressPrefixes": ADDRESS_SPACE}
        body: Any = {
            "location": location,
            "properties": {"addressSpace": space, "subnets": subnets},
        }
        network.virtual_networks.begin_create_or_update(resource_group, NETWORK, body).result()
        rule = {
            "protocol": "Tcp",
            "sourceAddressPrefix": "10.0.0.0/8",
            "sourcePortRange": "*",
            "destinationAddressPrefix": "*",
            "destinationPortRange": "22",
            "access": "Allow",
            "direction": "Inbound",
            "priority": 100,
        }
        rules = [{"name": "allow-ssh", "properties": rule}]
        body = {"location": location, "properties": {"securityRules": rules}}
        groups = network.network_security_groups
        groups.begin_create_or_update(resource_group, SECURITY_GROUP, body).result()
        _golden_snapshot(compute, resource_group, location, ca_bundle)


def _golden_snapshot(
    compute: ComputeManagementClient, group: str, location: str, ca_bundle: Path
) -> None:
    creation = {"createOption": "Upload", "uploadSizeBytes": GOLDEN_BYTES + vhd.FOOTER_BYTES}
    properties = {"creationData": creation, "osType": "Linux", "hyperVGeneration": "V1"}
    body: Any = {"location": location, "properties": properties}
    source = f"{SNAPSHOT}-source"
    disk = compute.disks.begin_create_or_update(group, source, body).result()
    grant: Any = {"access": "Write", "durationInSeconds": 3600}
    address = compute.disks.begin_grant_access(group, source, grant).result().access_sas
    if address is None:
        raise RuntimeError("the sandbox granted no access")
    with BlobClient.from_blob_url(address, connection_verify=str(ca_bundle)) as blob:
        sector = bytes(446) + bytes(64) + b"\x55\xaa"
        blob.upload_page(sector, offset=0, length=len(sector))
        footer = vhd.fixed_footer(GOLDEN_BYTES)
        blob.upload_page(footer, offset=GOLDEN_BYTES, length=len(footer))
    compute.disks.begin_revoke_access(group, source).result()
    creation = {"createOption": "Copy", "sourceResourceId": str(disk.id)}
    body = {"location": location, "properties": {"creationData": creation, "osType": "Linux"}}
    compute.snapshots.begin_create_or_update(group, SNAPSHOT, body).result()
    compute.disks.begin_delete(group, source).result()
