"""What a new machine takes of a subscription's quotas and of its subnets. Pure.

Pages: "Usage - List" of Compute (``cores``, one name for each family, ``virtualMachines``, one
``…DiskCount`` for each kind of disk) and of Network (``NetworkInterfaces``,
``NetworkSecurityGroups``): the quotas that preflight holds one machine against.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

from coldferry.offered import Subnet, Usage, origin_mark
from coldferry.plan import Plan
from coldferry.rations import Ration
from providers.azure.catalogue import Catalogue
from providers.azure.ids import same


def rations(plan: Plan, catalogue: Catalogue, subscription: str) -> list[Ration]:
    """Of each quota what the machine needs; of what its migration has made nothing.

    A disk counts although it may be there: the catalogue does not list disks.
    """
    place = f"{subscription}/{catalogue.location}"
    return [
        *_machine(plan, catalogue, place),
        *_disks(plan, catalogue, place),
        *_interfaces(plan, catalogue, place),
    ]


def _ration(
    usages: Mapping[str, Usage], key: str, place: str, what: str, needed: int
) -> Iterator[Ration]:
    """Nothing where the cloud has no such quota."""
    if (usage := usages.get(key.lower())) is not None:
        yield Ration(place=place, what=what, needed=needed, left=usage.left)


def _machine(plan: Plan, catalogue: Catalogue, place: str) -> Iterator[Ration]:
    mine = origin_mark(plan.machine)
    made = any(vm.origin == mine for vm in catalogue.vms)
    where = catalogue.location
    yield from _ration(
        catalogue.usages, "virtualmachines", place, f"VMs in {where}", 0 if made else 1
    )
    size = catalogue.size(str(plan.value("instance_type")))
    if size is not None:
        cores = 0 if made else size.vcpus
        yield from _ration(catalogue.usages, "cores", place, f"vCPUs in {where}", cores)
        what = f"{size.family} vCPUs in {where}"
        yield from _ration(catalogue.usages, size.family, place, what, cores)


def _disks(plan: Plan, catalogue: Catalogue, place: str) -> Iterator[Ration]:
    kinds = [plan.value(f"disks[{device.index}].kind") for device in plan.devices]
    families = Counter(str(kind).partition("_")[0] for kind in kinds if kind is not None)
    for family, count in families.items():
        what = f"{family} disks in {catalogue.location}"
        yield from _ration(catalogue.usages, f"{family}DiskCount", place, what, count)


def _interfaces(plan: Plan, catalogue: Catalogue, place: str) -> Iterator[Ration]:
    mine, many = origin_mark(plan.machine), len(plan.machine.nics)
    made = sum(owner == mine for subnet in catalogue.subnets for owner in subnet.used.values())
    where = catalogue.location
    for key, what, needed in (
        ("NetworkInterfaces", f"network interfaces in {where}", max(0, many - made)),
        ("NetworkSecurityGroups", f"security groups in {where}", 0 if made else 1),
    ):
        yield from _ration(catalogue.network_usages, key, place, what, needed)
    for subnet, joining in _joined(plan, catalogue):
        own = sum(owner == mine for owner in subnet.used.values())
        yield Ration(
            place=subnet.id, what=f"addresses in {subnet.short}",
            needed=max(0, joining - own), left=subnet.free(),
        )  # fmt: skip


def _joined(plan: Plan, catalogue: Catalogue) -> Iterator[tuple[Subnet, int]]:
    """The subnets that are chosen, and how many of the machine's interfaces join each."""
    chosen = [plan.value(f"nics[{index}].subnet_id") for index in range(len(plan.machine.nics))]
    for subnet in catalogue.subnets:
        if joining := sum(said is not None and same(subnet.id, str(said)) for said in chosen):
            yield subnet, joining
