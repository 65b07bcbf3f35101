"""What becomes of a package afterwards: whether it is as planned, what a discard would lose."""

from collections.abc import Iterator

from coldferry.errors import CorruptCopy, Finding
from coldferry.machine import Origin
from coldferry.plan import Plan
from providers.ovf.writing import making, package
from providers.ovf.writing.records import PackageRecord
from providers.ovf.writing.staging import Staging


def differences(staging: Staging, plan: Plan, origin: Origin) -> Iterator[Finding]:
    """What of the package is not as planned; its disks are read again if it was written to."""
    made = staging.package()
    name = f"{plan.value('name')}.ova"
    if made is None:
        what = f"{name} is gone, or is another than the one that was made."
        yield Finding("warn", "package", name, what, "Look who writes to the folder.")
        return
    packed = [one for device in plan.devices if (one := staging.packed(device.name)) is not None]
    path = staging.folder / made.package
    head = package.read_head(path)
    _, text = making.descriptor(plan, origin, packed)
    if head is None or head.descriptor != text:
        what = f"The descriptor in {made.package} is not the plan's."
        yield Finding("warn", "descriptor", made.package, what, "Look who writes to the folder.")
    if made.running:
        what = f"{made.package} was given out: it may be deployed somewhere."
        yield Finding("warn", "power", made.package, what)
    if making.standing(path) == made.stood:
        return
    try:
        package.prove(path, package.read_places(path), packed)
    except CorruptCopy as altered:
        yield Finding("warn", "altered", made.package, altered.what, altered.do)


def at_stake(made: PackageRecord | None) -> list[Finding]:
    """Nothing is, but where it was given out: what it was deployed as may hold newer data."""
    if made is None or not made.starts:
        return []
    return [
        Finding(
            "warn", "used", made.package,
            f"{made.package} was given out: a machine that was deployed from it may hold data "
            "that is nowhere else, and is out of Coldferry's sight.",
            "Stop that machine by its own means before the source is started again.",
        )
    ]  # fmt: skip
