"""Whether what a migration made was used since, so that nobody's new data is thrown away.

Pages: Instance (LaunchTime is of its last start) and VolumeAttachment (AttachTime) of the EC2
API reference. Both are written down as tags once the new VM is left stopped with its volumes,
which no machine has run with by then.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from coldferry.errors import Finding
from coldferry.migration import ATTEMPT_TAG, POWER_TAG, Marks, State
from coldferry.ports import PowerState
from providers.aws import beside
from providers.aws.client import speaking
from providers.aws.instances import power_of, read_living, tags_of
from providers.aws.listing import made_by, rows, tag_rows
from providers.aws.session import Clients
from providers.aws.target_tags import DEVICE_TAG, FRAME, PROVEN_TAG, moment, tag_of
from providers.aws.volumes import attachment_to

_STAYED = frozenset({State.REJECTED, State.ROLLED_BACK})
"""Only so does a next move end with the VM where it is: once finalised, another runs for it."""

_LIVING = ("pending", "running", "stopping", "stopped")


def at_stake(clients: Clients, migration: str, *, arrived: bool) -> list[Finding]:
    """See ``Target.at_stake``."""
    filters = {**made_by(migration), "instance-state-name": _LIVING}
    vms = rows(clients, "describe_instances", f"the machine of {migration}", filters)
    volumes = _volumes(clients, migration)
    ours = {vm["InstanceId"] for vm in vms}
    return [
        *(one for vm in vms for one in beside.foreign(clients, vm, migration)),
        *(one for vm in vms for one in _leaving(vm)),
        *(one for volume in volumes for one in _held(volume, ours)),
        *(one for vm in vms for one in _vm_used(vm, arrived=arrived)),
        *(one for volume in volumes for one in _volume_used(volume, ours, arrived=arrived)),
    ]


def record_proof(clients: Clients, migration: str, vm: str) -> None:
    """Write on the VM when it was last started, and before that on its volumes since when."""
    at: dict[str, list[str]] = defaultdict(list)
    for volume in _volumes(clients, migration):
        hold = attachment_to(volume, vm)
        if hold is not None:
            at[moment(hold.get("AttachTime"))].append(volume["VolumeId"])
    at_last = moment(read_living(clients, vm).get("LaunchTime"))
    for value, things in [*at.items(), (at_last, [vm])]:
        with speaking("ec2:CreateTags", ", ".join(things)):
            clients.ec2.create_tags(Resources=things, Tags=tag_rows({PROVEN_TAG: value}))


def _volumes(clients: Clients, migration: str) -> list[Any]:
    found = rows(clients, "describe_volumes", f"the disks of {migration}", made_by(migration))
    return [one for one in found if tag_of(one, DEVICE_TAG) != FRAME]


def _leaving(vm: Any) -> Iterator[Finding]:
    """It is the source of a migration of its own by now, or was: another may run in its place."""
    tags, own = tags_of(vm.get("Tags", [])), vm["InstanceId"]
    marks = Marks.parse(tags.get(ATTEMPT_TAG, ""), tags.get(POWER_TAG), own)
    if marks is not None and marks.state not in _STAYED:
        yield Finding(
            "refuse", "moved-on", own,
            f"{own} is the source of {marks.migration}, which is {marks.state}.",
            "The machine that it made has taken over: finalise this migration, too."
            if marks.state is State.FINALISED
            else f"Go on with it, or undo it first with 'coldferry rollback {marks.migration}'.",
        )  # fmt: skip


def _held(volume: Any, ours: set[str]) -> Iterator[Finding]:
    for attachment in volume.get("Attachments", []):
        holder = attachment.get("InstanceId", "")
        if holder and holder not in ours:
            yield Finding(
                "refuse", "disk-held", volume["VolumeId"],
                f"{volume['VolumeId']} is attached to {holder}, which this migration did not make.",
                "Detach it there, or keep it: a disk without the migration's tag is never removed.",
            )  # fmt: skip


def _vm_used(vm: Any, *, arrived: bool) -> Iterator[Finding]:
    proven, own = tag_of(vm, PROVEN_TAG), vm["InstanceId"]
    if proven is None and not arrived:
        return  # it was never left stopped: production did not have it yet
    if power_of(vm) is not PowerState.STOPPED:
        yield _used(own, f"{own} runs.")
    elif proven is None:
        yield _used(own, f"{own} bears no proof any more.")
    elif proven != moment(vm.get("LaunchTime")):
        yield _used(own, f"{own} was started since it was left stopped.")


def _volume_used(volume: Any, ours: set[str], *, arrived: bool) -> Iterator[Finding]:
    proven, own = tag_of(volume, PROVEN_TAG), volume["VolumeId"]
    since = [
        moment(one.get("AttachTime"))
        for one in volume.get("Attachments", [])
        if one.get("InstanceId") in ours
    ]
    if proven is None and arrived:
        yield _used(own, f"{own} bears no proof any more.")
    elif proven is not None and since != [proven]:
        yield _used(own, f"{own} was taken off the new machine since it was proven.")


def _used(subject: str, what: str) -> Finding:
    return Finding("warn", "used", subject, what)
