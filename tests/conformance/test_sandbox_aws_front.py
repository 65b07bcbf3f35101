"""The AWS double's front: faults, counters, credentials, dry runs, gaps, expiry."""

import base64
import hashlib
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from sandbox.aws import seed
from sandbox.aws.server import AwsServer
from sandbox.aws.world import Delays

KEY_ID, REGION = "AKIASANDBOX000000001", "us-east-1"
BLOCK = b"\x07" * 524_288


@pytest.fixture(scope="module")
def server() -> Iterator[AwsServer]:
    """One server whose tokens and timeouts end soon."""
    # The shortest Timeout of 10 minutes lasts 0.5 s here.
    delays = Delays(
        complete_s=0.0, snapshot_s=0.0, timeout_minute_s=0.05, block_token_s=1.0, page_token_s=1.0
    )
    double = AwsServer(KEY_ID, "sandbox", delays)
    double.start()
    yield double
    double.stop()


@pytest.fixture(autouse=True)
def _clean(server: AwsServer) -> None:
    """No faults and no counts from the test before."""
    sandbox(server, "DELETE", "faults")
    sandbox(server, "DELETE", "counts")


def client(server: AwsServer, service: str, key_id: str = KEY_ID, secret: str = "sandbox") -> Any:
    """A plain client that does not retry."""
    return seed.client(
        *(service, server.endpoint_url, key_id, secret, REGION),
        retries={"total_max_attempts": 1},
    )


def sandbox(server: AwsServer, method: str, page: str, body: object = None) -> Any:
    """Ask the double's own pages."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{server.endpoint_url}/_sandbox/{page}", data, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def refused(code: str, status: int, call: Any, **kwargs: Any) -> None:
    """Assert that the call is refused with exactly this."""
    with pytest.raises(ClientError) as caught:
        call(**kwargs)
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


CALLS = [
    ("ec2", "ec2:DescribeVpcs", "describe_vpcs", {}),
    ("ebs", "ebs:ListSnapshotBlocks", "list_snapshot_blocks", {"SnapshotId": "snap-0123456789"}),
    ("efs", "efs:DescribeFileSystems", "describe_file_systems", {}),
    ("ssm", "ssm:DescribeInstanceInformation", "describe_instance_information", {}),
    ("sts", "sts:GetCallerIdentity", "get_caller_identity", {}),
    ("autoscaling", "autoscaling:DescribeAutoScalingGroups", "describe_auto_scaling_groups", {}),
    (
        "service-quotas",
        "service-quotas:GetServiceQuota",
        "get_service_quota",
        {"ServiceCode": "ebs", "QuotaCode": "L-C125AE42"},
    ),
]


@pytest.mark.parametrize(("service", "operation", "method", "wanted"), CALLS)
def test_fault_is_answered_in_the_services_protocol(
    server: AwsServer, service: str, operation: str, method: str, wanted: dict[str, str]
) -> None:
    """A planted fault reaches boto3 as a ClientError with its code, and is counted."""
    fault = {"operation": operation, "status": 400, "code": "ThrottlingException"}
    sandbox(server, "POST", "faults", [fault])
    refused("ThrottlingException", 400, getattr(client(server, service), method), **wanted)
    counts = sandbox(server, "GET", "counts")[operation]
    assert (counts["calls"], counts["faulted"]) == (1, 1)


@pytest.mark.parametrize(("service", "operation", "method", "wanted"), CALLS)
def test_another_access_key_is_refused(
    server: AwsServer, service: str, operation: str, method: str, wanted: dict[str, str]
) -> None:
    """Every service knows one access key."""
    code, status = {
        "ec2": ("AuthFailure", 401),
        "sts": ("InvalidClientTokenId", 403),
        "autoscaling": ("InvalidClientTokenId", 403),
        "ssm": ("UnrecognizedClientException", 400),
        "service-quotas": ("UnrecognizedClientException", 400),
    }.get(service, ("UnrecognizedClientException", 403))
    stranger = client(server, service, "AKIAOTHER0000000001")
    refused(code, status, getattr(stranger, method), **wanted)


@pytest.mark.parametrize(("service", "operation", "method", "wanted"), CALLS)
def test_another_secret_is_refused(
    server: AwsServer, service: str, operation: str, method: str, wanted: dict[str, str]
) -> None:
    """The right key id alone opens nothing: the signature is made again and compared."""
    code, status = {
        "ec2": ("AuthFailure", 401),
        "sts": ("SignatureDoesNotMatch", 403),
        "autoscaling": ("SignatureDoesNotMatch", 403),
        "ssm": ("InvalidSignatureException", 400),
        "service-quotas": ("InvalidSignatureException", 400),
    }.get(service, ("InvalidSignatureException", 403))
    stranger = client(server, service, secret="Sandbox")
    refused(code, status, getattr(stranger, method), **wanted)


@pytest.mark.parametrize("change", ["body", "query", "path", "signed header", "no date"])
def test_a_request_that_was_changed_after_it_was_signed_is_refused(
    server: AwsServer, change: str
) -> None:
    """Each part that the signature covers is covered."""
    ebs = client(server, "ebs")

    def tamper(request: Any, **_: Any) -> None:
        if change == "body":
            request.body = b'{"VolumeSize": 2}'
            request.headers["Content-Length"] = str(len(request.body))
        elif change == "query":
            request.url += "?x=1"
        elif change == "path":
            request.url = request.url.replace("/snapshots", "/snapshots/")
        else:
            del request.headers["X-Amz-Date"]
            if change == "signed header":
                request.headers["X-Amz-Date"] = "20200101T000000Z"

    ebs.start_snapshot(VolumeSize=1)
    ebs.meta.events.register_last("before-send.ebs.*", tamper)
    refused("InvalidSignatureException", 403, ebs.start_snapshot, VolumeSize=1)


def test_a_block_whose_payload_is_not_signed_is_taken(server: AwsServer) -> None:
    """PutSnapshotBlock may say UNSIGNED-PAYLOAD: its own checksum covers the block."""
    ebs = client(server, "ebs")
    snapshot_id = ebs.start_snapshot(VolumeSize=1)["SnapshotId"]

    def unsigned(request: Any, **_: Any) -> None:
        request.headers["X-Amz-Content-SHA256"] = "UNSIGNED-PAYLOAD"

    ebs.meta.events.register_first("before-sign.ebs.PutSnapshotBlock", unsigned)
    digest = base64.b64encode(hashlib.sha256(BLOCK).digest()).decode()
    wanted = {"DataLength": len(BLOCK), "Checksum": digest, "ChecksumAlgorithm": "SHA256"}
    ebs.put_snapshot_block(SnapshotId=snapshot_id, BlockIndex=0, BlockData=BLOCK, **wanted)


@pytest.mark.parametrize("name", ["a b", "ü+/=&%~", "x" * 2000])
def test_odd_words_are_signed_as_they_are_sent(server: AwsServer, name: str) -> None:
    """In a form, in a query and in a path."""
    wanted = [{"Name": "tag:Name", "Values": [name]}]
    assert client(server, "ec2").describe_snapshots(Filters=wanted)["Snapshots"] == []
    refused("FileSystemNotFound", 404, client(server, "efs").describe_file_systems,
            FileSystemId=f"fs-{name}"[:128])  # fmt: skip
    refused("NoSuchHostedZone", 404, client(server, "route53").get_hosted_zone, Id=name[:32])


def test_lost_answer_still_took_effect(server: AwsServer) -> None:
    """With apply the call is obeyed and its answer is replaced by the error."""
    ec2 = client(server, "ec2")
    sandbox(server, "POST", "faults", [{"operation": "ec2:CreateVpc", "apply": True}])
    refused("ServiceUnavailable", 503, ec2.create_vpc, CidrBlock="10.99.0.0/16")
    blocks = [vpc["CidrBlock"] for vpc in ec2.describe_vpcs()["Vpcs"]]
    assert "10.99.0.0/16" in blocks


def test_fault_waits_and_is_limited_by_text(server: AwsServer) -> None:
    """After lets good calls pass, contains picks the calls, times ends it."""
    ec2 = client(server, "ec2")
    fault = {"operation": "ec2:*", "code": "RequestLimitExceeded", "contains": "vpc-", "after": 1}
    sandbox(server, "POST", "faults", [fault])
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    ec2.describe_vpcs(VpcIds=[vpc])
    refused("RequestLimitExceeded", 503, ec2.describe_vpcs, VpcIds=[vpc])
    ec2.describe_vpcs(VpcIds=[vpc])


def test_bad_fault_is_refused(server: AwsServer) -> None:
    """A misspelt key of a fault is an error, not silence."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        sandbox(server, "POST", "faults", [{"operatoin": "ec2:*"}])
    assert caught.value.code == 400


def test_block_calls_and_bytes_are_counted(server: AwsServer) -> None:
    """Counters tell how many blocks were sent and how many bytes."""
    ebs, ec2 = client(server, "ebs"), client(server, "ec2")
    seed.write_disk_snapshot(ebs, ec2, 1, {0: BLOCK, 1: BLOCK}, {})
    counts = sandbox(server, "GET", "counts")
    assert counts["ebs:PutSnapshotBlock"] == {
        "calls": 2,
        "faulted": 0,
        "body_bytes": 2 * len(BLOCK),
    }
    assert counts["ebs:StartSnapshot"]["calls"] == counts["ebs:CompleteSnapshot"]["calls"] == 1


@pytest.mark.parametrize(
    ("method", "wanted"),
    [
        ("describe_instances", {}),
        ("describe_volumes", {}),
        ("describe_snapshots", {}),
        ("describe_instance_types", {}),
        ("create_volume", {"AvailabilityZone": "us-east-1a", "Size": 1}),
        ("create_snapshots", {"InstanceSpecification": {"InstanceId": "i-0123456789abcdef0"}}),
        ("get_ebs_default_kms_key_id", {}),
    ],
)
def test_dry_run_does_nothing_and_says_so(
    server: AwsServer, method: str, wanted: dict[str, Any]
) -> None:
    """DryRun answers DryRunOperation everywhere, or what a planted denial says."""
    ec2 = client(server, "ec2")
    refused("DryRunOperation", 412, getattr(ec2, method), DryRun=True, **wanted)
    fault = {"operation": "ec2:*", "status": 403, "code": "UnauthorizedOperation"}
    sandbox(server, "POST", "faults", [fault])
    refused("UnauthorizedOperation", 403, getattr(ec2, method), DryRun=True, **wanted)
    assert ec2.describe_volumes()["Volumes"] == []


def test_operation_without_a_handler_is_an_aws_error(server: AwsServer) -> None:
    """What is not modelled is refused in the service's protocol, never HTML."""
    ec2, ssm = client(server, "ec2"), client(server, "ssm")
    refused("InvalidAction", 400, ec2.describe_import_snapshot_tasks)
    refused("InvalidAction", 400, ec2.describe_import_snapshot_tasks, DryRun=True)
    wanted = {"Filters": [{"Name": "hypervisor", "Values": ["xen"]}]}
    refused("InvalidParameterValue", 400, ec2.describe_vpcs, **wanted)
    refused("UnknownOperationException", 400, ssm.describe_patch_groups)
    other = client(server, "dynamodb")
    refused("UnknownOperationException", 400, other.list_tables)


def test_identity_and_agents_are_answered(server: AwsServer) -> None:
    """STS knows the account; no machine has an SSM agent; unknown parameters are refused."""
    assert client(server, "sts").get_caller_identity()["Account"] == "123456789012"
    ssm = client(server, "ssm")
    assert ssm.describe_instance_information()["InstanceInformationList"] == []
    refused("ParameterNotFound", 400, ssm.get_parameter, Name="/nobody")


def test_quotas_are_the_real_defaults(server: AwsServer) -> None:
    """GetServiceQuota knows EBS direct's and EC2's limits, and no invented code."""
    quotas = client(server, "service-quotas")

    def value(service: str, code: str) -> float:
        answer = quotas.get_service_quota(ServiceCode=service, QuotaCode=code)
        return float(answer["Quota"]["Value"])

    assert value("ebs", "L-AFAE1BE8") == 1000.0
    assert value("ebs", "L-18E976AB") == 50.0
    assert value("ec2", "L-1216C47A") > 0
    wanted = {"ServiceCode": "ebs", "QuotaCode": "L-00000000"}
    refused("NoSuchResourceException", 400, quotas.get_service_quota, **wanted)


def test_file_systems_share_the_endpoint(server: AwsServer) -> None:
    """EFS and its mount targets are seeded and described over the same endpoint."""
    ec2, efs = client(server, "ec2"), client(server, "efs")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    file_system = efs.create_file_system(CreationToken="t", Encrypted=False)["FileSystemId"]
    efs.create_mount_target(FileSystemId=file_system, SubnetId=subnet)
    assert efs.describe_file_systems()["FileSystems"][0]["FileSystemId"] == file_system
    targets = efs.describe_mount_targets(FileSystemId=file_system)["MountTargets"]
    assert [row["SubnetId"] for row in targets] == [subnet]
    # An address of the mount target is not given to anyone else.
    eni = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
    assert eni["PrivateIpAddress"] != targets[0]["IpAddress"]


def test_snapshot_that_is_left_alone_times_out(server: AwsServer) -> None:
    """After Timeout without a put the snapshot is in error and stays so."""
    ebs, ec2 = client(server, "ebs"), client(server, "ec2")
    snapshot_id = ebs.start_snapshot(VolumeSize=1, Timeout=10)["SnapshotId"]
    time.sleep(0.6)
    assert ec2.describe_snapshots(SnapshotIds=[snapshot_id])["Snapshots"][0]["State"] == "error"
    with pytest.raises(ClientError) as caught:
        ebs.complete_snapshot(SnapshotId=snapshot_id, ChangedBlocksCount=0)
    answer: Any = caught.value.response
    assert answer["Reason"] == "WRITE_REQUEST_TIMEOUT"


def test_tokens_expire(server: AwsServer) -> None:
    """A block token that is too old must be listed again."""
    ebs, ec2 = client(server, "ebs"), client(server, "ec2")
    snapshot_id = seed.write_disk_snapshot(ebs, ec2, 1, {0: BLOCK}, {})
    row = ebs.list_snapshot_blocks(SnapshotId=snapshot_id)["Blocks"][0]
    time.sleep(1.1)
    with pytest.raises(ClientError) as caught:
        ebs.get_snapshot_block(SnapshotId=snapshot_id, **row)
    answer: Any = caught.value.response
    assert answer["Reason"] == "INVALID_BLOCK_TOKEN"


def test_one_server_after_the_other_begins_empty(server: AwsServer) -> None:
    """A second server at once is refused; after a stop the next knows nothing."""
    with pytest.raises(RuntimeError, match="already runs"):
        AwsServer(KEY_ID, "sandbox").start()
    old = client(server, "ec2")
    old.create_volume(AvailabilityZone="us-east-1a", Size=1)
    server.stop()
    with pytest.raises(EndpointConnectionError):
        old.describe_volumes()
    server.start()
    assert client(server, "ec2").describe_volumes()["Volumes"] == []
