"""The reading half of EBS direct: ListSnapshotBlocks, ListChangedBlocks, GetSnapshotBlock.

Source: "Read snapshots with EBS direct APIs" of the Amazon EBS user guide and
the EBS direct API reference pages of the three operations.
"""

import base64
import re
import time
from bisect import bisect_left
from typing import Any

from sandbox.aws import tokens
from sandbox.aws.calls import Call
from sandbox.aws.ec2_snapshots import usable_key
from sandbox.aws.errors import AwsError
from sandbox.aws.store import BLOCK_SIZE_BYTES, Snapshot
from sandbox.aws.world import World

MIN_RESULTS, MAX_RESULTS = 100, 10_000
# AWS promises no page size when MaxResults is absent; small enough to need pages.
DEFAULT_RESULTS = 1_000


def invalid(message: str, reason: str = "INVALID_PARAMETER_VALUE") -> AwsError:
    """A ValidationException with its Reason."""
    return AwsError(400, "ValidationException", message, reason)


def find_snapshot(world: World, snapshot_id: str, region: str) -> Snapshot:
    """The snapshot of this region, or 404 SNAPSHOT_NOT_FOUND."""
    if not re.fullmatch(r"snap-[0-9a-f]+", snapshot_id):
        raise invalid(f"The snapshot ID '{snapshot_id}' is not valid.", "INVALID_SNAPSHOT_ID")
    snapshot = world.store.snapshots.get(snapshot_id)
    if snapshot is None or snapshot.region != region:
        message = f"The snapshot '{snapshot_id}' does not exist."
        raise AwsError(404, "ResourceNotFoundException", message, "SNAPSHOT_NOT_FOUND")
    return snapshot


def readable(world: World, snapshot_id: str, region: str) -> Snapshot:
    """A snapshot that can be read: it must be completed."""
    snapshot = find_snapshot(world, snapshot_id, region)
    if snapshot.status != "completed":
        message = f"The snapshot '{snapshot_id}' is {snapshot.status}, not completed."
        raise invalid(message, "INVALID_SNAPSHOT_ID")
    if not usable_key(snapshot_id, region):
        raise invalid("The customer's key of the snapshot is not enabled.", "INVALID_CUSTOMER_KEY")
    return snapshot


def integer(value: str | None, what: str, least: int, most: int) -> int:
    """A whole number within limits, or ValidationException."""
    if value is None or not re.fullmatch(r"\d{1,18}", value) or not least <= int(value) <= most:
        raise invalid(f"{what} must be a whole number from {least} to {most}, not '{value}'.")
    return int(value)


def get_block(world: World, call: Call) -> tuple[list[tuple[str, str]], bytes]:
    """GetSnapshotBlock: the block its token was issued for, with its checksum."""
    snapshot_id, index_text = call.path.rstrip("/").split("/")[2::2]
    snapshot = readable(world, snapshot_id, call.region)
    index = integer(index_text, "BlockIndex", 0, snapshot.block_count - 1)
    token = call.query.get("blockToken", "")
    if tokens.read(world.secret, f"block {snapshot_id}", token, "INVALID_BLOCK_TOKEN") != index:
        raise invalid("The block token is not of this block.", "INVALID_BLOCK_TOKEN")
    block = snapshot.blocks.get(index)
    if block is None:
        raise invalid(f"The snapshot has no block {index}.", "INVALID_BLOCK")
    headers = [
        ("x-amz-Data-Length", str(len(block.data))),
        ("x-amz-Checksum", base64.b64encode(block.digest).decode()),
        ("x-amz-Checksum-Algorithm", "SHA256"),
        ("Content-Type", "application/octet-stream"),
    ]
    return headers, block.data


def list_blocks(world: World, call: Call) -> dict[str, Any]:
    """ListSnapshotBlocks: written blocks in ascending order, one page."""
    snapshot = readable(world, call.path.split("/")[2], call.region)
    page, answer = _page(world, call, f"list {snapshot.snapshot_id}", snapshot, snapshot.blocks)
    answer["Blocks"] = [
        {"BlockIndex": index, "BlockToken": _block_token(world, snapshot, index)} for index in page
    ]
    return answer


def list_changed(world: World, call: Call) -> dict[str, Any]:
    """ListChangedBlocks: blocks that differ, with a token for each side that has one."""
    second = readable(world, call.path.split("/")[2], call.region)
    first: Snapshot | None = None
    if first_id := call.query.get("firstSnapshotId"):
        first = readable(world, first_id, call.region)
        if first.lineage != second.lineage:
            message = "The snapshots are not of the same volume and snapshot lineage."
            raise invalid(message, "UNRELATED_SNAPSHOTS")
    before = first.blocks if first else {}
    changed = {
        index
        for index in before.keys() | second.blocks.keys()
        if index not in before
        or index not in second.blocks
        or before[index].digest != second.blocks[index].digest
    }
    subject = f"changed {first_id or ''} {second.snapshot_id}"
    page, answer = _page(world, call, subject, second, changed)
    answer["ChangedBlocks"] = rows = []
    for index in page:
        row: dict[str, Any] = {"BlockIndex": index}
        if first and index in before:
            row["FirstBlockToken"] = _block_token(world, first, index)
        if index in second.blocks:
            row["SecondBlockToken"] = _block_token(world, second, index)
        rows.append(row)
    return answer


def _block_token(world: World, snapshot: Snapshot, index: int) -> str:
    life_s = world.delays.block_token_s
    return tokens.issue(world.secret, f"block {snapshot.snapshot_id}", index, life_s)


def _page(
    world: World, call: Call, subject: str, snapshot: Snapshot, indexes: Any
) -> tuple[list[int], dict[str, Any]]:
    size = DEFAULT_RESULTS
    if "maxResults" in call.query:
        size = integer(call.query["maxResults"], "MaxResults", MIN_RESULTS, MAX_RESULTS)
    start = 0
    if token := call.query.get("pageToken"):
        # "If you specify NextToken, then StartingBlockIndex is ignored."
        start = tokens.read(world.secret, subject, token, "INVALID_PAGE_TOKEN")
    elif text := call.query.get("startingBlockIndex"):
        start = integer(text, "StartingBlockIndex", 0, snapshot.block_count - 1)
    ordered = sorted(indexes)
    first = bisect_left(ordered, start)
    page = ordered[first : first + size]
    answer: dict[str, Any] = {
        "ExpiryTime": time.time() + world.delays.block_token_s,
        "VolumeSize": snapshot.size_gib,
        "BlockSize": BLOCK_SIZE_BYTES,
    }
    if first + size < len(ordered):
        next_index = ordered[first + size]
        answer["NextToken"] = tokens.issue(
            world.secret, subject, next_index, world.delays.page_token_s
        )
    return page, answer
