"""What the credentials may not do, by a plain list of IAM actions.

A dry run is refused as the call is. Sources: "Actions, resources, and condition keys"
of each service for the names; "Tag resources during creation" of the EC2 user guide (a
call that brings tags needs CreateTags, too); "Common errors" for the codes.
"""

from fnmatch import fnmatchcase

from sandbox.aws.calls import Call
from sandbox.aws.errors import AwsError

# Where policies know a service by another name than faults and counters do.
_PREFIXES = {"efs": "elasticfilesystem", "service-quotas": "servicequotas"}


def check_rights(call: Call, denied: list[str]) -> None:
    """Raise the service's own denial when the call needs an action that is on the list."""
    prefix = _PREFIXES.get(call.service, call.service)
    needed = [f"{prefix}:{call.operation}"]
    if call.service == "ec2" and any(name.startswith("TagSpecification") for name in call.form):
        needed.append("ec2:CreateTags")
    for action in needed:
        if any(fnmatchcase(action, pattern) for pattern in denied):
            raise _denial(call, action)


def _denial(call: Call, action: str) -> AwsError:
    if call.protocol == "ec2":
        message = f"You are not authorized to perform this operation: {action}."
        return AwsError(403, "UnauthorizedOperation", message)
    message = f"User is not authorized to perform: {action}"
    if call.protocol in ("query", "rest-xml"):
        return AwsError(403, "AccessDenied", message)
    return AwsError(403 if call.protocol == "rest-json" else 400, "AccessDeniedException", message)
