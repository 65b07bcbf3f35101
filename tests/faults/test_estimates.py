"""Estimates beside what the doubles counted: bytes read are exact, sent a ceiling, calls close."""

from collections import Counter
from typing import Any

import pytest

from coldferry import calls
from tests.faults.crossing import SIZE_BYTES, Crossing, dense

pytestmark = pytest.mark.slow

CLOSE = 0.05
KINDS = {
    "ebs:GetSnapshotBlock": "aws: read",
    "ebs:ListSnapshotBlocks": "aws: list",
    "blob:PutPage": "azure: write",
    "blob:ClearPages": "azure: write",
    "blob:GetBlob": "azure: read",
    "blob:GetPageRanges": "azure: list",
}


def counted(crossing: Crossing) -> dict[str, int]:
    """Requests by operation class, as the doubles saw them."""
    found = Counter[str]()
    for server, provider in ((crossing.aws.server, "aws"), (crossing.azure.server, "azure")):
        for name, count in server.faults.counts().items():
            found[KINDS.get(name, f"{provider}: manage")] += count["calls"]
    return dict(found)


def far(found: dict[str, Any], seen: dict[str, int]) -> dict[str, tuple[int, int]]:
    """Classes whose estimate is not close: estimated, and counted."""
    pairs = {kind: (found["calls"].get(kind, 0), seen.get(kind, 0)) for kind in {*seen}}
    return {k: (told, was) for k, (told, was) in pairs.items() if abs(told - was) > CLOSE * was}


def test_with_an_inspection_bytes_are_exact_and_calls_close(crossing: Crossing) -> None:
    # Half of each block of the second disk is zero: it is read, and not sent.
    moved = crossing.seed(dense(24, 1), dense(40, 2, grains=4))
    crossing.reset()
    before = calls.so_far()
    report = crossing.migrate(moved, inspect=True)
    seen, found = counted(crossing), report["estimate"]

    assert found["exact"]
    assert found["read_bytes"] == sum(device["read_bytes"] for device in report["devices"])
    assert found["read_bytes"] == moved.data_bytes
    sent = crossing.received("blob:PutPage")
    assert sent == sum(device["sent_bytes"] for device in report["devices"])
    assert sent < found["sent_bytes"] <= moved.data_bytes + 2 * 512
    assert far(found, seen) == {}
    # What the report sets beside it is what the clouds counted.
    assert calls.since(before) == seen
    beside = {one["what"]: one for one in report["outcomes"]}
    assert beside["bytes read"]["difference"] == 0
    assert beside["bytes sent, at most"]["difference"] < 0
    assert beside["calls, aws: read"]["actual"] == seen["aws: read"]
    assert beside["copy"]["actual"] == report["seconds"]["copy"]


@pytest.mark.parametrize(("disks", "nics"), [(1, 1), (3, 1), (2, 2)])
def test_calls_are_close_for_other_machines_too(crossing: Crossing, disks: int, nics: int) -> None:
    more: dict[str, Any] = {}
    if nics > 1:
        subnet = crossing.aws.subnet
        more["NetworkInterfaces"] = [{"DeviceIndex": i, "SubnetId": subnet} for i in range(nics)]
        more["InstanceType"] = "m5.large"
    moved = crossing.seed(*(dense(20 + 10 * n, n) for n in range(disks)), **more)
    crossing.reset()
    report = crossing.migrate(moved, inspect=True)

    assert far(report["estimate"], counted(crossing)) == {}


def test_without_an_inspection_the_disks_sizes_are_the_ceiling(crossing: Crossing) -> None:
    moved = crossing.seed(dense(30, 1))
    crossing.reset()
    report = crossing.migrate(moved)
    found = report["estimate"]

    assert (found["exact"], found["ceiling"], found["read_bytes"]) == (False, True, SIZE_BYTES)
    assert crossing.received("blob:PutPage") <= found["sent_bytes"]
    assert abs(found["calls"]["aws: manage"] - counted(crossing)["aws: manage"]) <= 4
