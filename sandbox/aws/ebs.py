"""EBS direct over HTTP: hands each call to its rule and shapes the answer.

moto's own EBS direct accepts wrong checksums, short blocks and writes after
completion, loses parents and cannot list EC2's snapshots; none of it is used.
Source: the EBS direct API reference (paths, answer codes 201 and 202).
"""

import json
from typing import Any

from sandbox.aws.calls import Call
from sandbox.aws.ebs_read import get_block, list_blocks, list_changed
from sandbox.aws.ebs_write import complete_snapshot, put_block, start_snapshot
from sandbox.aws.errors import Answer, AwsError
from sandbox.aws.world import World

_JSON_OPERATIONS = {
    "StartSnapshot": (start_snapshot, 201),
    "CompleteSnapshot": (complete_snapshot, 202),
    "ListSnapshotBlocks": (list_blocks, 200),
    "ListChangedBlocks": (list_changed, 200),
}


def answer_ebs(world: World, call: Call) -> Answer:
    """Obey one EBS direct call; raises AwsError when it is refused."""
    if call.operation == "PutSnapshotBlock":
        headers = put_block(world, call)
        return Answer(201, [*headers, ("Content-Type", "application/json")], b"{}")
    if call.operation == "GetSnapshotBlock":
        headers, data = get_block(world, call)
        return Answer(200, headers, data)
    if call.operation not in _JSON_OPERATIONS:
        raise AwsError(404, "UnknownOperationException", f"No EBS operation at {call.path}.")
    obey, status = _JSON_OPERATIONS[call.operation]
    body: dict[str, Any] = obey(world, call)
    return Answer(status, [("Content-Type", "application/json")], json.dumps(body).encode())
