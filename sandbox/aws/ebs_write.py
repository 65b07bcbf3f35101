"""The writing half of EBS direct: StartSnapshot, PutSnapshotBlock, CompleteSnapshot.

Source: "Write snapshots with EBS direct APIs", "Use checksums with the EBS
direct APIs to validate snapshot data" and "Ensure idempotency in StartSnapshot
API requests" of the Amazon EBS user guide.
"""

import base64
import hashlib
import json
import time
from typing import Any

from sandbox.aws.calls import Call
from sandbox.aws.ebs_read import find_snapshot, integer, invalid
from sandbox.aws.ec2_snapshots import ACCOUNT_ID, add_direct_snapshot, encryption_of
from sandbox.aws.errors import AwsError
from sandbox.aws.store import BLOCK_SIZE_BYTES, Block, Snapshot
from sandbox.aws.world import World

MAX_SIZE_GIB = 65_536
DEFAULT_TIMEOUT_MIN, MIN_TIMEOUT_MIN, MAX_TIMEOUT_MIN = 60, 10, 4320
MAX_TAGS = 50


def start_snapshot(world: World, call: Call) -> dict[str, Any]:
    """StartSnapshot: a pending snapshot, or the same one for the same client token."""
    wanted = _request(call.body)
    token = wanted.pop("ClientToken", "")
    fingerprint = json.dumps(wanted, sort_keys=True)
    with world.moto_lock:
        key = ("StartSnapshot", call.region, token)
        if token and key in world.tokens:
            known, answer = world.tokens[key]
            if known != fingerprint:
                message = "A request with this client token had different parameters."
                raise AwsError(409, "ConflictException", message)
            return dict(answer)
        answer = _begin(world, call, wanted)
        if token:
            world.tokens[key] = (fingerprint, answer)
        return answer


def _request(body: bytes) -> dict[str, Any]:
    try:
        wanted = json.loads(body)
    except ValueError:
        wanted = None
    if not isinstance(wanted, dict):
        raise invalid("The request body is not a JSON object.")
    return wanted


def _begin(world: World, call: Call, wanted: dict[str, Any]) -> dict[str, Any]:
    size_gib = wanted.get("VolumeSize")
    if not isinstance(size_gib, int) or not 1 <= size_gib <= MAX_SIZE_GIB:
        message = f"VolumeSize must be 1 to {MAX_SIZE_GIB} GiB, not {size_gib!r}."
        raise invalid(message, "INVALID_VOLUME_SIZE")
    timeout_min = integer(
        str(wanted.get("Timeout", DEFAULT_TIMEOUT_MIN)), "Timeout", MIN_TIMEOUT_MIN, MAX_TIMEOUT_MIN
    )
    tags = _tags(wanted.get("Tags", []))
    parent = _parent(world, call, wanted, size_gib)
    encrypted, kms_key_arn = encryption_of(
        call.region, wanted, parent.snapshot_id if parent else None
    )
    snapshot_id = add_direct_snapshot(
        call.region, size_gib, wanted.get("Description", ""), tags, encrypted, kms_key_arn
    )
    record = Snapshot(
        snapshot_id,
        call.region,
        size_gib,
        lineage=parent.lineage if parent else snapshot_id,
        blocks=dict(parent.blocks) if parent else {},
        direct=True,
        parent_id=parent.snapshot_id if parent else "",
        timeout_s=timeout_min * world.delays.timeout_minute_s,
    )
    world.store.snapshots[snapshot_id] = record
    answer = {
        "SnapshotId": snapshot_id,
        "OwnerId": ACCOUNT_ID,
        "Status": "pending",
        "StartTime": record.started_at.timestamp(),
        "VolumeSize": size_gib,
        "BlockSize": BLOCK_SIZE_BYTES,
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        "SseType": "sse-kms" if encrypted else "none",
    }
    optional = {
        "Description": wanted.get("Description"),
        "ParentSnapshotId": record.parent_id,
        "KmsKeyArn": kms_key_arn,
    }
    return answer | {name: value for name, value in optional.items() if value}


def _parent(world: World, call: Call, wanted: dict[str, Any], size_gib: int) -> Snapshot | None:
    if not (parent_id := wanted.get("ParentSnapshotId")):
        return None
    if "Encrypted" in wanted:
        raise invalid("Encrypted and ParentSnapshotId cannot be given together.")
    parent = find_snapshot(world, parent_id, call.region)
    if parent.status != "completed":
        raise invalid(f"The parent snapshot is {parent.status}.", "INVALID_SNAPSHOT_ID")
    if size_gib < parent.size_gib:
        raise invalid("VolumeSize is smaller than the parent's.", "INVALID_VOLUME_SIZE")
    return parent


def _tags(rows: list[dict[str, str]]) -> dict[str, str]:
    tags = {row.get("Key", ""): row.get("Value", "") for row in rows}
    if len(tags) != len(rows) or len(rows) > MAX_TAGS:
        raise invalid("Tag keys must be unique, at most 50.", "INVALID_TAG")
    if any(not key or key.lower().startswith("aws:") for key in tags):
        raise invalid("A tag key is empty or begins with 'aws:'.", "INVALID_TAG")
    return tags


def put_block(world: World, call: Call) -> list[tuple[str, str]]:
    """PutSnapshotBlock: stores one whole block whose checksum is right."""
    snapshot_id, index_text = call.path.rstrip("/").split("/")[2::2]
    snapshot = find_snapshot(world, snapshot_id, call.region)
    _writable(snapshot)
    index = integer(index_text, "BlockIndex", 0, snapshot.block_count - 1)
    length = call.headers.get("x-amz-data-length", "")
    if length != str(BLOCK_SIZE_BYTES) or len(call.body) != BLOCK_SIZE_BYTES:
        message = f"DataLength must be {BLOCK_SIZE_BYTES}: said '{length}', sent {len(call.body)}."
        raise invalid(message)
    if "x-amz-progress" in call.headers:
        integer(call.headers["x-amz-progress"], "Progress", 0, 100)
    _require(call, "x-amz-checksum-algorithm", "SHA256")
    digest = hashlib.sha256(call.body).digest()
    checksum = base64.b64encode(digest).decode()
    if call.headers.get("x-amz-checksum") != checksum:
        raise invalid("The checksum does not match the block data.", "INVALID_BLOCK")
    with world.store.lock:
        _writable(snapshot)  # it may have been completed while the digest was computed
        snapshot.blocks[index] = Block(call.body, digest)
        snapshot.put[index] = digest
        snapshot.touched_at_s = time.monotonic()
    return [("x-amz-Checksum", checksum), ("x-amz-Checksum-Algorithm", "SHA256")]


def complete_snapshot(world: World, call: Call) -> dict[str, Any]:
    """CompleteSnapshot: seals the snapshot if count and checksum are right."""
    snapshot = find_snapshot(world, call.path.rstrip("/").split("/")[3], call.region)
    with world.store.lock:
        _writable(snapshot)
        count = integer(
            call.headers.get("x-amz-changedblockscount"), "ChangedBlocksCount", 0, 2**31
        )
        if count != len(snapshot.put):
            message = f"ChangedBlocksCount is {count}, but {len(snapshot.put)} blocks were written."
            raise invalid(message)
        if checksum := call.headers.get("x-amz-checksum"):
            _require(call, "x-amz-checksum-algorithm", "SHA256")
            _require(call, "x-amz-checksum-aggregation-method", "LINEAR")
            joined = b"".join(snapshot.put[index] for index in sorted(snapshot.put))
            if base64.b64encode(hashlib.sha256(joined).digest()).decode() != checksum:
                raise invalid("The aggregated checksum does not match the blocks written.")
        snapshot.ready_at_s = time.monotonic() + world.delays.complete_s
    return {"Status": "pending"}


def _writable(snapshot: Snapshot) -> None:
    if snapshot.status == "error":
        raise invalid("The snapshot's Timeout has passed.", "WRITE_REQUEST_TIMEOUT")
    if not snapshot.direct or snapshot.ready_at_s is not None:
        message = f"The snapshot '{snapshot.snapshot_id}' is not open for writing."
        raise invalid(message, "INVALID_SNAPSHOT_ID")


def _require(call: Call, header: str, value: str) -> None:
    if call.headers.get(header) != value:
        raise invalid(f"{header} must be {value}.")
