"""What a person put at the migration's VM: it never goes with it.

Pages: "Delete a VM and attached resources" (each disk, interface and public address at a VM has a
``deleteOption``: Delete takes it along with the VM, Detach leaves it; Detach is what an attached
disk gets unless somebody says otherwise), "Network security groups" (one that an interface is
behind cannot be deleted).
"""

from collections.abc import Iterator

from coldferry.errors import Conflict, Finding
from coldferry.migration import MIGRATION_TAG
from coldferry.ports import FOREIGN
from providers.azure.client import Arm
from providers.azure.ids import Json, last, properties, tag
from providers.azure.kinds import DISK, NIC, NSG, Kind


def foreign(arm: Arm, vm: Json, migration: str) -> Iterator[Finding]:
    """Each disk, interface and public address at the VM that bears no tag of this migration.

    ``refuse`` for what Azure would delete with the VM or an interface of ours, and for an
    interface that holds our group; ``warn`` for what stays when they are gone.
    """
    disks, nics = _ours(arm, DISK, migration), _ours(arm, NIC, migration)
    groups = _ours(arm, NSG, migration)
    for id_, option in _disks(vm):
        if id_.lower() not in disks:
            yield _found("Disk", id_, vm["name"], option)
    for id_, option in _interfaces(vm):
        if id_.lower() not in nics:
            yield _found("Network interface", id_, vm["name"], option)
    for nic in arm.in_group(NIC):
        if nic["id"].lower() in nics:
            yield from _addresses(nic)
        elif _group(nic) in groups:
            yield _holding(nic["name"], last(_group(nic)))


def refuse_deletion(arm: Arm, vm: Json, migration: str) -> None:
    """Raise Conflict, right before the VM is deleted, for what would go with it and is not ours."""
    taken = [
        id_
        for kind, entries in ((DISK, _disks(vm)), (NIC, _interfaces(vm)))
        for id_, option in entries
        if option == "delete" and id_.lower() not in _ours(arm, kind, migration)
    ]
    if taken:
        raise Conflict(
            f"Azure would delete {', '.join(map(last, taken))} with VM '{vm['name']}', and that is "
            "not this migration's.",
            "Detach it, or set its deleteOption to Detach; then run the same command again.",
        )


def _ours(arm: Arm, kind: Kind, migration: str) -> set[str]:
    return {one["id"].lower() for one in arm.in_group(kind) if tag(one, MIGRATION_TAG) == migration}


def _disks(vm: Json) -> list[tuple[str, str]]:
    storage = properties(vm).get("storageProfile") or {}
    entries = [storage.get("osDisk") or {}, *(storage.get("dataDisks") or ())]
    return [
        (str(one["managedDisk"]["id"]), _option(one))
        for one in entries
        if (one.get("managedDisk") or {}).get("id")
    ]


def _interfaces(vm: Json) -> list[tuple[str, str]]:
    entries = (properties(vm).get("networkProfile") or {}).get("networkInterfaces") or ()
    return [(str(one["id"]), _option(properties(one))) for one in entries]


def _addresses(nic: Json) -> Iterator[Finding]:
    for one in properties(nic).get("ipConfigurations") or ():
        address = properties(one).get("publicIPAddress") or {}
        if address.get("id"):
            yield _found("Public address", address["id"], nic["name"], _option(properties(address)))


def _option(entry: Json) -> str:
    return str(entry.get("deleteOption") or "").lower()


def _group(nic: Json) -> str:
    return str((properties(nic).get("networkSecurityGroup") or {}).get("id") or "").lower()


def _found(word: str, id_: str, at: str, option: str) -> Finding:
    what = f"{word} '{last(id_)}' at '{at}' is not this migration's"
    if option == "delete":
        return Finding(
            "refuse", FOREIGN, last(id_), f"{what}, and Azure would delete it with that.",
            f"Detach it, or set the deleteOption of '{last(id_)}' to Detach.",
        )  # fmt: skip
    return Finding("warn", FOREIGN, last(id_), f"{what}: it is taken off, and stays.")


def _holding(nic: str, group: str) -> Finding:
    return Finding(
        "refuse", FOREIGN, nic,
        f"Network interface '{nic}' is not this migration's, and is behind its group '{group}'.",
        f"Give '{nic}' another group.",
    )  # fmt: skip
