"""The security group that lets nothing in or out, and which network a new machine is in.

Pages: "Default security groups for your VPCs" and "Security group rules" (a new group lets all
out: that rule is taken away), CreateSecurityGroup of the EC2 API reference (a group's name is
unique in its VPC; there is no client token).
"""

from typing import Any

from coldferry.errors import Conflict, Gone, Transient
from coldferry.plan import Plan
from providers.aws.client import speaking
from providers.aws.listing import made_by, rows, tagging
from providers.aws.pauses import Pauses
from providers.aws.session import Clients
from providers.aws.target_tags import our_tags

_SHOWN_WITHIN_S = 60.0


def nic_order(plan: Plan) -> list[int]:
    """The interfaces by device index: EC2's primary one is the first, the others keep their order.

    Raises Conflict for a machine without any, which EC2 does not have.
    """
    nics = range(len(plan.machine.nics))
    order = sorted(nics, key=lambda index: not plan.machine.nics[index].primary)
    if not order:
        raise Conflict(
            f"{plan.machine.name} has no network interface, and EC2 has no machine without one.",
            "Give it one at the source, then plan it again.",
        )
    return order


def place_of(clients: Clients, plan: Plan) -> Any:
    """The row of the primary interface's subnet: its VpcId and AvailabilityZone count."""
    subnet = str(plan.value(f"nics[{nic_order(plan)[0]}].subnet_id"))
    found = rows(clients, "describe_subnets", subnet, {"subnet-id": subnet})
    if not found:
        raise Gone(f"There is no subnet {subnet} any more.", "Plan again and answer another one.")
    return found[0]


def ensure_group(clients: Clients, plan: Plan, vpc: str) -> str:
    """Our group's id, without a rule. Raises Conflict when its name is a stranger's."""
    row = _find(clients, plan, vpc) or _made(clients, plan, vpc)
    group = str(row["GroupId"])
    taken = (
        ("RevokeSecurityGroupIngress", row.get("IpPermissions")),
        ("RevokeSecurityGroupEgress", row.get("IpPermissionsEgress")),
    )
    for action, rules in taken:
        if rules:
            _revoke(clients, group, action, rules)
    return group


def group_name(plan: Plan) -> str:
    """What the group is called; a group's name may not begin with ``sg-``."""
    return f"coldferry {plan.object_name('deny-all')}"


def _find(clients: Clients, plan: Plan, vpc: str) -> Any:
    filters = {**made_by(plan.migration), "vpc-id": vpc}
    found = rows(clients, "describe_security_groups", "our security group", filters)
    return found[0] if found else None


def _made(clients: Clients, plan: Plan, vpc: str) -> Any:
    name = group_name(plan)
    taken = Conflict(
        f"A security group '{name}' that this migration did not make is in {vpc}.",
        "Rename or remove it, then run the same command again.",
    )
    try:
        with speaking("ec2:CreateSecurityGroup", name, {"InvalidGroup.Duplicate": taken}):
            group = clients.ec2.create_security_group(
                GroupName=name,
                Description="Until cutover nothing may reach the new machine, nor it anything.",
                VpcId=vpc,
                TagSpecifications=tagging("security-group", our_tags(plan)),
            )["GroupId"]
    except Conflict:  # ours after all: the reply to an earlier try was lost
        if (found := _find(clients, plan, vpc)) is not None:
            return found
        raise
    pauses = Pauses(_SHOWN_WITHIN_S)
    while (found := _find(clients, plan, vpc)) is None:
        if pauses.over:
            raise Transient(f"EC2 does not show the security group {group} that it made.")
        pauses.pause()
    return found


def _revoke(clients: Clients, group: str, action: str, rules: Any) -> None:
    ec2 = clients.ec2
    call: Any = ec2.revoke_security_group_egress
    if action == "RevokeSecurityGroupIngress":
        call = ec2.revoke_security_group_ingress
    try:
        with speaking(f"ec2:{action}", group):
            call(GroupId=group, IpPermissions=rules)
    except Gone:
        return  # a repeated call: it was taken away already
