"""Everything that would make the target refuse, found before anything is created."""

from collections.abc import Iterator
from ipaddress import ip_address

from coldferry.errors import Finding
from coldferry.migration import MIGRATION_TAG
from coldferry.offered import Subnet, origin_mark
from coldferry.plan import Plan
from providers.azure import rights, vhd
from providers.azure.catalogue import Catalogue
from providers.azure.client import Arm
from providers.azure.ids import same, tag
from providers.azure.kinds import DISK, NIC, NSG, VM, Kind
from providers.azure.network import how_to_free, maker, wanted_address
from providers.azure.offers import read
from providers.azure.rules_storage import MAX_DATA_BYTES, MAX_ROOT_BYTES

_READ_ONLY = "readonly"


def findings(arm: Arm, plan: Plan) -> list[Finding]:
    """All faults at once. Raises what the provider says when it cannot be asked at all."""
    group, _ = rights.resource_group(arm)
    if group is None:
        name = arm.access.resource_group
        return [_refuse("no-resource-group", name, f"There is no resource group '{name}'.",
                        "Create it, or name another one in the credentials block.")]  # fmt: skip
    catalogue = read(arm)
    there = {kind: _owners(arm, kind) for kind in (VM, DISK, NIC, NSG)}
    return [
        *_permissions(arm),
        *_locks(arm),
        *_names(plan, there),
        *_size(plan, catalogue),
        *_disks(plan, catalogue, there[DISK]),
        *_addresses(plan, catalogue),
        *_network_quota(plan, catalogue, there[NIC]),
    ]


def _refuse(code: str, subject: str, what: str, do: str) -> Finding:
    return Finding("refuse", code, subject, what, do)


def _permissions(arm: Arm) -> Iterator[Finding]:
    missing = rights.lacking(arm)
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


def _locks(arm: Arm) -> Iterator[Finding]:
    for name, level in rights.locks(arm) or ():
        if level.lower() == _READ_ONLY:
            yield _refuse(
                "locked", name, f"Lock '{name}' makes the resource group read-only.",
                "Remove the lock for the time of the migration.",
            )  # fmt: skip
        else:
            yield Finding(
                "warn", "locked", name, f"Lock '{name}' ({level}) forbids to delete anything.",
                "A rollback cannot clean up until it is removed.",
            )  # fmt: skip


def _owners(arm: Arm, kind: Kind) -> dict[str, str | None]:
    """The migration tag, if any, of everything of a kind, by lower-case name."""
    return {item["name"].lower(): tag(item, MIGRATION_TAG) for item in arm.in_group(kind)}


def _names(plan: Plan, there: dict[Kind, dict[str, str | None]]) -> Iterator[Finding]:
    """Names that are taken by objects which this migration did not make."""
    wanted: list[tuple[Kind, str]] = [(VM, str(plan.value("name")))]
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


def _disks(plan: Plan, catalogue: Catalogue, there: dict[str, str | None]) -> Iterator[Finding]:
    for device in plan.devices:
        size_bytes = vhd.padded_bytes(device.disk.size_bytes)
        kind = str(plan.value(f"disks[{device.index}].kind"))
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
    kinds = [str(plan.value(f"disks[{device.index}].kind")) for device in new]
    for family in sorted({kind.split("_")[0] for kind in kinds}):
        usage = catalogue.usages.get(f"{family.lower()}diskcount")
        count = sum(kind.split("_")[0] == family for kind in kinds)
        if usage is not None and usage.left < count:
            yield _refuse(
                "quota-disks", family,
                f"{count} disks of the kind {family} are needed, the quota leaves {usage.left}.",
                "Ask for a higher quota or remove disks.",
            )  # fmt: skip


def _addresses(plan: Plan, catalogue: Catalogue) -> Iterator[Finding]:
    mine = origin_mark(plan.machine)
    for index in range(len(plan.machine.nics)):
        subnet_id = str(plan.value(f"nics[{index}].subnet_id"))
        subnet = next((s for s in catalogue.subnets if same(s.id, subnet_id)), None)
        if subnet is None:
            yield _refuse(
                "no-subnet", f"nics[{index}]", f"There is no subnet {subnet_id} any more.",
                "Plan again and answer another subnet.",
            )  # fmt: skip
            continue
        yield from _room(plan, index, subnet, mine)


def _room(plan: Plan, index: int, subnet: Subnet, mine: str) -> Iterator[Finding]:
    address = wanted_address(plan, index)
    path = f"nics[{index}]"
    if address is None:
        if subnet.free() < 1 and mine not in subnet.used.values():
            yield _refuse(
                "subnet-full", path, f"Subnet {subnet.short} has no free address.",
                "Answer another subnet.",
            )  # fmt: skip
        return
    owner = subnet.used.get(str(ip_address(address)))
    if owner is not None and owner != mine:
        yield _refuse(
            "address-in-use", path, f"{address} in {subnet.short} is in use by now.",
            f"Free it, or answer another {path}.private_address.",
        )  # fmt: skip


def _network_quota(
    plan: Plan, catalogue: Catalogue, there: dict[str, str | None]
) -> Iterator[Finding]:
    names = [plan.object_name(f"nic{index}").lower() for index in range(len(plan.machine.nics))]
    needed = sum(name not in there for name in names)
    usage = catalogue.network_usages.get("networkinterfaces")
    if usage is not None and usage.left < needed:
        yield _refuse(
            "quota-network", catalogue.location,
            f"{needed} network interfaces are needed, the quota leaves {usage.left}.",
            "Ask for a higher quota or remove interfaces.",
        )  # fmt: skip
