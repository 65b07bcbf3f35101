"""What RunInstances refuses whatever is launched: tags of other kinds, quotas, ended tokens.

Sources: TagSpecification of RunInstances in the EC2 API reference; "Amazon EC2 On-Demand
Instances: quotas" and "Error codes" (VcpuLimitExceeded, IdempotentInstanceTerminated).
"""

from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instance_types import INSTANCE_TYPES

from sandbox.aws.world import current

_TAGGED = {
    "elastic-gpu", "instance", "network-interface", "spot-instances-request", "volume",
}  # fmt: skip
_STANDARD = "L-1216C47A"


def check_tag_kinds(specifications: list[dict[str, Any]]) -> None:
    """A launch tags what it makes, and each kind once."""
    kinds = [str(row.get("ResourceType")) for row in specifications]
    if wrong := sorted({*kinds} - _TAGGED):
        message = f"'{wrong[0]}' is not a valid taggable resource type for this operation."
        raise EC2ClientError("InvalidParameterValue", message)
    if len({*kinds}) != len(kinds):
        message = "The same resource type may not be specified more than once."
        raise EC2ClientError("InvalidParameterValue", message)


def check_quota(backend: Any, facts: dict[str, Any]) -> None:
    """The vCPUs of standard types, where a test has set how many: the default would hold seeds up.

    All types of the double count against it; what is stopped does not.
    """
    most = current().settings.quotas.get(_STANDARD)
    if most is None:
        return
    running = [
        INSTANCE_TYPES[instance.instance_type]["VCpuInfo"]["DefaultVCpus"]
        for reservation in backend.reservations.values()
        for instance in reservation.instances
        if instance.state in ("pending", "running") and instance.instance_type in INSTANCE_TYPES
    ]
    if sum(running) + facts["VCpuInfo"]["DefaultVCpus"] > most:
        message = f"You have requested more vCPU capacity than your current limit of {most:.0f}."
        raise EC2ClientError("VcpuLimitExceeded", message)


def not_terminated(obey: Callable[[Any], ActionResult]) -> Callable[[Any], ActionResult]:
    """A client token whose instances were terminated gives neither them nor others."""

    def handler(self: Any) -> ActionResult:
        answer = obey(self)
        launched = getattr(answer.result, "instances", None) or []
        if launched and all(one.state == "terminated" for one in launched):
            message = "The client token was used before, for an instance that is terminated."
            raise EC2ClientError("IdempotentInstanceTerminated", message)
        return answer

    return handler
