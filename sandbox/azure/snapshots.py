"""Snapshots of disks.

Sources: REST reference of Snapshots (2026-03-02); "Create an incremental
snapshot for managed disks" (kept on standard storage whatever its disk is of;
the only kind for Ultra and Premium SSD v2 disks, which fill them in the
background: two looks see one that is not whole). A snapshot here is always a
full copy, also when ``incremental`` is asked for.
"""

import copy
from collections.abc import Callable

from azure.mgmt.compute import models

from sandbox.azure import checks, disk_access, disk_content
from sandbox.azure.errors import bad_request, change_refused, invalid_parameter
from sandbox.azure.kinds import Accepted, Call, Kind, Reply, succeed
from sandbox.azure.world import Json, Resource, new_guid, now_text

SKUS = ("Standard_LRS", "Premium_LRS", "Standard_ZRS")
INCREMENTAL_SKUS = ("Standard_LRS", "Standard_ZRS")


class Snapshots(Kind):
    """``Microsoft.Compute/snapshots``."""

    arm_type = "Microsoft.Compute/snapshots"
    kind = "snapshots"
    model = models.Snapshot
    patch_model = models.SnapshotUpdate
    api_versions = frozenset({"2026-03-02"})
    name_rule = checks.DISK_NAME
    put_statuses = (202, 202)

    def put(self, call: Call, old: Resource | None) -> Callable[[], Json | None]:
        """Copy a disk's content as it is now."""
        body = call.body
        properties: Json = dict(body.get("properties") or {})
        creation = dict(properties.get("creationData") or {})
        if old is not None:
            for name, value in creation.items():
                if old.properties["creationData"].get(name) != value:
                    raise change_refused(f"creationData.{name}")
            old.body["tags"] = body.get("tags") or {}
            return succeed(old)
        if not creation:
            raise invalid_parameter(
                "creationData", "Required parameter 'creationData' is missing (null)."
            )
        if creation["createOption"] != "Copy":
            raise bad_request(f"This sandbox snapshots with Copy, not {creation['createOption']}.")
        sku = (body.get("sku") or {}).get("name") or "Standard_LRS"
        if sku not in SKUS:
            raise invalid_parameter("sku.name", f"A snapshot cannot be of type {sku}.")
        source = disk_content.copy_source(self.world, creation)
        incremental = bool(properties.get("incremental"))
        _check_kind(source, sku, incremental=incremental)
        creation["sourceUniqueId"] = source.properties["uniqueId"]
        _inherit(source, properties, creation)
        size_bytes = source.properties["diskSizeBytes"]
        properties |= {
            "creationData": creation,
            "diskSizeGB": disk_content.size_in_gib(size_bytes),
            "diskSizeBytes": size_bytes,
            "diskState": "Unattached",
            "uniqueId": new_guid(),
            "timeCreated": now_text(),
            "provisioningState": "Updating",
            "incremental": incremental,
            "completionPercent": _copied_at_once(source),
            "networkAccessPolicy": properties.get("networkAccessPolicy", "AllowAll"),
        }
        container = self.world.blobs.copy(source.private["container"])
        made = {"location": body["location"], "tags": body.get("tags") or {}}
        made |= {"sku": {"name": sku, "tier": sku.split("_")[0]}, "properties": properties}
        resource = self.new(call, made)
        resource.private["container"] = container
        return succeed(resource)

    def show(self, resource: Resource, call: Call) -> Json:
        """The snapshot; each look finds a background copy half a disk further."""
        shown = copy.deepcopy(resource.body)
        if call.method == "GET" and resource.properties["provisioningState"] == "Succeeded":
            done = resource.properties["completionPercent"]
            resource.properties["completionPercent"] = min(100.0, done + 50.0)
        return shown

    def delete(self, resource: Resource) -> Callable[[], Json | None]:
        """Delete a snapshot that nobody reads."""
        disk_access.refuse_active_access(resource)

        def finish() -> Json | None:
            self.world.remove(resource)
            self.world.blobs.delete(resource.private["container"])
            return None

        return finish

    def action(self, name: str, call: Call, resource: Resource) -> Reply | Accepted:
        """Grant and revoke read access."""
        if name.lower() == "begingetaccess" and call.method == "POST":
            return disk_access.begin_get_access(self.world, call, resource)
        if name.lower() == "endgetaccess" and call.method == "POST":
            return disk_access.end_get_access(self.world, resource)
        return super().action(name, call, resource)


def _copied_at_once(source: Resource) -> float:
    return 0.0 if source.body["sku"]["name"] in disk_content.FOUR_K_SKUS else 100.0


def _inherit(source: Resource, properties: Json, creation: Json) -> None:
    sector = source.properties["creationData"].get("logicalSectorSize")
    if sector is not None:
        creation["logicalSectorSize"] = sector
    for inherited in disk_content.INHERITED:
        if inherited in source.properties:
            properties.setdefault(inherited, source.properties[inherited])


def _check_kind(source: Resource, sku: str, *, incremental: bool) -> None:
    if incremental and sku not in INCREMENTAL_SKUS:
        raise invalid_parameter("sku.name", f"An incremental snapshot cannot be of type {sku}.")
    if source.body["sku"]["name"] in disk_content.FOUR_K_SKUS and not incremental:
        raise bad_request(f"A snapshot of '{source.name}' must be incremental.")
