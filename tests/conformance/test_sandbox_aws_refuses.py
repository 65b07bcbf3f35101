"""The AWS double's EBS direct refuses what AWS refuses; moto alone accepts most of it."""

import base64
import hashlib
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.aws import seed
from sandbox.aws.seed import wait_completed, write_disk_snapshot
from sandbox.aws.server import AwsServer
from sandbox.aws.world import Delays

KEY_ID, SECRET, REGION = "AKIASANDBOX000000001", "sandbox", "eu-west-1"
BLOCK_SIZE_BYTES = 524_288
BLOCK = bytes(range(256)) * 2048


@pytest.fixture(scope="module")
def server() -> Iterator[AwsServer]:
    """One server with short delays."""
    double = AwsServer(KEY_ID, SECRET, Delays(snapshot_s=0.4, complete_s=0.4))
    double.start()
    yield double
    double.stop()


def client(server: AwsServer, service: str, region: str = REGION) -> Any:
    """A plain boto3 client that sends even what botocore would hold back."""
    return seed.client(
        service,
        server.endpoint_url,
        KEY_ID,
        SECRET,
        region,
        retries={"total_max_attempts": 1},
        parameter_validation=False,
    )


@pytest.fixture(scope="module")
def ebs(server: AwsServer) -> Any:
    """EBS direct."""
    return client(server, "ebs")


@pytest.fixture(scope="module")
def ec2(server: AwsServer) -> Any:
    """EC2, already asked once: the first answer takes a while to prepare."""
    asked = client(server, "ec2")
    asked.describe_snapshots()
    return asked


def sha(data: bytes) -> str:
    """Checksum as EBS direct spells it."""
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def start(ebs: Any, **more: Any) -> str:
    """A pending snapshot of 1 GiB."""
    return str(ebs.start_snapshot(**{"VolumeSize": 1, **more})["SnapshotId"])


def put(ebs: Any, snapshot_id: str, index: int = 0, data: bytes = BLOCK, **more: Any) -> Any:
    """Put one block, right unless ``more`` says otherwise."""
    wanted = {
        "SnapshotId": snapshot_id,
        "BlockIndex": index,
        "BlockData": data,
        "DataLength": BLOCK_SIZE_BYTES,
        "Checksum": sha(data),
        "ChecksumAlgorithm": "SHA256",
    }
    return ebs.put_snapshot_block(**{**wanted, **more})


def refused(code: str, reason: str, status: int, call: Any, *args: Any, **kwargs: Any) -> None:
    """Assert that the call is refused with exactly this."""
    with pytest.raises(ClientError) as caught:
        call(*args, **kwargs)
    answer = caught.value.response
    assert answer["Error"]["Code"] == code
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == status
    assert answer.get("Reason", "") == reason


def invalid(reason: str, call: Any, *args: Any, **kwargs: Any) -> None:
    """Assert a ValidationException with this reason."""
    refused("ValidationException", reason, 400, call, *args, **kwargs)


@pytest.fixture(scope="module")
def disk(ebs: Any, ec2: Any) -> str:
    """A completed snapshot with blocks 0, 7 and 2047."""
    blocks = {0: BLOCK, 7: BLOCK[::-1], 2047: b"z" * BLOCK_SIZE_BYTES}
    return write_disk_snapshot(ebs, ec2, 1, blocks, {"Name": "disk"})


@pytest.fixture(scope="module")
def many(ebs: Any, ec2: Any) -> str:
    """A completed snapshot with 250 blocks, every second index."""
    return write_disk_snapshot(ebs, ec2, 1, {i * 2: BLOCK for i in range(250)}, {})


def test_wrong_checksum_is_refused(ebs: Any) -> None:
    """A block whose SHA-256 is another's is not stored."""
    invalid("INVALID_BLOCK", put, ebs, start(ebs), Checksum=sha(b"other"))


def test_missing_checksum_is_refused(ebs: Any) -> None:
    """Checksum and algorithm are required."""
    wanted = {"BlockIndex": 0, "BlockData": BLOCK, "DataLength": BLOCK_SIZE_BYTES}
    invalid("INVALID_PARAMETER_VALUE", ebs.put_snapshot_block, SnapshotId=start(ebs), **wanted)


def test_short_block_is_refused(ebs: Any) -> None:
    """Three bytes declared as 512 KiB are not a block."""
    invalid("INVALID_PARAMETER_VALUE", put, ebs, start(ebs), data=b"abc")


def test_other_data_length_is_refused(ebs: Any) -> None:
    """DataLength can only be 524288, even when it is true."""
    half = BLOCK[: BLOCK_SIZE_BYTES // 2]
    invalid("INVALID_PARAMETER_VALUE", put, ebs, start(ebs), data=half, DataLength=len(half))


def test_index_beyond_the_volume_is_refused(ebs: Any) -> None:
    """A 1 GiB volume has blocks 0 to 2047."""
    snapshot_id = start(ebs)
    put(ebs, snapshot_id, 2047)
    invalid("INVALID_PARAMETER_VALUE", put, ebs, snapshot_id, 2048)


def test_put_after_complete_is_refused(ebs: Any) -> None:
    """A completed snapshot is sealed at once, even while it is still pending."""
    snapshot_id = start(ebs)
    put(ebs, snapshot_id)
    assert (
        ebs.complete_snapshot(SnapshotId=snapshot_id, ChangedBlocksCount=1)["Status"] == "pending"
    )
    invalid("INVALID_SNAPSHOT_ID", put, ebs, snapshot_id, 1)


def test_second_complete_is_refused(ebs: Any) -> None:
    """CompleteSnapshot has no idempotency; the snapshot's state tells that it worked."""
    snapshot_id = start(ebs)
    ebs.complete_snapshot(SnapshotId=snapshot_id, ChangedBlocksCount=0)
    invalid(
        "INVALID_SNAPSHOT_ID", ebs.complete_snapshot, SnapshotId=snapshot_id, ChangedBlocksCount=0
    )


def test_wrong_block_count_is_refused(ebs: Any) -> None:
    """ChangedBlocksCount is the number of blocks written, each counted once."""
    snapshot_id = start(ebs)
    put(ebs, snapshot_id)
    put(ebs, snapshot_id)
    complete = ebs.complete_snapshot
    invalid("INVALID_PARAMETER_VALUE", complete, SnapshotId=snapshot_id, ChangedBlocksCount=2)
    complete(SnapshotId=snapshot_id, ChangedBlocksCount=1)


def test_wrong_aggregate_checksum_is_refused(ebs: Any) -> None:
    """LINEAR joins the digests in ascending order, not in the order of the puts."""
    snapshot_id, first, second = start(ebs), BLOCK, BLOCK[::-1]
    put(ebs, snapshot_id, 9, second)
    put(ebs, snapshot_id, 3, first)
    digests = [hashlib.sha256(data).digest() for data in (first, second)]
    wanted = {
        "SnapshotId": snapshot_id,
        "ChangedBlocksCount": 2,
        "ChecksumAlgorithm": "SHA256",
        "ChecksumAggregationMethod": "LINEAR",
    }
    wrong = sha(digests[1] + digests[0])
    invalid("INVALID_PARAMETER_VALUE", ebs.complete_snapshot, **wanted, Checksum=wrong)
    ebs.complete_snapshot(**wanted, Checksum=sha(digests[0] + digests[1]))


def test_reading_while_pending_is_refused(ebs: Any, ec2: Any) -> None:
    """A snapshot can be read when it is completed, which takes a moment."""
    snapshot_id = start(ebs)
    put(ebs, snapshot_id)
    ebs.complete_snapshot(SnapshotId=snapshot_id, ChangedBlocksCount=1)
    shown = ec2.describe_snapshots(SnapshotIds=[snapshot_id])["Snapshots"][0]
    assert shown["State"] == "pending"
    invalid("INVALID_SNAPSHOT_ID", ebs.list_snapshot_blocks, SnapshotId=snapshot_id)
    wait_completed(ec2, snapshot_id)
    assert len(ebs.list_snapshot_blocks(SnapshotId=snapshot_id)["Blocks"]) == 1


def test_client_token_gives_the_same_snapshot(ebs: Any) -> None:
    """A repeated StartSnapshot answers the id of the first."""
    first = start(ebs, ClientToken="token-1", Description="d")
    assert start(ebs, ClientToken="token-1", Description="d") == first
    assert start(ebs, ClientToken="token-2", Description="d") != first


def test_client_token_with_other_parameters_is_refused(ebs: Any) -> None:
    """One token stands for one set of parameters."""
    start(ebs, ClientToken="token-3")
    refused("ConflictException", "", 409, start, ebs, ClientToken="token-3", VolumeSize=2)


def test_child_snapshot_is_parent_and_puts(ebs: Any, ec2: Any, disk: str) -> None:
    """A child lists the parent's blocks with its own on top, and changes are exact."""
    child = start(ebs, ParentSnapshotId=disk)
    put(ebs, child, 7, b"new" + BLOCK[3:])
    put(ebs, child, 100)
    ebs.complete_snapshot(SnapshotId=child, ChangedBlocksCount=2)
    wait_completed(ec2, child)
    rows = ebs.list_snapshot_blocks(SnapshotId=child)["Blocks"]
    assert [row["BlockIndex"] for row in rows] == [0, 7, 100, 2047]
    changed = ebs.list_changed_blocks(FirstSnapshotId=disk, SecondSnapshotId=child)
    assert [row["BlockIndex"] for row in changed["ChangedBlocks"]] == [7, 100]
    assert "FirstBlockToken" in changed["ChangedBlocks"][0]
    assert "FirstBlockToken" not in changed["ChangedBlocks"][1]
    back = ebs.list_changed_blocks(FirstSnapshotId=child, SecondSnapshotId=disk)["ChangedBlocks"]
    assert back[1]["BlockIndex"] == 100 and "SecondBlockToken" not in back[1]
    for snapshot_id, side, data in (
        (disk, "FirstBlockToken", BLOCK[::-1]),
        (child, "SecondBlockToken", b"new" + BLOCK[3:]),
    ):
        token = changed["ChangedBlocks"][0][side]
        got = ebs.get_snapshot_block(SnapshotId=snapshot_id, BlockIndex=7, BlockToken=token)
        assert got["BlockData"].read() == data


def test_changes_without_a_first_snapshot_are_all_blocks(ebs: Any, disk: str) -> None:
    """Without FirstSnapshotId every block of the second is listed."""
    rows = ebs.list_changed_blocks(SecondSnapshotId=disk)["ChangedBlocks"]
    assert [row["BlockIndex"] for row in rows] == [0, 7, 2047]
    assert all("FirstBlockToken" not in row for row in rows)


def test_changes_of_unrelated_snapshots_are_refused(ebs: Any, disk: str, many: str) -> None:
    """Two disks have no common lineage."""
    wanted = {"FirstSnapshotId": disk, "SecondSnapshotId": many}
    invalid("UNRELATED_SNAPSHOTS", ebs.list_changed_blocks, **wanted)


def test_pending_parent_is_refused(ebs: Any) -> None:
    """A parent must be completed."""
    invalid("INVALID_SNAPSHOT_ID", start, ebs, ParentSnapshotId=start(ebs))


def test_smaller_than_parent_is_refused(ebs: Any, ec2: Any) -> None:
    """A disk does not shrink."""
    parent = write_disk_snapshot(ebs, ec2, 2, {}, {})
    invalid("INVALID_VOLUME_SIZE", start, ebs, ParentSnapshotId=parent)


def test_encrypted_with_parent_is_refused(ebs: Any, disk: str) -> None:
    """A child inherits its encryption."""
    wanted = {"ParentSnapshotId": disk, "Encrypted": True}
    invalid("INVALID_PARAMETER_VALUE", start, ebs, **wanted)


def test_encryption_is_shown_and_inherited_by_volumes(ebs: Any, ec2: Any) -> None:
    """An encrypted snapshot names its key, and its volume has the same."""
    begun = ebs.start_snapshot(VolumeSize=1, Encrypted=True)
    assert begun["SseType"] == "sse-kms"
    snapshot_id = begun["SnapshotId"]
    ebs.complete_snapshot(SnapshotId=snapshot_id, ChangedBlocksCount=0)
    wait_completed(ec2, snapshot_id)
    shown = ec2.describe_snapshots(SnapshotIds=[snapshot_id])["Snapshots"][0]
    assert shown["Encrypted"] and shown["KmsKeyId"] == begun["KmsKeyArn"]
    volume = ec2.create_volume(AvailabilityZone=f"{REGION}a", SnapshotId=snapshot_id)
    assert volume["Encrypted"] and volume["KmsKeyId"] == begun["KmsKeyArn"]


@pytest.mark.parametrize("size_gib", [0, 65_537])
def test_impossible_volume_size_is_refused(ebs: Any, size_gib: int) -> None:
    """A volume has 1 GiB to 64 TiB."""
    invalid("INVALID_VOLUME_SIZE", start, ebs, VolumeSize=size_gib)


@pytest.mark.parametrize("timeout_min", [9, 4321])
def test_impossible_timeout_is_refused(ebs: Any, timeout_min: int) -> None:
    """Timeout is 10 to 4320 minutes."""
    invalid("INVALID_PARAMETER_VALUE", start, ebs, Timeout=timeout_min)
    start(ebs, Timeout=10)


def test_reserved_tag_is_refused(ebs: Any) -> None:
    """Tags beginning with aws: are AWS's own."""
    invalid("INVALID_TAG", start, ebs, Tags=[{"Key": "aws:x", "Value": "y"}])


def test_pages_are_ascending_and_complete(ebs: Any, many: str) -> None:
    """Pages of 100 join to the whole list; no page has an index twice."""
    seen: list[int] = []
    page = ebs.list_snapshot_blocks(SnapshotId=many, MaxResults=100)
    assert page["BlockSize"] == BLOCK_SIZE_BYTES and page["VolumeSize"] == 1
    assert page["ExpiryTime"].timestamp() > time.time() + 6 * 24 * 3600
    while True:
        seen += [row["BlockIndex"] for row in page["Blocks"]]
        if "NextToken" not in page:
            break
        page = ebs.list_snapshot_blocks(
            SnapshotId=many, MaxResults=100, NextToken=page["NextToken"]
        )
    assert seen == [index * 2 for index in range(250)]


def test_list_begins_at_the_next_written_block(ebs: Any, many: str) -> None:
    """StartingBlockIndex need not be a written block."""
    rows = ebs.list_snapshot_blocks(SnapshotId=many, StartingBlockIndex=301)["Blocks"]
    assert [row["BlockIndex"] for row in rows][:2] == [302, 304]


@pytest.mark.parametrize("size", [99, 10_001])
def test_impossible_page_size_is_refused(ebs: Any, many: str, size: int) -> None:
    """MaxResults is 100 to 10000."""
    wanted = {"SnapshotId": many, "MaxResults": size}
    invalid("INVALID_PARAMETER_VALUE", ebs.list_snapshot_blocks, **wanted)


def test_foreign_page_token_is_refused(ebs: Any, many: str, disk: str) -> None:
    """A page token belongs to its listing."""
    token = ebs.list_snapshot_blocks(SnapshotId=many, MaxResults=100)["NextToken"]
    for snapshot_id, given in ((disk, token), (many, "bm9uc2Vuc2U=")):
        invalid(
            "INVALID_PAGE_TOKEN", ebs.list_snapshot_blocks, SnapshotId=snapshot_id, NextToken=given
        )


def test_foreign_block_token_is_refused(ebs: Any, disk: str) -> None:
    """A block token belongs to one block of one snapshot."""
    token = ebs.list_snapshot_blocks(SnapshotId=disk)["Blocks"][0]["BlockToken"]
    for index, given in ((7, token), (0, "bm9uc2Vuc2U=")):
        wanted = {"SnapshotId": disk, "BlockIndex": index, "BlockToken": given}
        invalid("INVALID_BLOCK_TOKEN", ebs.get_snapshot_block, **wanted)


def test_block_comes_back_with_its_checksum(ebs: Any, disk: str) -> None:
    """GetSnapshotBlock answers data, length and SHA-256."""
    row = ebs.list_snapshot_blocks(SnapshotId=disk)["Blocks"][0]
    got = ebs.get_snapshot_block(SnapshotId=disk, **row)
    assert got["BlockData"].read() == BLOCK
    assert (got["DataLength"], got["Checksum"]) == (BLOCK_SIZE_BYTES, sha(BLOCK))


def test_unknown_snapshot_is_not_found(ebs: Any) -> None:
    """Every operation answers 404 SNAPSHOT_NOT_FOUND for an id nobody has."""
    code, reason, absent = (
        "ResourceNotFoundException",
        "SNAPSHOT_NOT_FOUND",
        "snap-0123456789abcdef0",
    )
    refused(code, reason, 404, ebs.list_snapshot_blocks, SnapshotId=absent)
    refused(code, reason, 404, ebs.list_changed_blocks, SecondSnapshotId=absent)
    refused(code, reason, 404, put, ebs, absent)
    refused(code, reason, 404, ebs.complete_snapshot, SnapshotId=absent, ChangedBlocksCount=0)
    refused(code, reason, 404, start, ebs, ParentSnapshotId=absent)


def test_snapshot_of_another_region_is_not_found(server: AwsServer, disk: str) -> None:
    """A snapshot lives in one region."""
    elsewhere = client(server, "ebs", "us-east-1")
    wanted = {"SnapshotId": disk}
    code, reason = "ResourceNotFoundException", "SNAPSHOT_NOT_FOUND"
    refused(code, reason, 404, elsewhere.list_snapshot_blocks, **wanted)


def test_deleted_snapshot_is_not_found(ebs: Any, ec2: Any) -> None:
    """DeleteSnapshot ends a pending snapshot too."""
    snapshot_id = start(ebs)
    ec2.delete_snapshot(SnapshotId=snapshot_id)
    refused("ResourceNotFoundException", "SNAPSHOT_NOT_FOUND", 404, put, ebs, snapshot_id)


def test_malformed_snapshot_id_is_refused(ebs: Any) -> None:
    """An id that is none is invalid, not absent."""
    invalid("INVALID_SNAPSHOT_ID", ebs.list_snapshot_blocks, SnapshotId="snap-XYZ")


def test_snapshot_of_a_volume_cannot_be_written(ebs: Any, ec2: Any) -> None:
    """Only what StartSnapshot began can be put to, even while it is pending."""
    volume = ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1)["VolumeId"]
    snapshot_id = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    invalid("INVALID_SNAPSHOT_ID", put, ebs, snapshot_id)


def test_tags_and_size_are_shown_by_ec2(ec2: Any, disk: str) -> None:
    """A direct snapshot is an EC2 snapshot of ours, found by its tags."""
    found = ec2.describe_snapshots(
        OwnerIds=["self"], Filters=[{"Name": "tag:Name", "Values": ["disk"]}]
    )["Snapshots"]
    assert [row["SnapshotId"] for row in found] == [disk]
    assert (found[0]["VolumeSize"], found[0]["VolumeId"]) == (1, "vol-ffffffff")
    assert found[0]["Tags"] == [{"Key": "Name", "Value": "disk"}]
