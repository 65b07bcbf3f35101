"""AWS as a target obeys every law, against the double of EC2 and EBS direct."""

from collections.abc import Iterator

import pytest

from tests.conformance.cases import TargetCase
from tests.conformance.laws import TargetLaws
from tests.conformance.test_aws import reader_of
from tests.unit.aws_world import FEW_TYPES, Sandbox, sandbox


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    with sandbox(types=FEW_TYPES) as here:
        here.ec2.create_security_group(GroupName="web", Description="real", VpcId=here.vpc)
        yield here


def _clear(aws: Sandbox) -> None:
    """End every machine and volume that is nobody's any more."""
    living = {"Name": "instance-state-name", "Values": ["running", "stopped"]}
    pages = aws.ec2.describe_instances(Filters=[living])["Reservations"]
    vms = [one["InstanceId"] for page in pages for one in page["Instances"]]
    if vms:
        aws.ec2.terminate_instances(InstanceIds=vms)
    for volume in aws.ec2.describe_volumes()["Volumes"]:
        aws.ec2.delete_volume(VolumeId=volume["VolumeId"])


class TestAwsTarget(TargetLaws):
    @pytest.fixture
    def case(self, aws: Sandbox) -> Iterator[TargetCase]:
        cloud = aws.cloud()
        answers = {
            "dns.servers": "acknowledge",
            "nics[0].subnet_id": aws.subnet,
            "nics[0].private_address": "10.20.0.10",
            "disks[0].kind": "gp3",
            "disks[1].kind": "gp3",
        }
        yield TargetCase(cloud, answers, reader_of(aws), lambda: _clear(aws))
        for owned in cloud.owned():
            cloud.discard(owned.migration)
            cloud.erase_kept(owned.migration)
