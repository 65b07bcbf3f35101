"""What our tags on a machine say. Sources: CreateTags, DeleteTags of the EC2 API reference."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from coldferry.migration import ATTEMPT_TAG, POWER_TAG, Marks
from providers.aws.client import speaking
from providers.aws.instances import read_living, tags_of
from providers.aws.session import Clients

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import TagTypeDef

_LIVING = ["pending", "running", "stopping", "stopped"]


def read_marks(clients: Clients, vm: str) -> Marks | None:
    """The marks as of now; None without any. Raises UnknownMachine."""
    return _marks_in(tags_of(read_living(clients, vm).get("Tags", [])), vm)


def write_marks(clients: Clients, vm: str, marks: Marks) -> None:
    """Set both tags; the power tag is removed when there is nothing to say. Idempotent."""
    read_living(clients, vm)
    tags: list[TagTypeDef] = [{"Key": ATTEMPT_TAG, "Value": marks.tag(vm)}]
    if marks.power_before is not None:
        tags.append({"Key": POWER_TAG, "Value": marks.power_before})
    with speaking("ec2:CreateTags", vm):
        clients.ec2.create_tags(Resources=[vm], Tags=tags)
    if marks.power_before is None:
        with speaking("ec2:DeleteTags", vm):
            clients.ec2.delete_tags(Resources=[vm], Tags=[{"Key": POWER_TAG}])


def marked_machines(clients: Clients) -> Iterator[tuple[str, Marks]]:
    """``(instance id, marks)`` of every machine here that is not terminated."""
    found = []
    with speaking("ec2:DescribeInstances", "the marked machines"):
        pages = clients.ec2.get_paginator("describe_instances").paginate(
            Filters=[
                {"Name": "tag-key", "Values": [ATTEMPT_TAG]},
                {"Name": "instance-state-name", "Values": _LIVING},
            ]
        )
        for page in pages:
            for reservation in page["Reservations"]:
                found += reservation.get("Instances", [])
    for instance in found:
        marks = _marks_in(tags_of(instance.get("Tags", [])), instance["InstanceId"])
        if marks is not None:  # a tag that a stranger wrote, or a copied one, is none
            yield instance["InstanceId"], marks


def _marks_in(tags: dict[str, str], vm: str) -> Marks | None:
    return Marks.parse(tags.get(ATTEMPT_TAG, ""), tags.get(POWER_TAG), vm)
