"""Reading a frozen EBS disk."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from coldferry.errors import Conflict, CorruptCopy, Denied, Drifted, Gone, Transient
from coldferry.plan import Device
from coldferry.ports import FrozenDisk
from providers.aws.cloud import AwsCloud
from sandbox.aws.store import Block
from sandbox.aws.world import Delays, current
from tests.unit.aws_world import DISK, Sandbox, block, devices, sandbox

BLOCK = 524_288
GIB = 2**30


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    with sandbox(Delays(stop_s=0.1, start_s=0.05, snapshot_s=0.05, block_token_s=1.5)) as here:
        yield here


@pytest.fixture(scope="module")
def device(aws: Sandbox) -> Device:
    return devices(aws.cloud().describe(aws.launch()))[0]


@pytest.fixture
def cloud(aws: Sandbox) -> Iterator[AwsCloud]:
    aws.server.faults.reset_counts()
    yield aws.cloud()
    aws.server.faults.clear()


def frozen(aws: Sandbox, device: Device, blocks: dict[int, bytes] | None = None) -> FrozenDisk:
    """A completed snapshot with these blocks, as a freeze would answer it."""
    return FrozenDisk("m-a1", device, aws.snapshot(DISK if blocks is None else blocks))


def read(cloud: AwsCloud, disk: FrozenDisk, offset: int, length: int) -> bytes:
    buffer = bytearray(b"\xff" * length)
    with cloud.open_frozen(disk) as reader:
        reader.read_into(offset, memoryview(buffer))
    return bytes(buffer)


def test_extents_are_whole_and_true(aws: Sandbox, device: Device, cloud: AwsCloud) -> None:
    """Without gap or overlap, data where a block was written and nowhere else."""
    with cloud.open_frozen(frozen(aws, device)) as reader:
        assert reader.size_bytes == GIB
        found = list(reader.extents(0, GIB))
        inside = list(reader.extents(BLOCK + 100, BLOCK))
    assert found[0].offset == 0
    assert all(a.offset + a.length == b.offset for a, b in pairwise(found))
    assert found[-1].offset + found[-1].length == GIB
    written = [(e.offset // BLOCK, e.length // BLOCK) for e in found if e.data]
    assert written == [(1, 2), (7, 1), (2047, 1)]
    assert [(e.offset, e.length, e.data) for e in inside] == [(BLOCK + 100, BLOCK, True)]


def test_reads_of_any_shape(aws: Sandbox, device: Device, cloud: AwsCloud) -> None:
    """Whole blocks, parts, several at once; what was not written is zero."""
    disk = frozen(aws, device)
    whole = b"".join(DISK.get(index, bytes(BLOCK)) for index in range(9))
    for offset, length in (
        (BLOCK, BLOCK), (0, BLOCK), (BLOCK + 17, 1000), (0, 9 * BLOCK), (3 * BLOCK - 5, 10), (5, 0),
    ):  # fmt: skip
        assert read(cloud, disk, offset, length) == whole[offset : offset + length]
    assert read(cloud, disk, GIB - BLOCK, BLOCK) == DISK[2047]


def test_a_read_beyond_the_end_is_refused(aws: Sandbox, device: Device, cloud: AwsCloud) -> None:
    """Rather than filled with something."""
    with pytest.raises(Conflict, match="beyond the end"):
        read(cloud, frozen(aws, device), GIB - 512, 1024)


def test_an_empty_disk_is_all_zero(aws: Sandbox, device: Device, cloud: AwsCloud) -> None:
    """No block is listed, none is fetched."""
    disk = frozen(aws, device, {})
    with cloud.open_frozen(disk) as reader:
        assert [(e.length, e.data) for e in reader.extents(0, GIB)] == [(GIB, False)]
    assert read(cloud, disk, 0, BLOCK) == bytes(BLOCK)
    assert aws.calls("ebs:GetSnapshotBlock") == 0


def test_a_sparse_disk_is_listed_once(aws: Sandbox, device: Device, cloud: AwsCloud) -> None:
    """However large it is: one page tells of all that is written, also between windows."""
    with cloud.open_frozen(frozen(aws, device)) as reader:
        for offset in range(0, GIB, GIB // 16):
            list(reader.extents(offset, GIB // 16))
    assert aws.calls("ebs:ListSnapshotBlocks") == 1


def test_many_threads_read_the_same_disk(aws: Sandbox, device: Device, cloud: AwsCloud) -> None:
    """Up to the limit at once, each gets its own block."""
    blocks = {index: block(index) for index in range(64)}
    barrier = threading.Barrier(16)
    with cloud.open_frozen(frozen(aws, device, blocks)) as reader:

        def one(index: int) -> bool:
            if index < 16:
                barrier.wait(10)
            buffer = bytearray(BLOCK)
            reader.read_into(index * BLOCK, memoryview(buffer))
            return buffer == blocks[index]

        with ThreadPoolExecutor(16) as pool:
            assert all(pool.map(one, range(64)))


def test_an_altered_block_is_refused(aws: Sandbox, device: Device, cloud: AwsCloud) -> None:
    """Three reads that do not match the digest are no accident."""
    disk = frozen(aws, device)
    kept = current().store.snapshots[disk.ref].blocks
    kept[2] = Block(b"\xff" + kept[2].data[1:], kept[2].digest)
    with pytest.raises(CorruptCopy, match="Block 2"):
        read(cloud, disk, 2 * BLOCK, BLOCK)
    assert aws.calls("ebs:GetSnapshotBlock") == 3
    assert read(cloud, disk, BLOCK, BLOCK) == DISK[1], "the others can be read"


def test_expired_tokens_are_listed_again(aws: Sandbox, device: Device, cloud: AwsCloud) -> None:
    """A copy may take longer than a token lives."""
    disk = frozen(aws, device)
    buffer = bytearray(BLOCK)
    with cloud.open_frozen(disk) as reader:
        threading.Event().wait(1.6)
        reader.read_into(BLOCK, memoryview(buffer))
    assert buffer == DISK[1]
    assert aws.calls("ebs:ListSnapshotBlocks") == 2


def test_throttled_reads_are_absorbed(aws: Sandbox, device: Device, cloud: AwsCloud) -> None:
    """Every kind of busy that EBS direct documents."""
    disk = frozen(aws, device)
    aws.faults(
        {"operation": "ebs:GetSnapshotBlock", "status": 400, "code": "RequestThrottledException"},
        {"operation": "ebs:GetSnapshotBlock", "status": 500, "code": "InternalServerException"},
        {"operation": "ebs:ListSnapshotBlocks", "status": 503},
    )
    assert read(cloud, disk, BLOCK, BLOCK) == DISK[1]


def test_a_code_the_sdk_does_not_repeat_is_tried_again(
    aws: Sandbox, device: Device, cloud: AwsCloud
) -> None:
    """Twice is no reason to fail, always is: it ends as worth another try later."""
    disk = frozen(aws, device)
    busy = {"operation": "ebs:GetSnapshotBlock", "status": 400,
            "code": "ConcurrentLimitExceededException"}  # fmt: skip
    aws.faults({**busy, "times": 2})
    assert read(cloud, disk, BLOCK, BLOCK) == DISK[1]
    aws.faults({**busy, "times": 99})
    with pytest.raises(Transient):
        read(cloud, disk, BLOCK, BLOCK)


def test_a_denied_read_names_the_permission(aws: Sandbox, device: Device, cloud: AwsCloud) -> None:
    """Asked once; the reader itself may be allowed to list."""
    disk = frozen(aws, device)
    aws.faults({"operation": "ebs:GetSnapshotBlock", "status": 403,
                "code": "AccessDeniedException", "times": 99})  # fmt: skip
    with pytest.raises(Denied, match="ebs:GetSnapshotBlock"):
        read(cloud, disk, BLOCK, BLOCK)
    assert aws.calls("ebs:GetSnapshotBlock") == 1


def test_a_released_disk_is_gone(aws: Sandbox, device: Device, cloud: AwsCloud) -> None:
    """The error names the snapshot."""
    disk = frozen(aws, device)
    aws.ec2.delete_snapshot(SnapshotId=disk.ref)
    with pytest.raises(Gone, match=disk.ref):
        read(cloud, disk, 0, BLOCK)


def test_a_disk_that_grew_is_not_read(aws: Sandbox, device: Device, cloud: AwsCloud) -> None:
    """Its size in the plan is what the target's disk was made for."""
    grown = device.model_copy(
        update={"disk": device.disk.model_copy(update={"size_bytes": GIB // 2})}
    )
    with pytest.raises(Drifted, match="in the plan"):
        read(cloud, frozen(aws, grown), 0, BLOCK)
