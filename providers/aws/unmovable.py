"""What stands against moving an instance, all at once.

Sources: "Stop and start Amazon EC2 instances", "Hibernate your Amazon EC2
instance", "Temporarily suspend instances in an Auto Scaling group", "Attach an
EBS volume to multiple EC2 instances using Multi-Attach".
"""

import re
from collections.abc import Iterator

from coldferry.errors import Finding, ProviderError, in_order
from coldferry.machine import Machine
from coldferry.migration import ATTEMPT_TAG, POWER_TAG
from coldferry.ports import PowerState
from providers.aws.client import speaking
from providers.aws.instances import power_of, tags_of
from providers.aws.inventory import Inventory
from providers.aws.session import Clients

_MAX_TAGS = 50

_GROUP_TAG = "aws:autoscaling:groupName"

_SCHEDULED = re.compile(
    r"(aws|ec2|instance|power|cloudaware)?scheduler?(ec2)?(startstop)?|(ec2|auto)?startstop"
    r"|(maid|custodian|c7n)?(off|on)hours|auto(start|on)(time|schedule)?"
)
"""Tag keys without their punctuation: Instance Scheduler on AWS (``Schedule``), Cloud Custodian's
off hours (``maid_offhours``), EC2 Scheduler (``scheduler:ec2-startstop``), Cloudaware
(``cloudaware:scheduler``), and what teams call their own."""


def findings_of(clients: Clients, inventory: Inventory, machine: Machine) -> list[Finding]:
    """``refuse`` first, then ``warn``, then ``inform``."""
    vm = machine.origin.id
    found = [
        *_life(clients, inventory, vm),
        *_disks(inventory, machine),
        *_place(inventory, machine),
        *_schedulers(inventory, vm),
        *_lost_on_stop(inventory, machine),
        *_tags(inventory, vm),
    ]
    return in_order(found)


def _life(clients: Clients, inventory: Inventory, vm: str) -> Iterator[Finding]:
    instance = inventory.instance
    if group := _scaling_group(clients, inventory, vm):
        yield Finding(
            "refuse", "in-scaling-group", vm,
            f"{vm} belongs to the Auto Scaling group {group}, which replaces it when it stops.",
            "Detach it from the group, then plan the migration again.",
        )  # fmt: skip
    if instance.get("InstanceLifecycle") == "spot":
        yield Finding(
            "refuse", "spot", vm,
            f"{vm} is a Spot Instance: EC2 may end it at any time.",
            "Make an image of it, start an On-Demand machine from that, and move that one.",
        )  # fmt: skip
    reason = instance.get("StateReason", {}).get("Code", "")
    if reason == "Client.UserInitiatedHibernate" and power_of(instance) is PowerState.STOPPED:
        yield Finding(
            "refuse", "hibernated", vm,
            f"{vm} is hibernated: its disks hold a paused system, not a shut-down one.",
            "Start it and shut it down from within, then plan the migration again.",
        )  # fmt: skip


def _tags(inventory: Inventory, vm: str) -> Iterator[Finding]:
    """Two tags of ours must fit ("Tag your Amazon EC2 resources": 50, those of AWS not counted)."""
    names = {row["Key"] for row in inventory.instance.get("Tags", [])}
    wanted = {name for name in names if not name.startswith("aws:")} | {ATTEMPT_TAG, POWER_TAG}
    if len(wanted) > _MAX_TAGS:
        yield Finding(
            "refuse", "no-room-for-tags", vm,
            f"{vm} has {len(names)} tags, and EC2 allows {_MAX_TAGS}: two more are needed to keep "
            "track of the migration.",
            f"Remove {len(wanted) - _MAX_TAGS} of its tags, then plan the migration again.",
        )  # fmt: skip


def _scaling_group(clients: Clients, inventory: Inventory, vm: str) -> str | None:
    """By its tag; where that was not copied, by asking Auto Scaling, if it lets us."""
    if group := tags_of(inventory.instance.get("Tags", [])).get(_GROUP_TAG):
        return group
    try:
        with speaking("autoscaling:DescribeAutoScalingInstances", vm):
            answer = clients.autoscaling.describe_auto_scaling_instances(InstanceIds=[vm])
    except ProviderError:
        return None  # EC2 sets the tag on every member; this is the second look
    rows = answer["AutoScalingInstances"]
    return rows[0]["AutoScalingGroupName"] if rows else None


def _disks(inventory: Inventory, machine: Machine) -> Iterator[Finding]:
    vm = machine.origin.id
    if not machine.disks and machine.root_image is None:
        yield Finding(
            "refuse", "no-disk", vm,
            f"{vm} has no disk to move: attach its volumes, or leave it where it is.",
        )  # fmt: skip
    if machine.root_image is not None:
        yield Finding(
            "warn", "root-not-persistent", vm,
            f"The root device of {vm} is an instance store: EC2 cannot stop it, and its content "
            "is not copied. Its disks are frozen while it runs.",
            "Stop what writes to its disks first; the new machine's root comes from an image.",
        )  # fmt: skip
    for volume in inventory.volumes:
        disk = volume["VolumeId"]
        holders = {row.get("InstanceId", "") for row in volume.get("Attachments", [])} - {vm}
        if holders:
            yield Finding(
                "refuse", "shared-disk", disk,
                f"The disk {disk} is attached to {', '.join(sorted(holders))} too.",
                "Detach it there, or leave it out of the machine, then plan again.",
            )  # fmt: skip
        elif volume.get("MultiAttachEnabled"):
            yield Finding(
                "warn", "multi-attach", disk,
                f"The disk {disk} may be attached to other machines while it is copied.",
                "See that nobody attaches it until the migration has ended.",
            )  # fmt: skip
        if outpost := volume.get("OutpostArn"):
            yield Finding(
                "refuse", "outpost-disk", disk,
                f"The disk {disk} is on the Outpost {outpost}, whose snapshots cannot be read.",
                "Copy the disk into the region, attach the copy instead, then plan again.",
            )  # fmt: skip


def _place(inventory: Inventory, machine: Machine) -> Iterator[Finding]:
    vm = machine.origin.id
    if machine.tenancy in ("dedicated", "host"):
        yield Finding(
            "warn", "dedicated", vm,
            f"{vm} runs on hardware of its own (tenancy {machine.tenancy}).",
            "See whether its licences or rules ask for that at the target too.",
        )  # fmt: skip
    for nic in machine.nics:
        for group in nic.security_groups:
            if group.id not in inventory.groups:
                yield Finding(
                    "warn", "security-group-unseen", group.id,
                    f"The rules of the security group {group.id} of {nic.id} cannot be seen: "
                    "it belongs to another account.",
                    "Ask the network's owner for its rules before you answer for the target.",
                )  # fmt: skip


def _schedulers(inventory: Inventory, vm: str) -> Iterator[Finding]:
    """A tag by which a scheduler starts machines would start this one amid its copy."""
    for key, value in tags_of(inventory.instance.get("Tags", [])).items():
        if _SCHEDULED.fullmatch(re.sub(r"[^a-z0-9]", "", key.lower())):
            yield Finding(
                "warn", "scheduled", vm,
                f"{vm} bears the tag {key}={value}, by which a scheduler may start it again while "
                "it is copied.",
                "Suspend its schedule until the migration has ended.",
            )  # fmt: skip


def _lost_on_stop(inventory: Inventory, machine: Machine) -> Iterator[Finding]:
    vm = machine.origin.id
    configured = inventory.instance.get("HibernationOptions", {}).get("Configured")
    if configured and power_of(inventory.instance) is not PowerState.STOPPED:
        yield Finding(
            "inform", "hibernation-configured", vm,
            f"{vm} can hibernate; it is shut down instead, so what is in its memory only is lost.",
            "End what runs in it before the migration.",
        )  # fmt: skip
    if machine.ephemeral_disks:
        names = ", ".join(disk.device for disk in machine.ephemeral_disks)
        yield Finding(
            "warn", "instance-store-lost", vm,
            f"Stopping {vm} loses what is on its instance store disks ({names}).",
            "Copy what is needed to another disk before the migration.",
        )  # fmt: skip
    for nic in machine.nics:
        if nic.public_address_kind == "automatic":
            yield Finding(
                "warn", "public-address-lost", nic.id,
                f"Stopping {vm} gives its public address {nic.public_address} back for good.",
                "Point its users to a name, or give it an Elastic IP address, before the move.",
            )  # fmt: skip
        if nic.public_address_kind == "reserved":
            yield Finding(
                "inform", "elastic-address-stays", nic.id,
                f"The Elastic IP address {nic.public_address} stays with the stopped {vm}, and "
                "goes on costing.",
                "Release it once the new machine has an address of its own.",
            )  # fmt: skip
        if nic.more_private_addresses:
            yield Finding(
                "inform", "secondary-addresses-stay", nic.id,
                f"{', '.join(nic.more_private_addresses)} stay with {nic.id} of the stopped {vm}.",
                "Nothing else can have them until they are taken from it.",
            )  # fmt: skip
