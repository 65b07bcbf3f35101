"""``beginGetAccess`` and ``endGetAccess`` of disks and snapshots.

Sources: REST reference of Disks (Grant Access, Revoke Access, DiskState) and
"Upload a VHD to Azure or copy a managed disk to another region": revoke is
needed before a disk is attached; a lost write SAS is asked for anew without a
revoke. The 60-day ceiling of a SAS is from general knowledge.

``endGetAccess`` of an upload checks the VHD. When it is not a fixed VHD of the
promised size the SAS ends all the same, the call fails with 400 ``InvalidVhd``
(a code of our own) and the disk goes back to ReadyToUpload: not attachable,
open to a new write grant, and free to be deleted.
"""

from azure.mgmt.compute import models

from sandbox.azure import shapes, vhd
from sandbox.azure.errors import ArmError, invalid_parameter, not_allowed
from sandbox.azure.kinds import Accepted, Call
from sandbox.azure.world import Json, Resource, World

MAX_DURATION_S = 60 * 24 * 3600
READ_AT_ONCE = 5
"""Snapshots of one disk that may be read at the same time: "Create an incremental snapshot for
managed disks". Which code a sixth is refused with is not documented."""
RESTING_STATES = ("Unattached", "Reserved", "ActiveSAS")


def begin_get_access(world: World, call: Call, resource: Resource) -> Accepted:
    """Give out a SAS; the address is in the result of the operation."""
    shapes.check_body(call.body, models.GrantAccessData)
    access, duration_s = call.body["access"], call.body["durationInSeconds"]
    if not 1 <= duration_s <= MAX_DURATION_S:
        raise invalid_parameter(
            "durationInSeconds", f"durationInSeconds must be from 1 to {MAX_DURATION_S}."
        )
    if call.body.get("fileFormat", "VHD") != "VHD":
        raise invalid_parameter("fileFormat", "This disk can be read as VHD only.")
    properties = resource.properties
    _check_policy(resource)
    state = properties["diskState"]
    if access == "Write":
        if state not in ("ReadyToUpload", "ActiveUpload"):
            raise not_allowed(
                f"Write access can be granted only to a disk that awaits its upload. Disk "
                f"'{resource.name}' is in state {state}."
            )
        new_state, permissions = "ActiveUpload", "rw"
    elif access == "Read":
        if resource.kind == "snapshots":
            _check_snapshot(world, resource)
        if state not in RESTING_STATES:
            raise not_allowed(
                f"Cannot grant read access to '{resource.name}' in state {state}: it must be "
                "unattached, or attached to a deallocated VM."
            )
        new_state, permissions = "ActiveSAS", "r"
    else:
        raise invalid_parameter("access", f"Access level '{access}' cannot be granted.")
    if state in ("Unattached", "Reserved"):
        resource.private["resting_state"] = state
    properties["diskState"] = new_state
    grant_size_bytes = properties["diskSizeBytes"] + vhd.FOOTER_BYTES

    def finish() -> Json:
        address = world.blobs.grant(
            resource.private["container"],
            permissions,
            duration_s,
            grant_size_bytes,
            properties.get("dataAccessAuthMode") == "AzureActiveDirectory",
            resource.name,
            _family(resource),
            str(properties.get("timeCreated")),
        )
        return {"accessSAS": address}

    return Accepted(202, finish)


def _family(resource: Resource) -> str:
    """What an incremental snapshot shares with those that it can be compared with."""
    if not resource.properties.get("incremental"):
        return ""
    return str(resource.properties["creationData"].get("sourceUniqueId"))


def _check_policy(resource: Resource) -> None:
    policy = resource.properties.get("networkAccessPolicy", "AllowAll")
    if policy != "AllowAll":
        raise not_allowed(
            f"Access to {resource.name} is denied by its network access policy {policy}."
        )


def _check_snapshot(world: World, resource: Resource) -> None:
    """A snapshot is read once it is whole, as a VHD, and with at most four others of its disk."""
    properties = resource.properties
    if properties["completionPercent"] < 100:
        raise not_allowed(
            f"Cannot grant access to snapshot '{resource.name}': its background copy is at "
            f"{properties['completionPercent']} percent."
        )
    creation = properties["creationData"]
    if creation.get("logicalSectorSize", 512) != 512:
        raise not_allowed(
            f"Snapshot '{resource.name}' has a logical sector size of 4096: its file format must "
            "be VHDX."
        )
    family = creation.get("sourceUniqueId")
    read = [
        one
        for one in world.of_kind("snapshots")
        if one.properties["creationData"].get("sourceUniqueId") == family
        and one.properties["diskState"] == "ActiveSAS"
        and one is not resource
    ]
    if properties["incremental"] and len(read) >= READ_AT_ONCE:
        raise not_allowed(
            f"Cannot grant access to snapshot '{resource.name}': access to {len(read)} snapshots "
            f"of the same disk is active, and at most {READ_AT_ONCE} are allowed."
        )


def end_get_access(world: World, resource: Resource) -> Accepted:
    """End every SAS of a disk or snapshot; the end of an upload checks what was uploaded."""
    properties = resource.properties
    state = properties["diskState"]
    world.blobs.revoke(resource.private["container"])
    if state == "ActiveSAS":
        properties["diskState"] = resource.private.pop("resting_state", "Unattached")
    elif state == "ActiveUpload":
        size_bytes = properties["diskSizeBytes"]
        footer = world.blobs.footer(resource.private["container"], size_bytes)
        problem = vhd.footer_problem(footer, size_bytes)
        if problem is not None:
            properties["diskState"] = "ReadyToUpload"
            raise ArmError(
                400, "InvalidVhd", f"The upload to disk '{resource.name}' is unusable: {problem}."
            )
        properties["diskState"] = "Unattached"
    return Accepted(202, lambda: None)


def refuse_active_access(resource: Resource) -> None:
    """A disk or snapshot with a SAS outstanding can not be deleted."""
    if resource.properties["diskState"] in ("ActiveSAS", "ActiveUpload"):
        raise not_allowed(
            "There is an active shared access signature outstanding for "
            f"'{resource.name}'. Call EndGetAccess before deleting."
        )
