"""What would make the halt, the freeze or the reading fail, all at once; makes nothing.

Pages: "Lock your Azure resources to protect your infrastructure", "Create an incremental snapshot
for managed disks" (five of a disk's snapshots are read at once, 500 can be there; a disk's
snapshots are known by its id and its unique id), "States and billing status of Azure Virtual
Machines" (a deallocated VM keeps no place).
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from coldferry.errors import Finding, in_order
from coldferry.migration import MIGRATION_TAG
from coldferry.plan import Plan
from coldferry.ports import PowerState
from providers.azure import rights
from providers.azure.client import Arm
from providers.azure.ids import Json, last, properties, same, tag
from providers.azure.kinds import SNAPSHOT
from providers.azure.power import read_vm, state_of

_READ_AT_ONCE = 5
_OF_A_DISK = 500


def findings(arm: Arm, vm: str, plan: Plan) -> list[Finding]:
    """All faults at once. Raises UnknownMachine, and what the provider says when it is silent."""
    with ThreadPoolExecutor(4) as pool:
        read = pool.submit(read_vm, arm, vm)
        lacking = pool.submit(rights.lacking, arm, rights.NEEDED_OF_A_SOURCE)
        locks = pool.submit(rights.locks, arm)
        snapshots = pool.submit(arm.in_group, SNAPSHOT)
        found = read.result()
        return in_order(
            [
                *_permissions(arm, lacking.result()),
                *_locks(arm, found, locks.result() or ()),
                *_families(plan, snapshots.result()),
                *_place(found, plan),
            ]
        )


def _permissions(arm: Arm, missing: list[str] | None) -> Iterator[Finding]:
    name = arm.access.resource_group
    if missing is None:
        yield Finding(
            "inform", "permissions-unread", name,
            "The permissions cannot be read: they show when they are used.",
        )  # fmt: skip
    elif missing:
        yield Finding(
            "refuse", "permissions", name,
            f"The credentials lack {', '.join(missing)} on resource group '{name}'.",
            "Assign a role with these actions.",
        )  # fmt: skip


def _locks(arm: Arm, vm: Json, found: Sequence[rights.Lock]) -> Iterator[Finding]:
    for lock in found:
        over_group = lock.covers(arm.group_id)
        if lock.read_only and (over_group or lock.covers(vm["id"])):
            yield Finding(
                "refuse", "locked", lock.name,
                f"Lock '{lock.name}' makes VM '{vm['name']}' read-only: it can be neither "
                "deallocated nor tagged.",
                "Remove the lock for the time of the migration.",
            )  # fmt: skip
        elif over_group:
            yield Finding(
                "warn", "locked", lock.name,
                f"Lock '{lock.name}' ({lock.level}) forbids to delete anything in the resource "
                "group.",
                "The snapshots of the migration stay until it is removed.",
            )  # fmt: skip


def _families(plan: Plan, snapshots: Sequence[Json]) -> Iterator[Finding]:
    """Others' snapshots of the same disks; those of the migration itself are no fault."""
    others = [one for one in snapshots if tag(one, MIGRATION_TAG) != plan.migration]
    for device in plan.devices:
        family = [one for one in others if same(_source(one), device.disk.id)]
        read = sum(properties(one).get("diskState") == "ActiveSAS" for one in family)
        kept = sum(bool(properties(one).get("incremental")) for one in family)
        name = last(device.disk.id)
        if read >= _READ_AT_ONCE:
            yield Finding(
                "refuse", "snapshots-being-read", name,
                f"{read} snapshots of the disk '{name}' are open for reading, and Azure allows "
                f"{_READ_AT_ONCE} at once.",
                "End the access to one of them ('az snapshot revoke-access').",
            )  # fmt: skip
        if kept >= _OF_A_DISK:
            yield Finding(
                "refuse", "quota-snapshots", name,
                f"There are {kept} incremental snapshots of the disk '{name}', and Azure allows "
                f"{_OF_A_DISK}.",
                "Delete one that is not needed.",
            )  # fmt: skip


def _place(vm: Json, plan: Plan) -> Iterator[Finding]:
    if state_of(vm) is PowerState.STOPPED:
        return
    scarce = bool(plan.machine.accelerators) and plan.machine.accelerators != "unknown"
    if not (properties(vm).get("capacityReservation") or {}):
        yield Finding(
            "warn" if scarce else "inform", "capacity-given-up", vm["name"],
            f"A deallocated {plan.machine.instance_type} keeps no place: starting VM "
            f"'{vm['name']}' again, as a rollback does, may have to wait for one.",
            "An on-demand capacity reservation keeps it a place.",
        )  # fmt: skip


def _source(snapshot: Json) -> str:
    return str((properties(snapshot).get("creationData") or {}).get("sourceResourceId") or "")
