"""Making the new machine from verified disks, and holding it against the plan."""

from collections.abc import Iterator, Sequence

from coldferry.errors import Conflict, CorruptCopy, Finding, UnknownMachine
from coldferry.plan import Plan
from coldferry.ports import PowerState, VerifiedDisk
from providers.libvirt.connection import Host, library, speaking
from providers.libvirt.definition import definition, macs
from providers.libvirt.describe_disks import is_disk
from providers.libvirt.holding import attached
from providers.libvirt.live import definition as definition_of
from providers.libvirt.live import describe
from providers.libvirt.made import made, moment_of
from providers.libvirt.power import domain, state_of
from providers.libvirt.probing import accelerated
from providers.libvirt.tags import tag_name
from providers.libvirt.volumes import at, make


def allocate(host: Host, plan: Plan, disks: Sequence[VerifiedDisk]) -> str:
    """Define it, its links down, and start nothing; one that is there is found. Its name."""
    if any(not disk.proof.equal for disk in disks):
        raise CorruptCopy("A disk is not proven.", "Run the same command again.")
    found = made(host, plan.migration)
    if found is not None:
        return str(found[0].name())
    name = str(plan.value("name"))
    if _taken(host, name):
        raise Conflict(
            f"There is a machine '{name}' already.", "Rename it, or answer another name."
        )
    pool = at(host, disks[0].ref).pool
    console = make(host, pool, tag_name(plan.migration, "console", f"{name}.log"), 0)
    kvm = accelerated(host, str(plan.value("architecture")), pool)
    text = definition(plan, disks, console.path, moment_of(host, plan.migration), kvm=kvm)
    with speaking("define the machine", name):
        host.connection().defineXMLFlags(text, library().VIR_DOMAIN_DEFINE_VALIDATE)
    return name


def _taken(host: Host, name: str) -> bool:
    try:
        domain(host, name)
    except UnknownMachine:
        return False
    return True


def compare(host: Host, plan: Plan, vm: str) -> list[Finding]:
    """What of it is not as planned."""
    return [Finding("warn", code, vm, what) for code, what in _differences(host, plan, vm)]


def _differences(host: Host, plan: Plan, vm: str) -> Iterator[tuple[str, str]]:
    if state_of(domain(host, vm)) is not PowerState.STOPPED:
        yield "power", f"{vm} is not stopped."
    found = describe(host, vm)
    for path in ("vcpus", "memory_bytes", "firmware", "architecture"):
        planned, there = plan.value(path), getattr(found, path)
        if planned != there:
            yield path, f"{path} of {vm} is {there}, planned was {planned}."
    there_macs = [nic.mac for nic in found.nics]
    if there_macs != macs(plan):
        yield "interfaces", f"{vm} has other interfaces than were planned."
    devices = [device.index for device in plan.devices]
    targets = [str(plan.value(f"disks[{index}].device")) for index in devices]
    if sorted(disk.device for disk in found.disks) != sorted(targets):
        yield "disks", f"{vm} has other disks than were planned."
    elements = definition_of(host, vm).findall("devices/disk")
    if len(attached(host, vm)) != len([one for one in elements if is_disk(one)]):
        yield "disks", f"A disk of {vm} has no volume, or it has a CD."
