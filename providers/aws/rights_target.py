"""Whether the credentials may do what a migration to AWS does, asked without doing it.

Only calls that make something are asked for, with the tags that they would bring: the roles
limit all others to what bears our tag, and there is none yet. EBS direct has no DryRun, so it is
asked for a snapshot of a size that it does not have. What AWS tells neither way is no lack.
Sources: "Actions, resources, and condition keys for Amazon EC2"; StartSnapshot of the EBS direct
API reference (65,536 GiB at most).
"""

from collections.abc import Callable
from typing import Any

from coldferry.errors import ColdferryError, Denied, Unreachable
from coldferry.plan import Plan
from providers.aws.catalogue import Catalogue
from providers.aws.client import dry_run, speaking
from providers.aws.listing import tag_rows, tagging
from providers.aws.session import Clients
from providers.aws.target_tags import FRAME, disk_tags, our_tags
from providers.aws.writing import LARGEST_GIB

Question = Callable[[], str]
"""Answers the action that is lacking, or nothing."""


def asked_of(clients: Clients, plan: Plan, catalogue: Catalogue) -> list[Question]:
    """Questions to put at the same time."""
    ec2: Any = clients.ec2
    tags, questions = our_tags(plan), [lambda: _direct(clients, plan)]

    def ask(action: str, call: Callable[..., object], **request: Any) -> None:
        def question() -> str:
            may = dry_run(lambda: call(DryRun=True, **request), f"ec2:{action}", plan.migration)
            return f"ec2:{action}" if may is False else ""

        questions.append(question)

    ask(
        "RegisterImage", ec2.register_image, Name=plan.object_name(FRAME)[-128:],
        TagSpecifications=tagging("image", tags),
    )  # fmt: skip
    subnet_id = plan.value("nics[0].subnet_id") if plan.machine.nics else None
    subnet = next((one for one in catalogue.subnets if one.id == subnet_id), None)
    if subnet is None:
        return questions
    ask(
        "CreateSecurityGroup", ec2.create_security_group, GroupName=plan.object_name("dry-run"),
        Description="asked for only", VpcId=subnet.network_id,
        TagSpecifications=tagging("security-group", tags),
    )  # fmt: skip
    ask(
        "CreateVolume", ec2.create_volume, AvailabilityZone=subnet.zone, Size=1,
        TagSpecifications=tagging("volume", disk_tags(plan, FRAME)),
    )  # fmt: skip
    kind = plan.value("instance_type")
    image = next((one.id for one in catalogue.images), None)
    if image is not None and kind is not None:
        ask(
            "RunInstances", ec2.run_instances, ImageId=image, InstanceType=kind, MinCount=1,
            MaxCount=1, SubnetId=subnet.id, TagSpecifications=tagging("instance", tags),
        )  # fmt: skip
    return questions


def _direct(clients: Clients, plan: Plan) -> str:
    action = "ebs:StartSnapshot"
    try:
        with speaking(action, "a snapshot that there cannot be"):
            clients.ebs.start_snapshot(
                VolumeSize=LARGEST_GIB + 1, Tags=tag_rows(disk_tags(plan, FRAME))
            )
    except Denied:
        return action
    except Unreachable:
        raise
    except ColdferryError:
        return ""  # that there is no such size is the good answer
    return ""
