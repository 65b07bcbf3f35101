"""Operations moto answers with HTTP 500 or not at all, and the real quotas.

Sources: GetEbsDefaultKmsKeyId, GetSnapshotBlockPublicAccessState of the EC2 API
reference; DescribeInstanceInformation of the Systems Manager API reference;
"Quotas for Amazon EBS" and "Amazon EC2 endpoints and quotas" (defaults).
"""

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.responses import EC2Response
from moto.servicequotas.models import ServiceQuotasBackend
from moto.ssm.responses import SimpleSystemManagerResponse

from sandbox.aws.patching import replace
from sandbox.aws.world import current

# Code -> name, default value, adjustable.
QUOTAS: dict[str, dict[str, tuple[str, float, bool]]] = {
    "ebs": {
        "L-C125AE42": ("GetSnapshotBlock requests per account", 1000.0, True),
        "L-028ACFB9": ("GetSnapshotBlock requests per snapshot", 1000.0, False),
        "L-AFAE1BE8": ("PutSnapshotBlock requests per account", 1000.0, True),
        "L-1774F84A": ("PutSnapshotBlock requests per snapshot", 1000.0, False),
        "L-18E976AB": ("ListSnapshotBlocks requests per account", 50.0, True),
        "L-DB2FBAA1": ("ListChangedBlocks requests per account", 50.0, True),
        "L-AFEBDF7A": ("StartSnapshot requests per account", 10.0, True),
        "L-1D4D9345": ("CompleteSnapshot requests per account", 10.0, True),
        "L-94D7AB7D": ("Pending snapshots per account", 100.0, True),
        "L-309BACF6": ("Snapshots per Region", 100_000.0, True),
    },
    "ec2": {
        "L-1216C47A": ("Running On-Demand Standard instances (vCPUs)", 5.0, True),
    },
}


def list_quotas(self: Any, service_code: str) -> Any:
    """ListAWSDefaultServiceQuotas."""
    if service_code not in QUOTAS:
        return _list_quotas(self, service_code)
    return [_quota(self, service_code, code) for code in QUOTAS[service_code]]


def get_quota(self: Any, service_code: str, quota_code: str) -> Any:
    """GetServiceQuota: the default, unless a test has set another one."""
    if quota_code not in QUOTAS.get(service_code, {}):
        return _get_quota(self, service_code, quota_code)
    return _quota(self, service_code, quota_code)


def quota(service: str, code: str) -> float:
    """The quota that counts: the default, or what a test has set."""
    return current().settings.quotas.get(code, QUOTAS[service][code][1])


def _quota(backend: Any, service: str, code: str) -> dict[str, Any]:
    name, _, adjustable = QUOTAS[service][code]
    where = f"{backend.region_name}:{backend.account_id}"
    return {
        "ServiceCode": service,
        "ServiceName": f"Amazon {service.upper()}",
        "QuotaArn": f"arn:aws:servicequotas:{where}:{service}/{code}",
        "QuotaCode": code,
        "QuotaName": name,
        "Value": quota(service, code),
        "Unit": "None",
        "Adjustable": adjustable,
        "GlobalQuota": False,
    }


def ebs_default_key(self: Any) -> ActionResult:
    """GetEbsDefaultKmsKeyId: the account's key, or the AWS managed one."""
    backend = self.ec2_backend
    key = backend.default_kms_key_id or backend._create_default_encryption_key()
    return ActionResult({"KmsKeyId": key})


def snapshot_block_public_access(self: Any) -> ActionResult:
    """GetSnapshotBlockPublicAccessState: the default of an account."""
    return ActionResult({"State": "unblocked", "ManagedBy": "account"})


def instance_information(self: Any) -> ActionResult:
    """DescribeInstanceInformation: no instance of the double runs an SSM agent."""
    return ActionResult({"InstanceInformationList": []})


_list_quotas = replace(ServiceQuotasBackend, "list_aws_default_service_quotas", list_quotas)
_get_quota = replace(ServiceQuotasBackend, "get_service_quota", get_quota)
replace(EC2Response, "get_ebs_default_kms_key_id", ebs_default_key)
replace(EC2Response, "get_snapshot_block_public_access_state", snapshot_block_public_access)
replace(SimpleSystemManagerResponse, "describe_instance_information", instance_information)
