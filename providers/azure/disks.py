"""Managed disks made by direct upload: create or adopt, write pages, seal.

Page: "Upload a VHD to Azure or copy a managed disk to another region": states
ReadyToUpload, ActiveUpload, and Unattached after the access is revoked; a lost
SAS is granted anew without a revoke; an OS disk names generation and system.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from coldferry.errors import Conflict, DiskSealed, Gone, ProviderError, Transient
from coldferry.migration import MIGRATION_TAG
from coldferry.plan import Device, Plan
from coldferry.ports import FrozenDisk
from providers.azure import vhd
from providers.azure.client import Arm
from providers.azure.disk_bytes import disk_bytes
from providers.azure.ids import Json, last, properties, tag
from providers.azure.kinds import DISK
from providers.azure.page_reader import LIMITS
from providers.azure.pages import REQUEST_BYTES
from providers.azure.sizes import GENERATIONS

DEVICE_TAG = "coldferry:device"
FROZEN_TAG = "coldferry:frozen"

_OPEN_STATES = frozenset({"ReadyToUpload", "ActiveUpload"})
_SAS_STATES = frozenset({"ActiveSAS", "ActiveSASFrozen", "ActiveUpload"})
_SEAL_TIMEOUT_S = 300.0
_ARCHITECTURES = {"x86_64": "x64", "arm64": "Arm64"}


class UploadWriter:
    """A disk that is being uploaded; see ``coldferry.ports.DiskWriter``."""

    limits = LIMITS

    def __init__(self, arm: Arm, disk: Json) -> None:
        self._arm = arm
        self._id: str = disk["id"]
        self._name: str = disk["name"]
        self._blob = disk_bytes(arm, self._name, "Write")
        self._lock = threading.Lock()
        self.identity = _identity(disk)
        self.size_bytes = _upload_bytes(disk) - vhd.FOOTER_BYTES
        self.sealed = _state(disk) not in _OPEN_STATES

    @property
    def sent_bytes(self) -> int:
        """Bodies of all write requests, retries and the footer included."""
        return self._blob.sent_bytes

    @property
    def requests(self) -> int:
        """All write requests, retries included."""
        return self._blob.requests

    def write(self, offset: int, view: memoryview) -> None:
        """Put bytes. Raises DiskSealed after the commit, Conflict for what does not fit."""
        self._check(offset, len(view))
        for start in range(0, len(view), REQUEST_BYTES):
            self._blob.put(offset + start, view[start : start + REQUEST_BYTES])

    def zero(self, offset: int, length: int) -> None:
        """Clear pages, whether or not they were put before."""
        self._check(offset, length)
        self._blob.clear(offset, length)

    def commit(self) -> str:
        """Put the footer and revoke the access, once; answer the disk's id."""
        with self._lock:
            sealed = self.sealed
        if not sealed:
            self._blob.put(self.size_bytes, memoryview(vhd.footer(self.size_bytes, self.identity)))
            self._arm.revoke(DISK, self._name)
            _wait_sealed(self._arm, self._name)
            with self._lock:
                self.sealed = True
        return self._id

    def close(self) -> None:
        """Close connections; the disk stays open for a resume."""
        self._blob.close()

    def _check(self, offset: int, length: int) -> None:
        if self.sealed:
            raise DiskSealed(
                f"Disk '{self._name}' was sealed before it held all bytes.",
                "Run the same command again: the disk is begun anew.",
            )
        block = self.limits.block_size_bytes
        if offset % block or length % block or offset < 0 or offset + length > self.size_bytes:
            raise Conflict(f"{length} bytes at {offset} do not fit disk '{self._name}'.")


@contextmanager
def open_disk(arm: Arm, plan: Plan, frozen: FrozenDisk) -> Iterator[UploadWriter]:
    """Create the disk, or adopt ours; leaving closes connections and nothing more.

    Raises Conflict when somebody else's disk has its name.
    """
    writer = UploadWriter(arm, _adopted_or_created(arm, plan, frozen))
    try:
        yield writer
    finally:
        writer.close()


def discard_disk(arm: Arm, plan: Plan, device: Device) -> None:
    """Remove one disk of ours; none is no error. Raises Conflict when it is attached or foreign."""
    disk = find_ours(arm, plan.migration, plan.object_name(device.name))
    if disk is not None:
        remove(arm, disk)


def find_ours(arm: Arm, migration: str, name: str) -> Json | None:
    """The disk of that name on a fresh read. Raises Conflict when it is not this migration's."""
    disk = arm.settled(DISK, name)
    if disk is not None and tag(disk, MIGRATION_TAG) != migration:
        raise Conflict(
            f"A disk '{name}' that this migration did not make is in the resource group.",
            "Rename or remove it, then run the same command again.",
        )
    return disk


def remove(arm: Arm, disk: Json) -> str:
    """End access to a disk and delete it; Azure's answer. Raises Conflict when a VM has it."""
    name = disk["name"]
    if disk.get("managedBy"):
        raise Conflict(
            f"Disk '{name}' is attached to VM '{last(disk['managedBy'])}'.",
            "Detach it there, then run the same command again.",
        )
    if _state(disk) in _SAS_STATES:
        # Ending a half-written upload may be refused as no valid VHD; the access ends all the
        # same, and if it did not, the delete says so.
        with suppress(ProviderError):
            arm.revoke(DISK, name)
    return arm.delete(DISK, name)


def _adopted_or_created(arm: Arm, plan: Plan, frozen: FrozenDisk) -> Json:
    device = frozen.device
    name = plan.object_name(device.name)
    wanted = _body(arm, plan, frozen)
    disk = find_ours(arm, plan.migration, name)
    if disk is not None and _begun_otherwise(disk, wanted, frozen):
        remove(arm, disk)
        disk = None
    if disk is not None:
        return disk
    arm.put(DISK, name, wanted)
    return arm.get(DISK, name)


def _body(arm: Arm, plan: Plan, frozen: FrozenDisk) -> Json:
    device = frozen.device
    path = f"disks[{device.index}]"
    upload_bytes = vhd.padded_bytes(device.disk.size_bytes) + vhd.FOOTER_BYTES
    said: Json = {"creationData": {"createOption": "Upload", "uploadSizeBytes": upload_bytes}}
    if device.disk.root:
        said["osType"] = "Windows" if plan.value("os_family") == "windows" else "Linux"
        said["hyperVGeneration"] = GENERATIONS[plan.value("firmware")]
        said["supportedCapabilities"] = {"architecture": _ARCHITECTURES[plan.value("architecture")]}
    return {
        "location": arm.access.location,
        "sku": {"name": plan.value(f"{path}.kind")},
        "tags": {
            MIGRATION_TAG: plan.migration, DEVICE_TAG: device.name,
            FROZEN_TAG: _frozen_tag(frozen.ref),
        },
        "properties": said,
    }  # fmt: skip


def _begun_otherwise(disk: Json, wanted: Json, frozen: FrozenDisk) -> bool:
    """Whether the disk there was begun from another frozen state, or as another kind of disk."""
    if tag(disk, FROZEN_TAG) not in {_frozen_tag(ref) for ref in (frozen.ref, *frozen.follows)}:
        return True
    there, said = properties(disk), wanted["properties"]
    fixed = ("osType", "hyperVGeneration")
    return (
        _upload_bytes(disk) != said["creationData"]["uploadSizeBytes"]
        or (disk.get("sku") or {}).get("name") != wanted["sku"]["name"]
        or any(there.get(key) != said.get(key) for key in fixed)
    )


def _frozen_tag(ref: str) -> str:
    """A tag's value has 256 characters at most."""
    return ref[-256:]


def _upload_bytes(disk: Json) -> int:
    created = properties(disk).get("creationData") or {}
    return int(created.get("uploadSizeBytes") or 0)


def _identity(disk: Json) -> str:
    said = properties(disk)
    return str(said.get("uniqueId") or f"{disk['id']} {said.get('timeCreated')}")


def _state(disk: Json) -> str:
    return str(properties(disk).get("diskState") or "")


def _wait_sealed(arm: Arm, name: str) -> None:
    deadline = time.monotonic() + _SEAL_TIMEOUT_S
    while True:
        disk = arm.find(DISK, name)
        if disk is None:
            raise Gone(f"Disk '{name}' vanished while it was sealed.", "Run the command again.")
        if _state(disk) not in _OPEN_STATES | _SAS_STATES:
            return
        if time.monotonic() > deadline:
            raise Transient(f"Disk '{name}' is still in state {_state(disk)} after its upload.")
        time.sleep(1)
