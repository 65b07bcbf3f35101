"""Whether the new VM is what was planned."""

from collections.abc import Iterator
from typing import Any

from coldferry.errors import Finding
from coldferry.plan import Plan
from coldferry.ports import PowerState
from coldferry.resolvers import resolver_addresses
from providers.azure import power, vhd
from providers.azure.client import Arm
from providers.azure.ids import Json, last, part, properties, same
from providers.azure.kinds import DISK, NIC
from providers.azure.machines import vm_tags
from providers.azure.network import wanted_address
from providers.azure.rules_storage import lun


def compare(arm: Arm, plan: Plan, vm: str) -> list[Finding]:
    """What of the new VM is not as planned; empty when all is."""
    found = power.read_vm(arm, vm)
    return [*_machine(plan, found), *_interfaces(arm, plan, found), *_disks(arm, plan, found)]


def _differs(subject: str, thing: str, planned: Any, found: Any) -> Iterator[Finding]:
    if planned != found:
        yield Finding(
            "refuse", "not-as-planned", subject,
            f"{subject}: {thing} is {found}, planned is {planned}.",
            "Discard the new VM and run the same command again.",
        )  # fmt: skip


def _machine(plan: Plan, vm: Json) -> Iterator[Finding]:
    said, name = properties(vm), vm["name"]
    size = (said.get("hardwareProfile") or {}).get("vmSize")
    yield from _differs(name, "the size", plan.value("instance_type"), size)
    yield from _differs(name, "the name", plan.value("name"), name)
    stopped = power.state_of(vm) is PowerState.STOPPED
    yield from _differs(name, "its power state", "stopped", "stopped" if stopped else "not stopped")
    there = {key.lower(): value for key, value in (vm.get("tags") or {}).items()}
    for key, value in vm_tags(plan).items():
        yield from _differs(name, f"tag '{key}'", value, there.get(key.lower()))


def _interfaces(arm: Arm, plan: Plan, vm: Json) -> Iterator[Finding]:
    entries = (properties(vm).get("networkProfile") or {}).get("networkInterfaces") or []
    yield from _differs(
        vm["name"], "the number of interfaces", len(plan.machine.nics), len(entries)
    )
    for index, entry in enumerate(entries[: len(plan.machine.nics)]):
        path = f"nics[{index}]"
        nic = properties(arm.get(NIC, last(entry["id"]), part(entry["id"], "resourceGroups")))
        placed = properties((nic.get("ipConfigurations") or [{}])[0])
        subnet = (placed.get("subnet") or {}).get("id")
        planned_subnet = plan.value(f"{path}.subnet_id")
        if not same(subnet, planned_subnet):
            yield from _differs(path, "the subnet", planned_subnet, subnet)
        address = wanted_address(plan, index)
        if address is not None:
            yield from _differs(path, "the address", address, placed.get("privateIPAddress"))
        if not (nic.get("networkSecurityGroup") or {}).get("id"):
            yield from _differs(path, "the security group", "deny-all", None)
        yield from _differs(
            path, "packet forwarding", bool(plan.value(f"{path}.forwards_packets")),
            bool(nic.get("enableIPForwarding")),
        )  # fmt: skip
        resolvers = list((nic.get("dnsSettings") or {}).get("dnsServers") or [])
        yield from _differs(
            path, "the resolvers", resolver_addresses(plan.value("dns.servers")), resolvers
        )


def _disks(arm: Arm, plan: Plan, vm: Json) -> Iterator[Finding]:
    storage = properties(vm).get("storageProfile") or {}
    places = {int(disk["lun"]): disk for disk in storage.get("dataDisks") or ()}
    planned = [device for device in plan.devices if not device.disk.root]
    copied = [device.index for device in plan.devices]
    yield from _differs(vm["name"], "the number of data disks", len(planned), len(places))
    for device in plan.devices:
        place = (
            storage.get("osDisk")
            if device.disk.root
            else places.get(lun(plan.machine, copied, device.index))
        )
        name = last(((place or {}).get("managedDisk") or {}).get("id") or "")
        yield from _differs(device.name, "the disk", plan.object_name(device.name), name or None)
        disk = arm.find(DISK, name) if name else None
        if disk is not None:
            size_bytes = properties(disk).get("diskSizeBytes")
            wanted = vhd.padded_bytes(device.disk.size_bytes)
            yield from _differs(device.name, "the size", wanted, size_bytes)
            kind = (disk.get("sku") or {}).get("name")
            yield from _differs(
                device.name, "the kind", plan.value(f"disks[{device.index}].kind"), kind
            )
