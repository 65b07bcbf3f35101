"""What the AWS sandbox refuses by rights, limits and keys, with the codes that AWS documents."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from sandbox.aws import world
from tests.conformance.test_sandbox_aws_refuses import refused
from tests.unit.aws_world import QUICK, Sandbox, sandbox


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    with sandbox() as here:
        yield here


@pytest.fixture(autouse=True)
def as_new(aws: Sandbox) -> Iterator[None]:
    yield
    world.current().settings = world.Settings()
    world.current().delays = QUICK


def volume(aws: Sandbox, kind: str, size_gib: int, **more: Any) -> str:
    made = aws.ec2.create_volume(
        AvailabilityZone="eu-west-1a", Size=size_gib, VolumeType=kind, **more
    )
    return str(made["VolumeId"])


@pytest.mark.parametrize(("kind", "size_gib", "most"), [("gp3", 1, 5), ("st1", 125, 1)])
def test_a_volume_has_few_snapshots_in_progress_at_once(
    aws: Sandbox, kind: str, size_gib: int, most: int
) -> None:
    disk = volume(aws, kind, size_gib)
    world.current().delays = replace(QUICK, snapshot_s=3600)
    for _ in range(most):
        aws.ec2.create_snapshot(VolumeId=disk)

    refused("ConcurrentSnapshotLimitExceeded", "", 400, aws.ec2.create_snapshot, VolumeId=disk)


@pytest.mark.parametrize(
    ("quota", "code"),
    [("L-94D7AB7D", "PendingSnapshotLimitExceeded"), ("L-309BACF6", "SnapshotLimitExceeded")],
)
def test_an_account_has_so_many_snapshots(aws: Sandbox, quota: str, code: str) -> None:
    disk = volume(aws, "gp3", 1)
    world.current().settings.quotas = {quota: 0}

    refused(code, "", 400, aws.ec2.create_snapshot, VolumeId=disk)
    asked = aws.client("service-quotas").get_service_quota(ServiceCode="ebs", QuotaCode=quota)
    assert asked["Quota"]["Value"] == 0


@pytest.mark.parametrize("dry", [True, False])
def test_an_action_that_is_denied_is_refused_dry_run_or_not(aws: Sandbox, dry: bool) -> None:
    vm = aws.launch()
    world.current().settings.denied = ["ec2:Stop*"]

    refused("UnauthorizedOperation", "", 403, aws.ec2.stop_instances, InstanceIds=[vm], DryRun=dry)
    assert aws.state(vm) == "running"


def test_a_call_that_brings_tags_needs_the_right_to_tag(aws: Sandbox) -> None:
    disk = volume(aws, "gp3", 1)
    world.current().settings.denied = ["ec2:CreateTags"]
    tags = [{"ResourceType": "snapshot", "Tags": [{"Key": "a", "Value": "b"}]}]

    aws.ec2.create_snapshot(VolumeId=disk)
    refused(
        "UnauthorizedOperation", "", 403,
        aws.ec2.create_snapshot, VolumeId=disk, TagSpecifications=tags,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("service", "action", "status", "call"),
    [
        ("kms", "kms:ListKeys", 400, lambda client: client.list_keys()),
        ("ebs", "ebs:ListSnapshotBlocks", 403,
         lambda client: client.list_snapshot_blocks(SnapshotId="snap-0ffffffffffffffff")),
    ],
    ids=["kms", "ebs"],
)  # fmt: skip
def test_each_service_denies_in_its_own_words(
    aws: Sandbox, service: str, action: str, status: int, call: Any
) -> None:
    world.current().settings.denied = [action]

    refused("AccessDeniedException", "", status, call, aws.client(service))


def test_blocks_of_a_snapshot_whose_key_is_disabled_are_not_read(aws: Sandbox) -> None:
    kms = aws.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    frozen = aws.ec2.create_snapshot(VolumeId=volume(aws, "gp3", 1, Encrypted=True, KmsKeyId=key))
    aws.ec2.get_waiter("snapshot_completed").wait(
        SnapshotIds=[frozen["SnapshotId"]], WaiterConfig={"Delay": 1}
    )
    aws.ebs.list_snapshot_blocks(SnapshotId=frozen["SnapshotId"])

    kms.disable_key(KeyId=key)

    refused(
        "ValidationException", "INVALID_CUSTOMER_KEY", 400,
        aws.ebs.list_snapshot_blocks, SnapshotId=frozen["SnapshotId"],
    )  # fmt: skip
