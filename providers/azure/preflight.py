"""Everything that would make the target refuse, found before anything is created."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Any

from coldferry.errors import Finding
from coldferry.migration import MIGRATION_TAG
from coldferry.offered import Subnet, origin_mark
from coldferry.plan import Device, Plan
from providers.azure import rights, vhd
from providers.azure.catalogue import Catalogue
from providers.azure.client import Arm
from providers.azure.ids import last, same, tag
from providers.azure.kinds import DISK, NIC, NSG, VM, Kind
from providers.azure.network import how_to_free, maker, wanted_address
from providers.azure.offers import read
from providers.azure.rules_storage import MAX_DATA_BYTES, MAX_ROOT_BYTES

_AT_ONCE = 4


def findings(arm: Arm, plan: Plan) -> list[Finding]:
    """All faults at once. Raises what the provider says when it cannot be asked at all."""
    group, _ = rights.resource_group(arm)
    if group is None:
        name = arm.access.resource_group
        return [_refuse("no-resource-group", name, f"There is no resource group '{name}'.",
                        "Create it, or name another one in the credentials block.")]  # fmt: skip
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        asked = pool.submit(read, arm)
        lacking = pool.submit(rights.lacking, arm)
        locks = pool.submit(rights.locks, arm)
        owners = {kind: pool.submit(_owners, arm, kind) for kind in (VM, DISK, NIC, NSG)}
        catalogue = asked.result()
        there = {kind: found.result() for kind, found in owners.items()}
        return [
            *_permissions(arm, lacking.result()),
            *_locks(arm, plan, catalogue, locks.result()),
            *_names(plan, there),
            *_size(plan, catalogue),
            *_machine_quota(plan, catalogue, there[VM]),
            *_disks(plan, catalogue, there[DISK]),
            *_addresses(plan, catalogue),
            *_network_quota(plan, catalogue, there),
        ]


def _refuse(code: str, subject: str, what: str, do: str) -> Finding:
    return Finding("refuse", code, subject, what, do)


def _permissions(arm: Arm, missing: list[str] | None) -> Iterator[Finding]:
    name = arm.access.resource_group
    if missing is None:
        yield Finding("inform", "permissions-unread", name,
                      "The permissions cannot be read: they show when they are used.")  # fmt: skip
    elif missing:
        yield _refuse(
            "permissions", name,
            f"The credentials lack {', '.join(missing)} on resource group '{name}'.",
            "Assign a role with these actions.",
        )  # fmt: skip


def _locks(
    arm: Arm, plan: Plan, catalogue: Catalogue, found: list[rights.Lock] | None
) -> Iterator[Finding]:
    """Locks of the group and of what it is in, and those of the networks that are joined."""
    subnets = [subnet for _, subnet in _chosen(plan, catalogue)]
    for lock in found or ():
        if lock.covers(arm.group_id) and lock.read_only:
            yield _refuse(
                "locked", lock.name, f"Lock '{lock.name}' makes the resource group read-only.",
                "Remove the lock for the time of the migration.",
            )  # fmt: skip
        elif lock.covers(arm.group_id):
            yield Finding(
                "warn", "locked", lock.name,
                f"Lock '{lock.name}' ({lock.level}) forbids to delete anything.",
                "A rollback cannot clean up until it is removed.",
            )  # fmt: skip
        elif lock.read_only and (joined := [s for s in subnets if s and lock.covers(s.id)]):
            yield _refuse(
                "network-locked", lock.name,
                f"Lock '{lock.name}' makes the network of {joined[0].short} read-only: no "
                "interface can join it.",
                "Remove the lock for the time of the migration, or answer another subnet.",
            )  # fmt: skip


def _owners(arm: Arm, kind: Kind) -> dict[str, str | None]:
    """The migration tag, if any, of everything of a kind, by lower-case name."""
    return {item["name"].lower(): tag(item, MIGRATION_TAG) for item in arm.in_group(kind)}


def _names(plan: Plan, there: dict[Kind, dict[str, str | None]]) -> Iterator[Finding]:
    """Names that are taken by objects which this migration did not make."""
    wanted: list[tuple[Kind, str]] = []
    if plan.value("name") is not None:
        wanted.append((VM, str(plan.value("name"))))
    wanted += [(DISK, plan.object_name(device.name)) for device in plan.devices]
    wanted += [(NIC, plan.object_name(f"nic{i}")) for i in range(len(plan.machine.nics))]
    wanted.append((NSG, plan.object_name("nsg")))
    for kind, name in wanted:
        owner = there[kind].get(name.lower(), plan.migration)
        if owner != plan.migration:
            yield _refuse(
                "name-taken", name,
                f"A {kind.word} '{name}' that {maker(owner)} is there already.",
                f"{how_to_free(kind, owner)}.",
            )  # fmt: skip


def _size(plan: Plan, catalogue: Catalogue) -> Iterator[Finding]:
    if plan.value("instance_type") is None:
        return
    name = str(plan.value("instance_type"))
    size = catalogue.size(name)
    if size is None or size.restricted:
        yield _refuse(
            "size-not-offered", name,
            f"The size {name} is not available in {catalogue.location}"
            f"{f' ({size.restricted})' if size else ''}.",
            "Plan again: another size is chosen or asked for.",
        )  # fmt: skip
        return
    left = catalogue.cores_left(size.family, origin_mark(plan.machine))
    if left is not None and left < size.vcpus:
        yield _refuse(
            "quota-cores", name, f"{name} needs {size.vcpus} vCPUs, the quota leaves {left}.",
            f"Ask for more '{size.family}' or regional vCPUs, or answer another size.",
        )  # fmt: skip
    data_disks = sum(not device.disk.root for device in plan.devices)
    if data_disks > size.max_data_disks or len(plan.machine.nics) > size.max_nics:
        yield _refuse(
            "size-too-small", name,
            f"{name} takes {size.max_data_disks} data disks and {size.max_nics} interfaces, "
            f"{data_disks} and {len(plan.machine.nics)} are planned.",
            "Answer a larger size.",
        )  # fmt: skip


def _machine_quota(
    plan: Plan, catalogue: Catalogue, there: dict[str, str | None]
) -> Iterator[Finding]:
    """A subscription has a number of VMs in a location, beside its vCPUs ("Usage - List")."""
    usage = catalogue.usages.get("virtualmachines")
    made = str(plan.value("name")).lower() in there
    if usage is not None and usage.left < 1 and not made:
        yield _refuse(
            "quota-machines", catalogue.location,
            f"The quota of {usage.limit} VMs in {catalogue.location} is spent.",
            "Ask for a higher quota or remove VMs.",
        )  # fmt: skip


def _disks(plan: Plan, catalogue: Catalogue, there: dict[str, str | None]) -> Iterator[Finding]:
    for device in plan.devices:
        size_bytes = vhd.padded_bytes(device.disk.size_bytes)
        if _kind(plan, device) is None:
            continue
        kind = str(_kind(plan, device))
        largest = MAX_ROOT_BYTES if device.disk.root else MAX_DATA_BYTES
        if size_bytes > largest or catalogue.tier(kind, size_bytes) is None:
            yield _refuse(
                "disk-not-offered", device.name,
                f"{device.name}: a {kind} disk of {size_bytes} bytes cannot be had in "
                f"{catalogue.location}.",
                "Plan again and answer another kind, or shrink the disk at the source.",
            )  # fmt: skip
    yield from _disk_quota(plan, catalogue, there)


def _disk_quota(
    plan: Plan, catalogue: Catalogue, there: dict[str, str | None]
) -> Iterator[Finding]:
    """Disk counts are quotas like PremiumDiskCount ("Usage - List")."""
    new = [d for d in plan.devices if plan.object_name(d.name).lower() not in there]
    kinds = [str(kind) for device in new if (kind := _kind(plan, device)) is not None]
    for family in sorted({kind.split("_")[0] for kind in kinds}):
        usage = catalogue.usages.get(f"{family.lower()}diskcount")
        count = sum(kind.split("_")[0] == family for kind in kinds)
        if usage is not None and usage.left < count:
            yield _refuse(
                "quota-disks", family,
                f"{count} disks of the kind {family} are needed, the quota leaves {usage.left}.",
                "Ask for a higher quota or remove disks.",
            )  # fmt: skip


def _kind(plan: Plan, device: Device) -> Any:
    return plan.value(f"disks[{device.index}].kind")


def _chosen(plan: Plan, catalogue: Catalogue) -> Iterator[tuple[int, Subnet | None]]:
    """The subnet of each interface that one is chosen for; None when it is not there any more."""
    for index in range(len(plan.machine.nics)):
        subnet_id = plan.value(f"nics[{index}].subnet_id")
        if subnet_id is not None:
            found = (s for s in catalogue.subnets if same(s.id, str(subnet_id)))
            yield index, next(found, None)


def _addresses(plan: Plan, catalogue: Catalogue) -> Iterator[Finding]:
    mine = origin_mark(plan.machine)
    joining: dict[str, list[int]] = {}
    subnets: dict[str, Subnet] = {}
    for index, subnet in _chosen(plan, catalogue):
        path = f"nics[{index}]"
        if subnet is None:
            yield _refuse(
                "no-subnet", path,
                f"There is no subnet {plan.value(f'{path}.subnet_id')} any more.",
                "Plan again and answer another subnet.",
            )  # fmt: skip
            continue
        subnets[subnet.id] = subnet
        joining.setdefault(subnet.id, []).append(index)
        yield from _address(plan, index, subnet, mine)
    for subnet_id, indexes in joining.items():
        subnet = subnets[subnet_id]
        needed = len(indexes) - sum(owner == mine for owner in subnet.used.values())
        if needed > subnet.free():
            yield _refuse(
                "subnet-full", f"nics[{indexes[0]}]",
                f"Subnet {subnet.short} has {subnet.free()} free addresses, {needed} are needed.",
                "Answer another subnet, or free addresses.",
            )  # fmt: skip


def _address(plan: Plan, index: int, subnet: Subnet, mine: str) -> Iterator[Finding]:
    """The address that was decided on, if any: the subnet may have changed since."""
    address = wanted_address(plan, index)
    if address is None:
        return
    path = f"nics[{index}]"
    owner = subnet.used.get(str(ip_address(address)))
    if not subnet.holds(address) or subnet.reserved(address):
        yield _refuse(
            "address-not-offered", path,
            f"{subnet.short} ({', '.join(subnet.cidrs)}) does not give {address} any more.",
            f"Plan again and answer another {path}.private_address.",
        )  # fmt: skip
    elif owner is not None and owner != mine:
        yield _refuse(
            "address-in-use", path, f"{address} in {subnet.short} is in use by now.",
            f"Free it, or answer another {path}.private_address.",
        )  # fmt: skip


def _network_quota(
    plan: Plan, catalogue: Catalogue, there: dict[Kind, dict[str, str | None]]
) -> Iterator[Finding]:
    nics = [plan.object_name(f"nic{index}").lower() for index in range(len(plan.machine.nics))]
    for kind, names, of in (
        (NIC, nics, "network interfaces"),
        (NSG, [plan.object_name("nsg").lower()], "security groups"),
    ):
        needed = sum(name not in there[kind] for name in names)
        usage = catalogue.network_usages.get(last(kind.arm_type).lower())
        if needed and usage is not None and usage.left < needed:
            yield _refuse(
                "quota-network", of,
                f"{needed} {of} are needed in {catalogue.location}, the quota leaves {usage.left}.",
                f"Ask for a higher quota or remove {of}.",
            )  # fmt: skip
