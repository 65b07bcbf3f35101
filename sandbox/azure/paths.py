"""Reading an ARM address: which resource, collection or action it names.

Source: "Resource IDs and URIs" of the ARM RPC contract. Names in an address
are compared without regard to case.
"""

from dataclasses import dataclass
from urllib.parse import unquote

from sandbox.azure.errors import ArmError

# Spelling of the resource types, by lower case.
KINDS = {
    kind.lower(): kind
    for kind in (
        "disks",
        "snapshots",
        "virtualMachines",
        "skus",
        "usages",
        "operations",
        "networkInterfaces",
        "networkSecurityGroups",
        "virtualNetworks",
        "subnets",
        "publicIPAddresses",
        "locks",
        "permissions",
    )
}


@dataclass(frozen=True)
class Target:
    """What an address names; ``name`` is empty for a collection."""

    subscription_id: str
    resource_group: str | None
    namespace: str
    kind: str
    names: tuple[str, ...]
    action: str | None = None
    location: str | None = None

    @property
    def service(self) -> str:
        """The namespace without ``Microsoft.``, in lower case."""
        return self.namespace.lower().removeprefix("microsoft.")

    @property
    def name(self) -> str:
        """The resource's own name, or nothing for a collection."""
        return self.names[-1] if self.names else ""

    @property
    def is_collection(self) -> bool:
        """Whether it names all resources of a kind."""
        return len(self.names) < (2 if self.kind == "subnets" else 1)


def parse(path: str) -> Target:
    """Read the path of a request."""
    parts = [unquote(part) for part in path.strip("/").split("/")]
    if len(parts) < 2 or parts[0].lower() != "subscriptions":
        raise ArmError(404, "InvalidResourceType", f"The path '{path}' names no subscription.")
    subscription_id, parts = parts[1], parts[2:]
    resource_group = None
    if len(parts) >= 2 and parts[0].lower() == "resourcegroups":
        resource_group, parts = parts[1], parts[2:]
    if not parts:
        groups: tuple[str, ...] = (resource_group,) if resource_group else ()
        return Target(
            subscription_id, resource_group, "Microsoft.Resources", "resourceGroups", groups
        )
    if parts[0].lower() != "providers" or len(parts) < 3:
        raise ArmError(404, "InvalidResourceType", f"The path '{path}' is not understood.")
    namespace, parts = parts[1], parts[2:]
    location = None
    if parts[0].lower() == "locations" and len(parts) >= 3:
        location, parts = parts[1], parts[2:]
    kind = _kind(namespace, parts[0])
    names, rest = tuple(parts[1:2]), parts[2:]
    if kind == "virtualNetworks" and rest and rest[0].lower() == "subnets":
        kind, names, rest = "subnets", names + tuple(rest[1:2]), rest[2:]
    if len(rest) > 1 or (rest and not names):
        raise ArmError(404, "InvalidResourceType", f"The path '{path}' is not understood.")
    action = rest[0] if rest else None
    return Target(subscription_id, resource_group, namespace, kind, names, action, location)


def _kind(namespace: str, text: str) -> str:
    found = KINDS.get(text.lower())
    if found is None:
        raise ArmError(
            404,
            "InvalidResourceType",
            f"The resource type '{text}' could not be found in the namespace '{namespace}'.",
        )
    return found
