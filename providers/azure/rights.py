"""What the credentials may do in the resource group, and what locks forbid.

Pages: "Permissions - List For Resource Group" (actions and notActions are
patterns with ``*``; one list entry per role), "Lock your Azure resources to
protect your infrastructure" (a read-only lock forbids POST actions too, and locks are
inherited), "Management Locks - List At Subscription Level".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from coldferry.errors import Denied, Gone
from providers.azure.client import Arm
from providers.azure.ids import Json, properties

NEEDED = (
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Compute/disks/read",
    "Microsoft.Compute/disks/write",
    "Microsoft.Compute/disks/delete",
    "Microsoft.Compute/disks/beginGetAccess/action",
    "Microsoft.Compute/disks/endGetAccess/action",
    "Microsoft.Compute/snapshots/read",
    "Microsoft.Compute/snapshots/write",
    "Microsoft.Compute/snapshots/delete",
    "Microsoft.Compute/virtualMachines/read",
    "Microsoft.Compute/virtualMachines/write",
    "Microsoft.Compute/virtualMachines/delete",
    "Microsoft.Compute/virtualMachines/instanceView/read",
    "Microsoft.Compute/virtualMachines/start/action",
    "Microsoft.Compute/virtualMachines/restart/action",
    "Microsoft.Compute/virtualMachines/powerOff/action",
    "Microsoft.Compute/virtualMachines/deallocate/action",
    "Microsoft.Compute/skus/read",
    "Microsoft.Compute/locations/usages/read",
    "Microsoft.Network/locations/usages/read",
    "Microsoft.Network/virtualNetworks/read",
    "Microsoft.Network/virtualNetworks/subnets/join/action",
    "Microsoft.Network/networkInterfaces/read",
    "Microsoft.Network/networkInterfaces/write",
    "Microsoft.Network/networkInterfaces/delete",
    "Microsoft.Network/networkInterfaces/join/action",
    "Microsoft.Network/networkSecurityGroups/read",
    "Microsoft.Network/networkSecurityGroups/write",
    "Microsoft.Network/networkSecurityGroups/delete",
    "Microsoft.Network/networkSecurityGroups/join/action",
)
"""Every role action that a migration to Azure uses."""

NEEDED_OF_A_SOURCE = (
    "Microsoft.Compute/disks/read",
    "Microsoft.Compute/disks/beginGetAccess/action",
    "Microsoft.Compute/snapshots/read",
    "Microsoft.Compute/snapshots/write",
    "Microsoft.Compute/snapshots/delete",
    "Microsoft.Compute/snapshots/beginGetAccess/action",
    "Microsoft.Compute/snapshots/endGetAccess/action",
    "Microsoft.Compute/virtualMachines/read",
    "Microsoft.Compute/virtualMachines/write",
    "Microsoft.Compute/virtualMachines/instanceView/read",
    "Microsoft.Compute/virtualMachines/start/action",
    "Microsoft.Compute/virtualMachines/powerOff/action",
    "Microsoft.Compute/virtualMachines/deallocate/action",
    "Microsoft.Network/networkInterfaces/read",
)
"""Every role action that a migration from Azure uses, once the machine was described.

``virtualMachines/write`` writes our two tags; ``disks/beginGetAccess`` is asked for by Azure when
a snapshot is made of a disk ("Disk Snapshot Contributor" has it).
"""

_PERMISSIONS_VERSION = "2022-04-01"
_LOCKS_VERSION = "2020-05-01"
_GROUPS_VERSION = "2021-04-01"
_LOCKS = "/providers/Microsoft.Authorization/locks"
_LOCKS_READ = "Microsoft.Authorization/locks/read"


def resource_group(arm: Arm) -> tuple[Json | None, str]:
    """The resource group, None when it is not there; and the server's ``Date`` header."""
    action = "Microsoft.Resources/subscriptions/resourceGroups/read"
    try:
        return arm.read(arm.group_id, _GROUPS_VERSION, action)
    except Gone:
        return None, ""


def lacking(arm: Arm, needed: Sequence[str] = NEEDED) -> list[str] | None:
    """Needed actions that no role grants; None when the roles cannot be read."""
    path = f"{arm.group_id}/providers/Microsoft.Authorization/permissions"
    try:
        found, _ = arm.read(path, _PERMISSIONS_VERSION, "Microsoft.Authorization/permissions/read")
    except (Denied, Gone):
        return None
    roles = found.get("value") or []
    return [action for action in needed if not any(_grants(role, action) for role in roles)]


@dataclass(frozen=True)
class Lock:
    """A management lock: ``scope`` is the id of what it locks, with all below it."""

    name: str
    level: str
    scope: str

    @property
    def read_only(self) -> bool:
        """It forbids to change anything, and POST actions too."""
        return self.level.lower() == "readonly"

    def covers(self, resource_id: str) -> bool:
        """Whether the resource, group or subscription is locked by it."""
        return f"{resource_id}/".lower().startswith(f"{self.scope}/".lower())


def locks(arm: Arm) -> list[Lock] | None:
    """Every lock of the subscription, or else of the resource group; None when neither is read.

    A group's own list lacks those that it inherits, and those of a network elsewhere.
    """
    for scope in (arm.subscription, arm.group_id):
        try:
            found = arm.listed(f"{scope}{_LOCKS}", _LOCKS_VERSION, _LOCKS_READ)
        except (Denied, Gone):
            continue
        return [_lock(lock, arm.group_id) for lock in found]
    return None


def _lock(lock: Json, group_id: str) -> Lock:
    at, sign, _ = str(lock.get("id") or "").lower().rpartition(f"{_LOCKS}/".lower())
    return Lock(
        name=lock.get("name") or "lock",
        level=str(properties(lock).get("level")),
        scope=at if sign else group_id,
    )


def _grants(role: Json, action: str) -> bool:
    def among(patterns: list[str] | None) -> bool:
        wanted = action.lower()
        return any(fnmatchcase(wanted, pattern.lower()) for pattern in patterns or ())

    return among(role.get("actions")) and not among(role.get("notActions"))
