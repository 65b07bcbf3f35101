"""A look at a running machine's disks, through a temporary freeze that is always released."""

from coldferry.copying import data_extents
from coldferry.plan import Plan
from coldferry.ports import FrozenDisk, Source


def allocated_bytes(source: Source, vm: str, plan: Plan) -> dict[str, int]:
    """The sum of the provider's extents, by device name.

    Makes one temporary frozen state under a migration of its own, and releases
    it on every end.
    """
    inspection = f"{plan.migration}-inspect"
    try:
        return {
            frozen.device.name: _allocated(source, frozen)
            for frozen in source.freeze(vm, inspection, plan.devices)
        }
    finally:
        source.release(inspection)


def _allocated(source: Source, frozen: FrozenDisk) -> int:
    with source.open_frozen(frozen) as reader:
        return sum(length for _, length in data_extents(reader))
