"""A running Azure double and plain SDK clients of it, for the conformance tests."""

import base64
import json
import ssl
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.network import NetworkManagementClient
from azure.storage.blob import BlobClient

from sandbox.azure import seed, vhd
from sandbox.azure.server import AzureServer, StaticToken, default_azurite_cache

REPO_ROOT = Path(__file__).parents[2]
SUBSCRIPTION = "00000000-0000-0000-0000-00000000c01d"
GROUP, LOCATION, TOKEN = "rg-sandbox", "westeurope", "sandbox-token-5d1f0c7e9a"
MIB = 1024 * 1024
SIZE = 20 * MIB


class Azure:
    """The server under test and plain SDK clients of it."""

    def __init__(self, server: AzureServer) -> None:
        self.server = server
        self.group = server.resource_group
        self.compute = self.compute_client()
        self.network: Any = NetworkManagementClient(
            server.credential, SUBSCRIPTION, **self.options(server.endpoint)
        )

    def options(self, endpoint: str) -> dict[str, Any]:
        """What every SDK client of the server is made with."""
        return {
            "base_url": endpoint,
            "credential_scopes": ["https://management.azure.com/.default"],
            "connection_verify": str(self.server.ca_bundle),
            "polling_interval": 1,
            "retry_total": 0,
        }

    def compute_client(self, token: str = TOKEN, sub: str = SUBSCRIPTION) -> Any:
        """A Compute client with any token and subscription."""
        options = self.options(self.server.endpoint)
        return ComputeManagementClient(StaticToken(token), sub, **options)

    def id(self, kind: str, *names: str) -> str:
        """The id of a resource in the group."""
        group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{self.group}/providers"
        return f"{group}/{kind}/" + "/".join(names)

    def control(self, method: str, what: str, body: Any = None) -> Any:
        """Ask one of the control addresses."""
        context = ssl.create_default_context(cafile=str(self.server.ca_bundle))
        data = None if body is None else json.dumps(body).encode()
        address = f"{self.server.endpoint}/_sandbox/{what}"
        request = urllib.request.Request(address, data, method=method)
        with urllib.request.urlopen(request, context=context) as answer:
            return json.loads(answer.read())

    def write(self, disk: str, offset: int, data: bytes) -> None:
        """Write to a disk, by its id, as its guest would."""
        said = base64.b64encode(data).decode()
        self.control("POST", "write", {"id": disk, "offset": offset, "data": said})

    def reset(self) -> None:
        """Forget faults and what a test set."""
        self.control("DELETE", "faults")
        self.control("PUT", "settings", {
            "core_limit": 350, "actions": ["*"], "locks": [], "disk_limits": {},
            "machine_limit": 25000,
        })  # fmt: skip

    def put_disk(self, name: str, body: Any) -> Any:
        """Create or update a disk."""
        return self.compute.disks.begin_create_or_update(self.group, name, body).result()

    def upload_disk(self, name: str, **properties: Any) -> Any:
        """Make a disk that awaits its upload."""
        return self.put_disk(name, upload_body(**properties))

    def grant(self, name: str, access: str = "Write", seconds: int = 3600) -> str:
        """The address of a new SAS."""
        body: Any = {"access": access, "durationInSeconds": seconds}
        result = self.compute.disks.begin_grant_access(self.group, name, body).result()
        return str(result.access_sas)

    def revoke(self, name: str) -> None:
        """End all access to a disk."""
        self.compute.disks.begin_revoke_access(self.group, name).result()

    def blob(self, address: str) -> BlobClient:
        """A plain blob client of a SAS."""
        ca = str(self.server.ca_bundle)
        return BlobClient.from_blob_url(address, connection_verify=ca, retry_total=0)

    def state(self, name: str) -> str:
        """The state of a disk."""
        found = self.compute.disks.get(self.group, name)
        return str(found.as_dict()["properties"]["diskState"])

    def ready_disk(
        self,
        name: str,
        sku: str | None = None,
        zone: str | None = None,
        content: Mapping[int, bytes] | None = None,
        **more: Any,
    ) -> str:
        """A disk that went through its upload, with ``content`` by offset; answers its id."""
        body = upload_body(**more)
        if sku:
            body["sku"] = {"name": sku}
        if zone:
            body["zones"] = [zone]
        self.put_disk(name, body)
        with self.blob(self.grant(name)) as blob:
            for offset, data in (content or {}).items():
                write(blob, data, offset)
            write(blob, vhd.fixed_footer(SIZE), SIZE)
        self.revoke(name)
        return self.id("Microsoft.Compute/disks", name)

    def empty_disk(self, name: str, **more: Any) -> str:
        """Make an empty disk of 1 GiB; answers its id."""
        properties = {"creationData": {"createOption": "Empty"}, "diskSizeGB": 1} | more
        self.put_disk(name, {"location": LOCATION, "properties": properties})
        return self.id("Microsoft.Compute/disks", name)

    def nic(self, name: str, subnet: str = "apps", vnet: str = seed.NETWORK, **more: Any) -> str:
        """Make an interface; answers its id."""
        place = {
            "subnet": {"id": self.id("Microsoft.Network/virtualNetworks", vnet, "subnets", subnet)}
        }
        configuration = {"name": "ip", "properties": place | more}
        body: Any = {"location": LOCATION, "properties": {"ipConfigurations": [configuration]}}
        nics = self.network.network_interfaces
        return str(nics.begin_create_or_update(self.group, name, body).result().id)

    def put_vm(self, name: str, body: Any) -> Any:
        """Create or update a machine."""
        return self.compute.virtual_machines.begin_create_or_update(self.group, name, body).result()

    def clear(self) -> None:
        """Remove every machine, interface and disk; snapshots and groups stay."""
        kinds = (
            (self.compute.virtual_machines, "list"),
            (self.network.network_interfaces, "list"),
            (self.compute.disks, "list_by_resource_group"),
        )
        for kind, listing in kinds:
            for one in list(getattr(kind, listing)(self.group)):
                kind.begin_delete(self.group, one.name).result()

    def machine(self, name: str, *disks: Mapping[int, bytes], **more: Any) -> str:
        """A running machine with these disks, the root first; answers its id."""
        root, *data = [
            self.ready_disk(f"{name}-{index}", "StandardSSD_LRS", content=content)
            for index, content in enumerate(disks)
        ]
        body = vm_body(root, self.nic(f"{name}-nic"), **more)
        entries = [data_disk(disk, lun) for lun, disk in enumerate(data)]
        body["properties"]["storageProfile"]["dataDisks"] = entries
        return str(self.put_vm(name, body).id)

    def snapshot_bytes(self, name: str, offset: int, length: int) -> bytes:
        """Bytes of a snapshot as a plain SDK client reads them."""
        body: Any = {"access": "Read", "durationInSeconds": 600}
        granted = self.compute.snapshots.begin_grant_access(self.group, name, body).result()
        with self.blob(str(granted.access_sas)) as blob:
            return bytes(blob.download_blob(offset=offset, length=length).readall())

    def power(self, name: str) -> str:
        """The power state of a machine."""
        view = self.compute.virtual_machines.instance_view(self.group, name)
        return str(view.statuses[-1].code)


def upload_body(size: int = SIZE, **properties: Any) -> dict[str, Any]:
    creation = {"createOption": "Upload", "uploadSizeBytes": size + 512}
    return {
        "location": LOCATION,
        "properties": {"creationData": creation, "osType": "Linux"} | properties,
    }


def write(blob: BlobClient, data: bytes, offset: int) -> None:
    blob.upload_page(data, offset=offset, length=len(data))


def vm_body(disk: str, *nics: str, size: str = "Standard_D2s_v3", **more: Any) -> dict[str, Any]:
    os_disk = {"createOption": "Attach", "osType": "Linux", "managedDisk": {"id": disk}}
    refs = [{"id": nic, "properties": {"primary": nic == nics[0]}} for nic in nics]
    properties = {
        "hardwareProfile": {"vmSize": size},
        "storageProfile": {"osDisk": os_disk},
        "networkProfile": {"networkInterfaces": refs},
    }
    return {"location": LOCATION, "properties": properties | more}


def data_disk(disk: str, lun: int) -> dict[str, Any]:
    return {"lun": lun, "createOption": "Attach", "managedDisk": {"id": disk}}


@contextmanager
def running(
    state_dir: Path, resource_group: str = GROUP, location: str = LOCATION
) -> Iterator[Azure]:
    """A seeded server that is quick to finish its operations."""
    server = AzureServer(
        state_dir,
        subscription_id=SUBSCRIPTION,
        resource_group=resource_group,
        location=location,
        token=TOKEN,
        azurite_cache=default_azurite_cache(REPO_ROOT),
        delay_s=0.02,
    )
    with server:
        server.seed_defaults()
        yield Azure(server)


@contextmanager
def refused(status: int, code: str, words: str = "") -> Iterator[None]:
    with pytest.raises(HttpResponseError) as caught:
        yield
    error = caught.value
    found = getattr(error, "error_code", None) or (error.error.code if error.error else None)
    assert (error.status_code, getattr(found, "value", found)) == (status, code), error
    assert words in error.message
