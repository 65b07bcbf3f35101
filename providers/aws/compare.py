"""Whether the new VM is what was planned."""

from collections.abc import Iterator
from typing import Any

from coldferry.errors import Finding
from coldferry.plan import Plan
from coldferry.ports import PowerState
from providers.aws import deny_all, new_volumes
from providers.aws.frame import boot_mode
from providers.aws.instances import power_of, read_living, tags_of
from providers.aws.launching import interfaces, vm_tags, wanted_address
from providers.aws.session import Clients
from providers.aws.target_tags import DEVICE_TAG, tag_of
from providers.aws.volumes import attachment_to


def compare(clients: Clients, plan: Plan, vm: str) -> list[Finding]:
    """What of the new VM is not as planned; empty when all is."""
    row = read_living(clients, vm)
    return [*_machine(plan, row), *_interfaces(plan, row), *_volumes(clients, plan, vm)]


def _differs(subject: str, thing: str, planned: Any, found: Any) -> Iterator[Finding]:
    if planned != found:
        yield Finding(
            "refuse", "not-as-planned", subject,
            f"{subject}: {thing} is {found}, planned is {planned}.",
            "Discard the new machine and run the same command again.",
        )  # fmt: skip


def _machine(plan: Plan, row: Any) -> Iterator[Finding]:
    vm, there = row["InstanceId"], tags_of(row.get("Tags", []))
    yield from _differs(vm, "the type", plan.value("instance_type"), row.get("InstanceType"))
    yield from _differs(vm, "the CPU", plan.value("architecture"), row.get("Architecture"))
    mode = row.get("CurrentInstanceBootMode") or row.get("BootMode")
    if mode is not None:
        yield from _differs(vm, "the boot mode", boot_mode(plan), mode)
    stopped = power_of(row) is PowerState.STOPPED
    yield from _differs(vm, "its power state", "stopped", "stopped" if stopped else "not stopped")
    yield from _differs(
        vm, "the zone", _zone(plan), row.get("Placement", {}).get("AvailabilityZone")
    )
    root = new_volumes.root_place(plan)
    yield from _differs(vm, "the root device", root, row.get("RootDeviceName"))
    for key, value in vm_tags(plan).items():
        yield from _differs(vm, f"tag '{key}'", value, there.get(key))


def _zone(plan: Plan) -> str:
    return str(plan.value("zone"))


def _interfaces(plan: Plan, row: Any) -> Iterator[Finding]:
    order, there = deny_all.nic_order(plan), interfaces(row)
    yield from _differs(row["InstanceId"], "the number of interfaces", len(order), len(there))
    for index, nic in zip(order, there, strict=False):
        path = f"nics[{index}]"
        yield from _differs(path, "the subnet", plan.value(f"{path}.subnet_id"), nic["SubnetId"])
        if address := wanted_address(plan, index):
            yield from _differs(path, "the address", address, nic.get("PrivateIpAddress"))
        if not nic.get("Groups"):
            yield from _differs(path, "the security group", "deny-all", None)
        yield from _differs(
            path, "packet forwarding", bool(plan.value(f"{path}.forwards_packets")),
            nic.get("SourceDestCheck") is False,
        )  # fmt: skip


def _volumes(clients: Clients, plan: Plan, vm: str) -> Iterator[Finding]:
    there = {
        hold["Device"]: (volume, hold)
        for volume in new_volumes.ours(clients, plan.migration).values()
        if (hold := attachment_to(volume, vm)) is not None
    }
    wanted = new_volumes.places(plan)
    yield from _differs(vm, "the volumes' places", sorted(wanted.values()), sorted(there))
    for device in plan.devices:
        volume, hold = there.get(wanted[device.name], ({}, {}))
        yield from _differs(device.name, "the disk", device.name, tag_of(volume, DEVICE_TAG))
        for key, value in new_volumes.asked(plan, device.index).items():
            yield from _differs(device.name, f"its {key}", value, volume.get(key))
        if plan.value(f"disks[{device.index}].encrypted"):
            yield from _differs(device.name, "encryption", True, volume.get("Encrypted"))
        goes = bool(plan.value(f"disks[{device.index}].deleted_with_machine"))
        yield from _differs(
            device.name, "that it ends with the machine", goes,
            bool(hold.get("DeleteOnTermination")),
        )  # fmt: skip
