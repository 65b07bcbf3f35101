"""An Azure VM in the neutral description's words.

Pages: "Virtual Machines - Get" (instance view, userData), "Generation 2 VMs",
"Temporary disk", "Name resolution for resources in Azure virtual networks".
"""

import base64
import binascii
import hashlib
from typing import Any, Literal

from coldferry.errors import ProviderError
from coldferry.machine import (
    UNKNOWN,
    Disk,
    Dns,
    EphemeralDisk,
    Firmware,
    Licence,
    Machine,
    Origin,
    RootImage,
    Tag,
    Unknown,
    UserData,
)
from coldferry.migration import TAG_PREFIX
from providers.azure.catalogue import Size
from providers.azure.client import Arm
from providers.azure.describe_network import interfaces, nics, resolvers
from providers.azure.disk_kinds import MEDIA
from providers.azure.ids import Json, last, part, properties
from providers.azure.kinds import DISK, VM
from providers.azure.offers import sizes
from providers.azure.power import read_vm
from providers.azure.sizes import burstable
from providers.azure.surroundings import relations_of

_FIRMWARE: dict[str, Firmware] = {"V1": "bios", "V2": "uefi"}


def describe(arm: Arm, scope: str, vm: str) -> Machine:
    """The description as of now, without our own tags. Raises UnknownMachine."""
    return look(arm, scope, vm)[0]


def look(arm: Arm, scope: str, vm: str) -> tuple[Machine, Json, list[Json]]:
    """The description, and what it was made of: the VM with its instance view, and its disks."""
    found = read_vm(arm, vm)
    disks, resources = _disks(arm, properties(found).get("storageProfile") or {})
    root = resources[0] if disks and disks[0].root else None
    return _machine(arm, scope, found, disks, root), found, resources


def _machine(
    arm: Arm, scope: str, found: Json, disks: tuple[Disk, ...], root: Json | None
) -> Machine:
    said = properties(found)
    size = _size(arm, (said.get("hardwareProfile") or {}).get("vmSize") or "")
    storage = said.get("storageProfile") or {}
    security = said.get("securityProfile") or {}
    uefi = security.get("uefiSettings") or {}
    view = said.get("instanceView") or {}
    os_disk = storage.get("osDisk") or {}
    hostname = (said.get("osProfile") or {}).get("computerName") or view.get("computerName")
    identity = found.get("identity") or {}
    zones = found.get("zones") or [arm.access.location]
    return Machine(
        origin=Origin(provider="azure", scope=scope, id=found["id"]),
        name=found["name"],
        hostname=hostname or UNKNOWN,
        instance_type=size.name,
        vcpus=size.vcpus,
        memory_bytes=size.memory_bytes,
        accelerators=size.gpus,
        burstable=burstable(size.name),
        bare_metal=False,
        architecture=_architecture(size),
        firmware=_firmware(view, root),
        secure_boot=bool(uefi.get("secureBootEnabled")),
        tpm="2.0" if uefi.get("vTpmEnabled") else None,
        os_family=_os_family(os_disk),
        zone=zones[0],
        tenancy="dedicated" if said.get("host") or said.get("hostGroup") else "default",
        dns=Dns(servers=resolvers(arm, said), search_domains=(), time_servers=()),
        nics=nics(arm, said),
        disks=disks,
        ephemeral_disks=_temporary(size),
        root_image=_root_image(storage),
        tags=tuple(
            Tag(key=key, value=value)
            for key, value in (found.get("tags") or {}).items()
            if not key.lower().startswith(TAG_PREFIX)
        ),
        user_data=_user_data(arm, found),
        profile=identity.get("type") if identity.get("type") not in (None, "None") else None,
        relations=relations_of(found, (nic for _, nic in interfaces(arm, said))),
        licence=Licence(
            platform=said.get("licenseType") or os_disk.get("osType") or UNKNOWN,
            product_codes=_product(found.get("plan") or {}),
        ),
    )


def _size(arm: Arm, name: str) -> Size:
    size = next((s for s in sizes(arm) if s.name.lower() == name.lower()), None)
    if size is None:
        raise ProviderError(
            f"Azure does not list the size '{name}' in {arm.access.location}.",
            "Check that the credentials block names the VM's location.",
        )
    return size


def _architecture(size: Size) -> Any:
    return size.architecture or UNKNOWN


def _firmware(view: Json, root: Json | None) -> Firmware | Unknown:
    generation = view.get("hyperVGeneration") or properties(root or {}).get("hyperVGeneration")
    return _FIRMWARE.get(str(generation), UNKNOWN)


def _os_family(os_disk: Json) -> Literal["linux", "windows"] | Unknown:
    families: dict[str, Literal["linux", "windows"]] = {"linux": "linux", "windows": "windows"}
    return families.get(str(os_disk.get("osType")).lower(), UNKNOWN)


def _disks(arm: Arm, storage: Json) -> tuple[tuple[Disk, ...], list[Json]]:
    """The persistent managed disks, root first, and their resources."""
    os_disk = storage.get("osDisk") or {}
    data = sorted(storage.get("dataDisks") or (), key=lambda disk: int(disk["lun"]))
    places = [] if os_disk.get("diffDiskSettings") else [(os_disk, "os")]
    places += [(place, f"lun{place['lun']}") for place in data]
    managed = [one for one in places if (one[0].get("managedDisk") or {}).get("id")]
    resources = [_resource(arm, place) for place, _ in managed]
    pairs = zip(managed, resources, strict=True)
    return tuple(_disk(place, disk, name) for (place, name), disk in pairs), resources


def _resource(arm: Arm, place: Json) -> Json:
    disk_id = place["managedDisk"]["id"]
    return arm.get(DISK, last(disk_id), part(disk_id, "resourceGroups"))


def _disk(place: Json, disk: Json, device: str) -> Disk:
    said = properties(disk)
    encryption = said.get("encryption") or {}
    rate = said.get("diskMBpsReadWrite")
    kind = (disk.get("sku") or {}).get("name") or UNKNOWN
    return Disk(
        id=disk["id"],
        device=device,
        root=device == "os",
        size_bytes=int(said.get("diskSizeBytes") or 0),
        kind=kind,
        medium=MEDIA.get(kind, UNKNOWN),
        iops=said.get("diskIOPSReadWrite") or UNKNOWN,
        throughput_bytes_s=int(rate) * 1_000_000 if rate else UNKNOWN,
        encrypted=True,
        key_id=encryption.get("diskEncryptionSetId"),
        shared=int(said.get("maxShares") or 1) > 1,
        deleted_with_machine=place.get("deleteOption") == "Delete",
    )


def _temporary(size: Size) -> tuple[EphemeralDisk, ...]:
    if not size.temp_disk_bytes:
        return ()
    return (EphemeralDisk(device="temporary", size_bytes=size.temp_disk_bytes),)


def _root_image(storage: Json) -> RootImage | None:
    if not (storage.get("osDisk") or {}).get("diffDiskSettings"):
        return None
    reference = storage.get("imageReference") or {}
    words = [reference.get(key) for key in ("publisher", "offer", "sku", "version")]
    return RootImage(image=reference.get("id") or ":".join(filter(None, words)) or UNKNOWN)


def _user_data(arm: Arm, vm: Json) -> UserData | None:
    """Its digest; ``customData`` is given out by no API."""
    whole = arm.get(VM, vm["name"], part(vm["id"], "resourceGroups"), expand="userData")
    encoded = properties(whole).get("userData")
    if not encoded:
        return None
    try:
        text = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        text = str(encoded).encode()
    return UserData(sha256=hashlib.sha256(text).hexdigest(), size_bytes=len(text))


def _product(plan: Json) -> tuple[str, ...]:
    words = [plan.get(key) for key in ("publisher", "product", "name")]
    return (":".join(filter(None, words)),) if plan.get("name") else ()
