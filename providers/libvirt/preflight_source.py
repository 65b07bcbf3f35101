"""What would make the halt, the freeze or the reading of a domain fail; nothing is changed."""

from collections.abc import Iterator

from coldferry.errors import Finding
from coldferry.plain import size
from coldferry.plan import Plan
from providers.libvirt.connection import Host
from providers.libvirt.freezing import frozen_volumes
from providers.libvirt.live import look_at
from providers.libvirt.power import domain
from providers.libvirt.unmovable import refusal
from providers.libvirt.volumes import pools


def findings(host: Host, vm: str, plan: Plan) -> list[Finding]:
    """All at once. Raises UnknownMachine."""
    domain(host, vm)
    return list(_room(host, vm, plan))


def _room(host: Host, vm: str, plan: Plan) -> Iterator[Finding]:
    """Each pool has to hold a copy of what is allocated; what is frozen already counts as there."""
    copied = {device.disk.id for device in plan.devices}
    there: dict[str, int] = {}
    for _, volume in frozen_volumes(host, plan.migration):
        there[volume.pool] = there.get(volume.pool, 0) + volume.allocation_bytes
    needed: dict[str, int] = {}
    for source, volume in look_at(host, vm)[1]:
        if source.place in copied:
            needed[volume.pool] = needed.get(volume.pool, 0) + volume.allocation_bytes
    for pool in pools(host):
        lacks = needed.get(pool.name, 0) - there.get(pool.name, 0)
        if lacks > pool.available_bytes:
            yield refusal(
                "no-room", pool.name,
                f"Pool {pool.name} has {size(pool.available_bytes)} left; the frozen copies of "
                f"{vm} take up to {size(lacks)}.",
                "Make room in it: its volumes are copied before they are read.",
            )  # fmt: skip
