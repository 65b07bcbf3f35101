"""Managed disks.

Sources: REST reference of Disks (2026-03-02), "Azure managed disk types"
(Ultra and Premium SSD v2 are zonal data disks).
"""

from collections.abc import Callable

from azure.mgmt.compute import models

from sandbox.azure import checks, disk_access, disk_content, quotas, vhd
from sandbox.azure.errors import bad_request, change_refused, invalid_parameter, not_allowed
from sandbox.azure.kinds import Accepted, Call, Kind, Reply, succeed
from sandbox.azure.sizes import ZONES
from sandbox.azure.world import Json, Resource, new_guid, now_text

FIXED_PROPERTIES = ("hyperVGeneration", "securityProfile")


class Disks(Kind):
    """``Microsoft.Compute/disks``."""

    arm_type = "Microsoft.Compute/disks"
    kind = "disks"
    model = models.Disk
    patch_model = models.DiskUpdate
    api_versions = frozenset({"2026-03-02"})
    name_rule = checks.DISK_NAME
    put_statuses = (202, 202)

    def put(self, call: Call, old: Resource | None) -> Callable[[], Json | None]:
        """Create a disk, or update one with the same immutable properties."""
        if old is not None:
            return self._update(call.body, old)
        body = call.body
        properties: Json = dict(body.get("properties") or {})
        if "creationData" not in properties:
            raise invalid_parameter(
                "creationData", "Required parameter 'creationData' is missing (null)."
            )
        creation = dict(properties["creationData"])
        sku = (body.get("sku") or {}).get("name") or "Standard_LRS"
        self._check_zones(body.get("zones"), sku)
        quotas.refuse_over(self.world, sku)
        option = creation["createOption"]
        _check_security(properties, option)
        size_bytes, container = self._content(properties, creation, sku)
        if sku in disk_content.FOUR_K_SKUS:
            # "Deploy a Premium SSD v2": 4096 unless 512 is asked for.
            creation.setdefault("logicalSectorSize", 4096)
        wanted_gib = properties.get("diskSizeGB")
        properties |= {
            "creationData": creation,
            "diskSizeGB": disk_content.size_in_gib(size_bytes),
            "diskSizeBytes": size_bytes,
            "diskState": "ReadyToUpload" if option == "Upload" else "Unattached",
            "uniqueId": new_guid(),
            "timeCreated": now_text(),
            "provisioningState": "Updating",
            "encryption": properties.get("encryption", {"type": "EncryptionAtRestWithPlatformKey"}),
            "networkAccessPolicy": self.world.settings.imposed_network_access
            or properties.get("networkAccessPolicy", "AllowAll"),
            "publicNetworkAccess": properties.get("publicNetworkAccess", "Enabled"),
        }
        made = {"location": body["location"], "tags": body.get("tags") or {}}
        made |= {"sku": {"name": sku, "tier": sku.split("_")[0]}, "properties": properties}
        if body.get("zones"):
            made["zones"] = body["zones"]
        resource = self.new(call, made)
        resource.private["container"] = container
        if option == "Copy" and wanted_gib is not None:
            self._resize(resource, wanted_gib)
        return succeed(resource)

    def _content(self, properties: Json, creation: Json, sku: str) -> tuple[int, str]:
        """Make the bytes that ``creation`` describes; answers their size and container."""
        option = creation["createOption"]
        if option == "Upload":
            if properties.get("diskSizeGB") is not None:
                raise invalid_parameter("diskSizeGB", "diskSizeGB is not allowed with Upload.")
            size_bytes = disk_content.upload_size_bytes(creation, sku)
            return size_bytes, self.world.blobs.create(size_bytes + vhd.FOOTER_BYTES)
        if option == "Empty":
            size_bytes = disk_content.empty_size_bytes(properties, sku)
            return size_bytes, self.world.blobs.create_vhd(size_bytes)
        if option == "Copy":
            source = disk_content.copy_source(self.world, creation)
            creation["sourceUniqueId"] = source.properties["uniqueId"]
            for name in disk_content.INHERITED:
                if name in source.properties:
                    properties.setdefault(name, source.properties[name])
            container = self.world.blobs.copy(source.private["container"])
            return source.properties["diskSizeBytes"], container
        raise bad_request(f"This sandbox does not know createOption '{option}'.")

    def patch(self, call: Call, resource: Resource) -> None:
        """Change tags, type and size."""
        body = call.body
        self._change(body.get("properties") or {}, body.get("sku"), resource)
        if "tags" in body:
            resource.body["tags"] = body["tags"] or {}

    def _update(self, body: Json, old: Resource) -> Callable[[], Json | None]:
        wanted = body.get("properties") or {}
        creation = wanted.get("creationData") or {}
        for name, value in creation.items():
            if old.properties["creationData"].get(name) != value:
                raise change_refused(f"creationData.{name}")
        if (body.get("zones") or []) != old.body.get("zones", []):
            raise change_refused("zones")
        self._change(wanted, body.get("sku"), old)
        old.body["tags"] = body.get("tags") or {}
        return succeed(old)

    def _change(self, wanted: Json, sku: Json | None, disk: Resource) -> None:
        for name in FIXED_PROPERTIES:
            if name in wanted and wanted[name] != disk.properties.get(name):
                raise change_refused(name)
        if wanted.get("diskSizeGB") is not None:
            self._resize(disk, wanted["diskSizeGB"])
        if sku and sku.get("name") and sku["name"] != disk.body["sku"]["name"]:
            if disk.properties["diskState"] == "Attached":
                raise not_allowed(f"The type of '{disk.name}' cannot change: its VM is allocated.")
            disk.body["sku"] = {"name": sku["name"], "tier": sku["name"].split("_")[0]}
        kept = {"creationData", "diskSizeGB", *FIXED_PROPERTIES}
        disk.properties.update({name: wanted[name] for name in wanted if name not in kept})

    def _resize(self, disk: Resource, wanted_gib: int) -> None:
        size_bytes, wanted_bytes = disk.properties["diskSizeBytes"], wanted_gib * disk_content.GIB
        if disk.properties["diskState"] in ("ReadyToUpload", "ActiveUpload"):
            # Its size is that of the upload, whatever diskSizeGB rounds it to.
            raise not_allowed(f"Disk '{disk.name}' cannot be resized: it awaits its upload.")
        if wanted_gib == disk.properties["diskSizeGB"]:
            return
        if wanted_bytes < size_bytes:
            raise not_allowed(f"Shrinking disk '{disk.name}' is not supported.")
        if disk.properties["diskState"] not in ("Unattached", "Reserved"):
            raise not_allowed(
                f"Disk '{disk.name}' cannot be resized in state {disk.properties['diskState']}."
            )
        self.world.blobs.grow(disk.private["container"], size_bytes, wanted_bytes)
        disk.properties.update(diskSizeGB=wanted_gib, diskSizeBytes=wanted_bytes)

    def delete(self, resource: Resource) -> Callable[[], Json | None]:
        """Delete a disk that nobody uses."""
        owner = resource.body.get("managedBy")
        if owner:
            raise not_allowed(
                f"Disk {resource.name} is attached to VM {owner}. Detach it before deleting."
            )
        disk_access.refuse_active_access(resource)

        def finish() -> Json | None:
            self.world.remove(resource)
            self.world.blobs.delete(resource.private["container"])
            return None

        return finish

    def action(self, name: str, call: Call, resource: Resource) -> Reply | Accepted:
        """Grant and revoke access."""
        if name.lower() == "begingetaccess" and call.method == "POST":
            return disk_access.begin_get_access(self.world, call, resource)
        if name.lower() == "endgetaccess" and call.method == "POST":
            return disk_access.end_get_access(self.world, resource)
        return super().action(name, call, resource)

    def _check_zones(self, zones: list[str] | None, sku: str) -> None:
        if zones and (len(zones) != 1 or zones[0] not in ZONES):
            raise invalid_parameter("zones", f"The zone(s) {zones} are not available for a disk.")
        if zones and sku.endswith("_ZRS"):
            raise invalid_parameter("zones", f"A {sku} disk is in all zones and names none.")
        if sku in disk_content.FOUR_K_SKUS and not zones:
            raise invalid_parameter("zones", f"A {sku} disk must name a zone in this location.")


def _check_security(properties: Json, option: str) -> None:
    security = (properties.get("securityProfile") or {}).get("securityType", "Standard")
    if security == "Standard":
        return
    if properties.get("hyperVGeneration") != "V2":
        raise bad_request(f"Security type '{security}' needs hyperVGeneration V2.")
    if option not in ("Upload", "FromImage", "Import"):
        raise bad_request(
            f"Security Type '{security}' is not supported for CreateOption '{option}'"
        )
