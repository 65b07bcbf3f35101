"""How the bytes of disks and snapshots come to be: ``creationData``.

Sources: REST reference of Disks (CreationData.uploadSizeBytes, createOption)
and "Upload a VHD to Azure or copy a managed disk to another region".
"""

from sandbox.azure import vhd
from sandbox.azure.errors import ArmError, invalid_parameter, not_allowed
from sandbox.azure.world import Json, Resource, World

INHERITED = ("osType", "hyperVGeneration", "supportedCapabilities", "securityProfile")
MIB = 1024 * 1024
GIB = 1024 * MIB
MIN_UPLOAD_BYTES = 20 * MIB + vhd.FOOTER_BYTES
MAX_UPLOAD_BYTES = 32767 * GIB + vhd.FOOTER_BYTES
FOUR_K_SKUS = frozenset({"PremiumV2_LRS", "UltraSSD_LRS"})
MAX_SIZE_GIB = {"PremiumV2_LRS": 65536, "UltraSSD_LRS": 65536}


def upload_size_bytes(creation: Json, sku: str) -> int:
    """The disk's size from ``uploadSizeBytes``, which includes the footer."""
    upload_bytes = creation.get("uploadSizeBytes")
    target = "creationData.uploadSizeBytes"
    if upload_bytes is None:
        raise invalid_parameter(target, f"Required parameter '{target}' is missing (null).")
    size_bytes = int(upload_bytes) - vhd.FOOTER_BYTES
    in_range = MIN_UPLOAD_BYTES <= upload_bytes <= MAX_UPLOAD_BYTES
    if not in_range or size_bytes % MIB:
        raise invalid_parameter(
            target,
            f"The value {upload_bytes} of '{target}' is invalid: it must be a whole number of MiB "
            f"plus 512 bytes, from {MIN_UPLOAD_BYTES} to {MAX_UPLOAD_BYTES}.",
        )
    if sku in FOUR_K_SKUS and creation.get("logicalSectorSize") != 512:
        raise invalid_parameter(
            "creationData.logicalSectorSize",
            f"A VHD can be uploaded to a {sku} disk only with a logicalSectorSize of 512.",
        )
    return size_bytes


def empty_size_bytes(properties: Json, sku: str) -> int:
    """The size of a disk made with createOption Empty."""
    size_gib = properties.get("diskSizeGB")
    if size_gib is None:
        raise invalid_parameter("diskSizeGB", "Required parameter 'diskSizeGB' is missing (null).")
    largest_gib = MAX_SIZE_GIB.get(sku, 32767)
    if not 1 <= size_gib <= largest_gib:
        raise invalid_parameter(
            "diskSizeGB", f"diskSizeGB must be from 1 to {largest_gib} for {sku}, not {size_gib}."
        )
    return int(size_gib) * GIB


def copy_source(world: World, creation: Json) -> Resource:
    """The disk or snapshot that createOption Copy names."""
    target = "creationData.sourceResourceId"
    source_id = creation.get("sourceResourceId")
    if not isinstance(source_id, str):
        raise invalid_parameter(target, f"Required parameter '{target}' is missing (null).")
    source = world.find(source_id)
    if source is None or source.kind not in ("disks", "snapshots"):
        raise ArmError(404, "NotFound", f"The source '{source_id}' was not found.", target)
    if source.properties["diskState"] in ("ReadyToUpload", "ActiveUpload"):
        raise not_allowed(
            f"The source '{source.name}' is in state {source.properties['diskState']}: "
            "its upload must be ended before it can be copied."
        )
    return source


def size_in_gib(size_bytes: int) -> int:
    """Sizes are shown in whole GiB, rounded up."""
    return -(-size_bytes // GIB)
