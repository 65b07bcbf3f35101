"""Public IP addresses, as much of them as an interface needs.

Source: REST reference of Public IP Addresses (a Standard address is static).
"""

from collections.abc import Callable

from azure.mgmt.network import models

from sandbox.azure.errors import ArmError
from sandbox.azure.kinds import Call, succeed
from sandbox.azure.network_kind import NetworkKind
from sandbox.azure.world import Json, Resource

FIRST = 10  # The addresses given out are from the documentation range 203.0.113.0/24.


class PublicAddresses(NetworkKind):
    """``Microsoft.Network/publicIPAddresses``."""

    arm_type = "Microsoft.Network/publicIPAddresses"
    kind = "publicIPAddresses"
    model = models.PublicIPAddress
    patch_model = models.TagsObject

    def put(self, call: Call, old: Resource | None) -> Callable[[], Json | None]:
        """Create or replace one address."""
        sku = (call.body.get("sku") or {}).get("name", "Standard")
        properties: Json = dict(call.body.get("properties") or {})
        if sku != "Standard" or properties.get("publicIPAllocationMethod") != "Static":
            raise ArmError(
                400,
                "PublicIPAddressNotStatic",
                "Only Standard addresses with publicIPAllocationMethod Static can be made.",
            )
        if properties.get("ipAddress") is not None:
            raise ArmError(400, "InvalidRequestContent", "'ipAddress' cannot be chosen.")
        taken = {item.properties["ipAddress"] for item in self.world.of_kind(self.kind)}
        free = [f"203.0.113.{host}" for host in range(FIRST, 255)]
        address = next((item for item in free if item not in taken), None)
        if address is None:
            raise ArmError(400, "PublicIPCountLimitReached", "No public IP address is left.")
        properties["ipAddress"] = old.properties["ipAddress"] if old else address
        properties["provisioningState"] = "Updating"
        made = {"location": call.body["location"], "tags": call.body.get("tags") or {}}
        made |= {"sku": {"name": sku, "tier": "Regional"}, "properties": properties}
        if call.body.get("zones"):
            made["zones"] = call.body["zones"]
        return succeed(self.new(call, made))

    def delete(self, resource: Resource) -> Callable[[], Json | None]:
        """Delete an address that no interface has."""
        for interface in self.world.of_kind("networkInterfaces"):
            for configuration in interface.properties["ipConfigurations"]:
                public = configuration["properties"].get("publicIPAddress") or {}
                if public.get("id", "").lower() == resource.id.lower():
                    raise ArmError(
                        400,
                        "PublicIPAddressCannotBeDeleted",
                        f"Public IP address {resource.name} cannot be deleted since it is still "
                        f"allocated to {configuration['id']}.",
                    )

        def finish() -> Json | None:
            self.world.remove(resource)
            return None

        return finish
