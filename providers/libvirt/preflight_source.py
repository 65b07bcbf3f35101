"""What would make the halt, the freeze or the reading of a domain fail; nothing is changed."""

from collections.abc import Iterator

from coldferry.errors import Finding
from coldferry.plain import size
from coldferry.plan import Plan
from providers.libvirt.connection import Host
from providers.libvirt.freezing import frozen_volumes
from providers.libvirt.live import look_at
from providers.libvirt.power import domain
from providers.libvirt.room import lacking
from providers.libvirt.unmovable import refusal

_BUSY_S = 10.0
"""Other machines' copies make a pool busy for hours: the freeze looks again."""


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
    lacks = {pool: count - there.get(pool, 0) for pool, count in needed.items()}
    for pool, wanted in lacking(host, lacks, _BUSY_S):
        yield refusal(
            "no-room", pool.name,
            f"Pool {pool.name} has {size(pool.available_bytes)} left; the frozen copies of "
            f"{vm} take up to {size(wanted)} with a reserve.",
            "Make room in it: its volumes are copied before they are read.",
        )  # fmt: skip
