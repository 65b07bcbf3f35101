"""AWS as a source obeys every law, against the double of EC2 and EBS direct."""

import random
from collections.abc import Iterator

import pytest

from tests.conformance.cases import SourceCase
from tests.conformance.laws import SourceLaws
from tests.conformance.laws_deltas import DeltaLaws
from tests.conformance.laws_removing import RemovingLaws
from tests.unit.aws_world import Sandbox, sandbox

BLOCK_BYTES = 524_288


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    with sandbox() as here:
        yield here


@pytest.fixture(scope="module")
def data(aws: Sandbox) -> str:
    """A snapshot with blocks at both ends and in between, alone and in a row."""
    dice = random.Random(1)
    return aws.snapshot({index: dice.randbytes(BLOCK_BYTES) for index in (0, 5, 6, 900, 2047)})


def reader_of(aws: Sandbox):
    """Bytes of a snapshot as a plain boto3 client reads them."""

    def read(ref: str, offset: int, length: int) -> bytes:
        first, last = offset // BLOCK_BYTES, (offset + length - 1) // BLOCK_BYTES
        listed = aws.ebs.list_snapshot_blocks(
            SnapshotId=ref, StartingBlockIndex=first, MaxResults=100
        )
        tokens = {row["BlockIndex"]: row["BlockToken"] for row in listed["Blocks"]}
        found = b""
        for index in range(first, last + 1):
            if index not in tokens:
                found += bytes(BLOCK_BYTES)
                continue
            answer = aws.ebs.get_snapshot_block(
                SnapshotId=ref, BlockIndex=index, BlockToken=tokens[index]
            )
            found += answer["BlockData"].read()
        skip = offset - first * BLOCK_BYTES
        return found[skip : skip + length]

    return read


class TestAws(SourceLaws, RemovingLaws, DeltaLaws):
    @pytest.fixture
    def case(self, aws: Sandbox, data: str) -> Iterator[SourceCase]:
        disk = {"SnapshotId": data, "VolumeType": "st1", "VolumeSize": 125}
        mapping = [{"DeviceName": "/dev/sdf", "Ebs": disk}]
        vm = aws.launch(tags={"Name": "web-01"}, BlockDeviceMappings=mapping)
        cloud = aws.cloud()
        yield SourceCase(cloud, vm, reader_of(aws), aws.write)
        for owned in cloud.owned():
            cloud.release(owned.migration)
        if vm in cloud.machines():  # a law may have removed it
            aws.ec2.terminate_instances(InstanceIds=[vm])
