"""Answers that list things: resources, sizes, usages, locks, permissions.

Sources: ARM RPC contract ("nextLink"), REST references of Resource SKUs, Usage
(compute and network), Management Locks and Permissions.
"""

import copy
import re
from urllib.parse import urlencode

from sandbox.azure import locks, quotas
from sandbox.azure.errors import ArmError
from sandbox.azure.kinds import Call, Kind, Reply
from sandbox.azure.paths import Target
from sandbox.azure.world import Json, World

PAGE_SIZE = 50
FILTER = re.compile(r"location eq '([^']+)'")
VERSIONS = {
    ("compute", "skus"): {"2021-07-01"},
    ("compute", "usages"): {"2026-04-01"},
    ("network", "usages"): {"2026-03-01", "2025-09-01"},
    ("resources", "resourceGroups"): {"2021-04-01", "2022-09-01", "2024-03-01", "2025-04-01"},
    ("authorization", "locks"): {"2016-09-01", "2020-05-01"},
    ("authorization", "permissions"): {"2015-07-01", "2018-07-01", "2022-04-01"},
}
NETWORK_USAGES = {
    "VirtualNetworks": ("virtualNetworks", "Virtual Networks", 1000),
    "NetworkInterfaces": ("networkInterfaces", "Network Interfaces", 65536),
    "NetworkSecurityGroups": ("networkSecurityGroups", "Network Security Groups", 5000),
    "PublicIPAddresses": ("publicIPAddresses", "Public IP Addresses", 1000),
}


class Listings:
    """The read-only collections."""

    def __init__(self, world: World, endpoint: str) -> None:
        self.world = world
        self._endpoint = endpoint

    def api_versions(self, target: Target) -> set[str]:
        """The versions known for a type that is only listed."""
        found = VERSIONS.get((target.service, target.kind))
        if found is None:
            raise ArmError(
                404,
                "InvalidResourceType",
                f"The resource type '{target.kind}' is not in '{target.namespace}'.",
            )
        return found

    def answer(self, call: Call, kind: Kind | None) -> Reply:
        """One page of a collection, or the resource group."""
        target = call.target
        if target.kind == "resourceGroups":
            return Reply(200, self._resource_group(target))
        if kind is not None:
            return self._page(call, self._resources(call, kind))
        rows = {
            ("compute", "skus"): self._skus,
            ("compute", "usages"): self._compute_usages,
            ("network", "usages"): self._network_usages,
            ("authorization", "locks"): self._locks,
            ("authorization", "permissions"): self._permissions,
        }[target.service, target.kind]
        return self._page(call, rows(call))

    def _page(self, call: Call, rows: list[Json]) -> Reply:
        token = call.query.get("$skiptoken", "0")
        start = int(token) if token.isdigit() else 0
        body: Json = {"value": copy.deepcopy(rows[start : start + PAGE_SIZE])}
        if start + PAGE_SIZE < len(rows):
            query = call.query | {"$skiptoken": str(start + PAGE_SIZE)}
            body["nextLink"] = f"{self._endpoint}{self._path(call.target)}?{urlencode(query)}"
        return Reply(200, body)

    def _path(self, target: Target) -> str:
        path = f"/subscriptions/{target.subscription_id}"
        if target.resource_group is not None:
            path += f"/resourceGroups/{target.resource_group}"
        path += f"/providers/{target.namespace}"
        if target.location is not None:
            path += f"/locations/{target.location}"
        if target.kind == "subnets":
            return f"{path}/virtualNetworks/{target.names[0]}/subnets"
        return f"{path}/{target.kind}"

    def _resource_group(self, target: Target) -> Json:
        if not target.names:
            raise ArmError(405, "HttpMethodNotAllowed", "Listing groups is not known here.")
        name = self.world.resource_group
        return {
            "id": f"/subscriptions/{self.world.subscription_id}/resourceGroups/{name}",
            "name": name,
            "type": "Microsoft.Resources/resourceGroups",
            "location": self.world.location,
            "tags": {},
            "properties": {"provisioningState": "Succeeded"},
        }

    def _resources(self, call: Call, kind: Kind) -> list[Json]:
        rows = [kind.show(item, call) for item in self.world.of_kind(kind.kind)]
        if kind.kind != "subnets":
            return rows
        parent = self.world.resource_id("Microsoft.Network/virtualNetworks", call.target.names[0])
        if self.world.find(parent) is None:
            raise ArmError(404, "ResourceNotFound", f"The Resource '{parent}' was not found.")
        start = f"{parent}/subnets/".lower()
        return [row for row in rows if row["id"].lower().startswith(start)]

    def _skus(self, call: Call) -> list[Json]:
        wanted = call.query.get("$filter")
        if wanted is None:
            return self.world.catalogue.skus
        found = FILTER.fullmatch(wanted)
        if found is None:
            raise ArmError(
                400, "InvalidParameter", f"Only a filter by location is supported: '{wanted}'."
            )
        return self.world.catalogue.skus if found.group(1).lower() == self.world.location else []

    def _compute_usages(self, call: Call) -> list[Json]:
        self._check_location(call.target)
        machines = list(self.world.of_kind("virtualMachines"))
        used: dict[str, int] = dict.fromkeys(self.world.catalogue.families(), 0)
        for machine in machines:
            size = self.world.catalogue.size(machine.properties["hardwareProfile"]["vmSize"])
            if size is not None:
                used[size["family"]] += size["vcpus"]
        settings = self.world.settings
        rows = [_usage("cores", "Total Regional vCPUs", sum(used.values()), settings.core_limit)]
        limit = settings.machine_limit
        rows.append(_usage("virtualMachines", "Virtual Machines", len(machines), limit))
        for name in quotas.DISK_COUNTS:
            used_disks, most = quotas.disks(self.world, name)
            rows.append(_usage(name, f"{name} managed disks", used_disks, most))
        for family, count in used.items():
            rows.append(_usage(family, f"{family} vCPUs", count, settings.family_core_limit))
        return rows

    def _network_usages(self, call: Call) -> list[Json]:
        self._check_location(call.target)
        rows = []
        for name, (kind, words, limit) in NETWORK_USAGES.items():
            allowed = self.world.settings.network_limits.get(name, limit)
            count = sum(1 for _ in self.world.of_kind(kind))
            usage_id = (
                f"/subscriptions/{self.world.subscription_id}/providers/Microsoft.Network/locations/"
                f"{self.world.location}/usages/{name}"
            )
            rows.append({"id": usage_id} | _usage(name, words, count, allowed))
        return rows

    def _check_location(self, target: Target) -> None:
        if (target.location or "").lower() != self.world.location:
            raise ArmError(
                400,
                "NoRegisteredProviderFound",
                f"No registered resource provider found for location '{target.location}'.",
            )

    def _locks(self, call: Call) -> list[Json]:
        return locks.listed(self.world, whole=call.target.resource_group is None)

    def _permissions(self, call: Call) -> list[Json]:
        settings = self.world.settings
        row = {"actions": settings.actions, "notActions": settings.not_actions}
        return [row | {"dataActions": [], "notDataActions": []}]


def _usage(value: str, words: str, current: int, limit: int) -> Json:
    name = {"value": value, "localizedValue": words}
    return {"unit": "Count", "currentValue": current, "limit": limit, "name": name}
