"""Management locks: of the subscription, the resource group, or one resource with all below it.

Source: "Lock your Azure resources to protect your infrastructure": locks are
inherited, ReadOnly refuses POST actions too, so nothing can join a locked network.
"""

from sandbox.azure.errors import ArmError
from sandbox.azure.world import Json, World

TYPE = "/providers/Microsoft.Authorization/locks"


def listed(world: World, *, whole: bool) -> list[Json]:
    """The locks, ``whole`` with those above the resource group."""
    group = _group(world)
    rows = [{"id": f"{group}{TYPE}/{lock['name']}"} | lock for lock in world.settings.locks]
    return [row for row in rows if whole or f"{_scope(row)}/".startswith(f"{group}/".lower())]


def refuse_locked(world: World, resource_id: str, action: str, *, deletes: bool = False) -> None:
    """Raise ScopeLocked when a lock on the resource, or above it, forbids the action."""
    for row in listed(world, whole=True):
        if not f"{resource_id}/".lower().startswith(f"{_scope(row)}/"):
            continue
        if row["properties"]["level"] == "ReadOnly" or deletes:
            raise ArmError(
                409,
                "ScopeLocked",
                f"The scope '{resource_id}' cannot perform {action} because following scope(s) "
                f"are locked: '{row['id']}'.",
            )


def _scope(row: Json) -> str:
    return str(row["id"]).rpartition(f"{TYPE}/")[0].lower()


def _group(world: World) -> str:
    return f"/subscriptions/{world.subscription_id}/resourceGroups/{world.resource_group}"
