"""Everything that would make the host refuse, found before anything is created."""

from collections.abc import Iterator

from coldferry.errors import Finding
from coldferry.plain import size
from coldferry.plan import Plan
from providers.libvirt import offers
from providers.libvirt.catalogue import Catalogue
from providers.libvirt.connection import Host
from providers.libvirt.made import data_volumes, made
from providers.libvirt.power import domain
from providers.libvirt.unmovable import refusal


def findings(host: Host, plan: Plan) -> list[Finding]:
    """All faults at once; what the plan leaves open is not looked at."""
    catalogue = offers.read(host)
    return [
        *_name(host, plan, catalogue),
        *_networks(plan, catalogue),
        *_pools(host, plan, catalogue),
    ]


def _name(host: Host, plan: Plan, catalogue: Catalogue) -> Iterator[Finding]:
    name = plan.value("name")
    if name not in [one.name for one in catalogue.machines]:
        return
    found = made(host, plan.migration)
    if found is None or found[0].name() != domain(host, name).name():
        yield refusal("name-taken", name, f"A machine '{name}' exists already.",
                      "Rename it, or answer another name.")  # fmt: skip


def _networks(plan: Plan, catalogue: Catalogue) -> Iterator[Finding]:
    there = [one.id for one in catalogue.networks]
    for index in range(len(plan.machine.nics)):
        network = plan.value(f"nics[{index}].subnet_id")
        if network is not None and network not in there:
            yield refusal("no-network", f"nics[{index}]", f"Network {network} is not active.",
                          "Start it, or answer another one.")  # fmt: skip


def _pools(host: Host, plan: Plan, catalogue: Catalogue) -> Iterator[Finding]:
    there = {one.name: one.available_bytes for one in catalogue.pools}
    needed: dict[str, int] = {}
    for device in plan.devices:
        pool = plan.value(f"disks[{device.index}].kind")
        if pool is not None:
            needed[pool] = needed.get(pool, 0) + device.disk.size_bytes
    for _, volume in data_volumes(host, plan.migration):
        if volume.pool in needed:
            needed[volume.pool] -= volume.allocation_bytes
    for pool, count in needed.items():
        if pool not in there:
            yield refusal("no-pool", pool, f"Pool {pool} is not active.",
                          "Start it, or answer another one.")  # fmt: skip
        elif count > there[pool]:
            yield Finding(
                "warn", "thin-pool", pool,
                f"Pool {pool} has {size(there[pool])} left; the disks may grow by {size(count)}.",
                "See that there is room for what they hold: volumes are sparse.",
            )  # fmt: skip
