"""An image without a system, by which a machine is made that starts nothing.

EC2 starts every machine that it makes. A machine made of the copied root would run the guest,
which writes to its disks, once before its cutover. So it is made of an empty disk of 1 GiB, in
which no firmware finds anything to start, and gets its own disks once it is stopped. What an
image decides of a machine for good is in this one: architecture, boot mode, hvm, ENA.

Pages: RegisterImage of the EC2 API reference (defaults: i386, paravirtual, no ENA; a name is
unique in the account and region, and there is no client token); "Instance launch behavior with
Amazon EC2 boot modes"; "Enhanced networking with ENA" (Nitro types want the image to say it).
"""

from collections.abc import Mapping
from typing import Any

from coldferry.errors import Conflict, ProviderError, Transient
from coldferry.plan import Plan
from providers.aws.client import speaking
from providers.aws.listing import made_by, rows, tag_rows, tagging
from providers.aws.pauses import Pauses
from providers.aws.session import Clients
from providers.aws.snapshots import wait_completed
from providers.aws.target_disks import written
from providers.aws.target_tags import FRAME, FROM_TAG, disk_tags, long_gone, our_tags, tokens
from providers.aws.writing import SnapshotWriter, delete_snapshot

_BOOT_MODES = {"bios": "legacy-bios", "uefi": "uefi"}
_READY_WITHIN_S = 600.0
_GIB = 1 << 30


def ensure_frame(clients: Clients, plan: Plan, root_device: str) -> str:
    """The image's id. Raises Conflict when its name is a stranger's."""
    image = _found(clients, plan)
    if image is None:
        empty = {root_device: _empty_disk(clients, plan)}
        return register(clients, plan, empty, root_device)
    _wait(clients, image)
    return image


def boot_mode(plan: Plan) -> str:
    """EC2's word for the firmware."""
    return _BOOT_MODES[str(plan.value("firmware"))]


def image_name(plan: Plan) -> str:
    """What the image is called: 128 characters at most, of those that EC2 takes."""
    return plan.object_name(FRAME)[-128:]


def _found(clients: Clients, plan: Plan) -> str | None:
    found = rows(clients, "describe_images", "our image", made_by(plan.migration))
    usable = [row for row in found if row["State"] in ("available", "pending")]
    return str(usable[0]["ImageId"]) if usable else None


def register(clients: Clients, plan: Plan, disks: Mapping[str, str], root_device: str) -> str:
    """Make an image of these snapshots by device name, and wait for it; its id.

    Its instances' volumes end with them. Raises Conflict when its name is a stranger's.
    """
    name = image_name(plan)
    taken = Conflict(
        f"An image '{name}' that this migration did not make is in the account.",
        "Deregister it, then run the same command again.",
    )
    asked: Any = {
        "Name": name,
        "Description": f"coldferry {plan.migration}",
        "Architecture": plan.value("architecture"),
        "BootMode": boot_mode(plan),
        "VirtualizationType": "hvm",
        "EnaSupport": True,
        "RootDeviceName": root_device,
        "BlockDeviceMappings": [
            {
                "DeviceName": place,
                "Ebs": {"SnapshotId": disk, "VolumeType": "gp3", "DeleteOnTermination": True},
            }
            for place, disk in sorted(disks.items())
        ],
        "TagSpecifications": tagging("image", our_tags(plan)),
    }
    try:
        with speaking("ec2:RegisterImage", name, {"InvalidAMIName.Duplicate": taken}):
            image = str(clients.ec2.register_image(**asked)["ImageId"])
    except Conflict:  # ours after all: the reply to an earlier try was lost
        if (found := _found(clients, plan)) is None:
            raise
        image = found
    _wait(clients, image)
    return image


def _empty_disk(clients: Clients, plan: Plan) -> str:
    """A completed snapshot of 1 GiB without a block."""
    for row in written(clients, plan.migration, FRAME):
        if row["State"] == "completed":
            return str(row["SnapshotId"])
        clients.erased.add(row["SnapshotId"])
        delete_snapshot(clients, row["SnapshotId"])
    tags = disk_tags(plan, FRAME) | {FROM_TAG: FRAME}
    for token in tokens(plan.migration, FRAME):
        with speaking("ebs:StartSnapshot", f"the empty disk of {plan.migration}"):
            answer = clients.ebs.start_snapshot(
                VolumeSize=1, ClientToken=token, Tags=tag_rows(tags),
                Description=f"coldferry {plan.migration} {FRAME}", Timeout=10,
            )  # fmt: skip
        snapshot = answer["SnapshotId"]
        if snapshot in clients.erased or long_gone(answer["StartTime"], answer):
            continue
        writer = SnapshotWriter(clients, snapshot, _GIB, fresh=True)
        try:
            writer.commit()
        finally:
            writer.close()
        wait_completed(clients, [snapshot])
        return str(snapshot)
    raise ProviderError(f"The empty disk of {plan.migration} is deleted again and again.")


def _wait(clients: Clients, image: str) -> None:
    pauses = Pauses(_READY_WITHIN_S)
    while True:
        found = rows(clients, "describe_images", image, {"image-id": image})
        state = found[0]["State"] if found else "pending"
        if state == "available":
            return
        if state not in ("pending", "transient"):
            raise ProviderError(f"EC2 could not make the image {image}: it is {state}.")
        if pauses.over:
            raise Transient(f"The image {image} is still {state}.", "Run the same command again.")
        pauses.pause()
