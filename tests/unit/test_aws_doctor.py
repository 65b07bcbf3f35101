"""What the doctor says of credentials, endpoints, permissions and quotas."""

from collections.abc import Iterator

import pytest

from coldferry.ports import Check
from tests.unit.aws_world import Sandbox, devices, sandbox


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    with sandbox() as here:
        yield here


@pytest.fixture(autouse=True)
def clean(aws: Sandbox) -> Iterator[None]:
    yield
    aws.server.faults.clear()


def checks(aws: Sandbox) -> dict[str, Check]:
    return {check.name: check for check in aws.cloud().diagnose()}


def test_without_a_machine_some_permissions_cannot_be_told(aws: Sandbox) -> None:
    """AWS looks at ids first, so nothing is claimed."""
    found = checks(aws)
    assert found["ec2:DescribeVolumes"].ok
    assert found["ec2:StopInstances"].ok is None
    assert found["ebs:GetSnapshotBlock"].ok is None
    assert "no block could be read" in found["ebs:GetSnapshotBlock"].what
    assert not [check for check in found.values() if check.ok is False]


def test_all_is_well_and_nothing_was_made(aws: Sandbox) -> None:
    """Every permission can be told once there is a machine and a snapshot of ours."""
    vm = aws.launch()
    cloud = aws.cloud()
    cloud.freeze(vm, "web-azure-0a1b2c3d-a1", devices(cloud.describe(vm)))
    aws.server.faults.reset_counts()
    found = checks(aws)
    assert {name: check.ok for name, check in found.items() if check.ok is not True} == {}
    assert {
        "identity", "clock", "ec2 endpoint", "ec2:DescribeInstances", "ebs:ListSnapshotBlocks",
        "ebs:GetSnapshotBlock", "fsx:DescribeFileSystems", "cloudwatch:DescribeAlarms",
        "elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeLoadBalancers",
        "route53:ListHostedZones",
    } <= found.keys()  # fmt: skip
    assert len(cloud.owned()) == 1
    assert aws.state(vm) == "running"
    assert cloud.marks(vm) is None


def test_a_missing_permission_is_named(aws: Sandbox) -> None:
    """With what to do; the others are looked at all the same."""
    aws.launch()
    aws.faults(
        {"operation": "ec2:CreateSnapshots", "status": 403, "code": "UnauthorizedOperation"},
        {"operation": "ebs:ListSnapshotBlocks", "status": 403, "code": "AccessDeniedException"},
        {"operation": "efs:*", "status": 403, "code": "AccessDeniedException"},
    )
    found = checks(aws)
    bad = {name for name, check in found.items() if check.ok is False}
    assert bad == {
        "ec2:CreateSnapshots", "ebs:ListSnapshotBlocks", "elasticfilesystem:DescribeFileSystems",
    }  # fmt: skip
    assert "Allow ec2:CreateSnapshots" in found["ec2:CreateSnapshots"].do


def test_unreadable_quotas_are_unknown(aws: Sandbox) -> None:
    """No migration fails for want of a number."""
    aws.faults({"operation": "service-quotas:*", "status": 400, "code": "AccessDeniedException",
                "times": 9})  # fmt: skip
    quotas = [check for name, check in checks(aws).items() if name.startswith("quota")]
    assert [check.ok for check in quotas] == [None, None, None]


def test_refused_credentials_end_it_at_once(aws: Sandbox) -> None:
    """Twenty more noes would say no more."""
    (check,) = aws.cloud(access_key_id="AKIAWRONGWRONGWRONG1").diagnose()
    assert (check.name, check.ok) == ("identity", False)
    assert "credentials" in check.do


def test_a_block_that_cannot_be_read_is_found_out(aws: Sandbox) -> None:
    vm = aws.launch()
    cloud = aws.cloud()
    cloud.freeze(vm, "web-azure-0a1b2c3e-a1", devices(cloud.describe(vm)))
    aws.faults(
        {"operation": "ebs:GetSnapshotBlock", "status": 403, "code": "AccessDeniedException",
         "times": 9}
    )  # fmt: skip

    check = checks(aws)["ebs:GetSnapshotBlock"]

    assert check.ok is False
    assert check.do


def test_what_only_tells_of_surroundings_may_be_denied(aws: Sandbox) -> None:
    aws.faults(
        {"operation": "cloudwatch:*", "status": 403, "code": "AccessDeniedException", "times": 9}
    )

    check = checks(aws)["cloudwatch:DescribeAlarms"]

    assert check.ok is None
    assert "unknown" in check.do
