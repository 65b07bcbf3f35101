"""What EBS direct says that changed between two snapshots, where it says it oddly."""

from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from coldferry.errors import Transient
from providers.aws.blocks import BLOCK_BYTES
from providers.aws.deltas import ChangedBlocks
from tests.unit.aws_world import KEY_ID, REGION, SECRET


def _listed(*indexes: int) -> dict[str, Any]:
    rows = [{"BlockIndex": one, "SecondBlockToken": "AAAA"} for one in indexes]
    return {"VolumeSize": 1, "BlockSize": BLOCK_BYTES, "ChangedBlocks": rows}


def _changed(*pages: dict[str, Any]) -> list[tuple[int, int]]:
    ebs: Any = boto3.client(
        "ebs", region_name=REGION, aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET
    )
    with Stubber(ebs) as told:
        for page in (_listed(), *pages):
            told.add_response("list_changed_blocks", page)
        clients: Any = SimpleNamespace(ebs=ebs)
        found = ChangedBlocks(clients, "snap-1", "snap-2")
        extents = list(found.extents(0, found.size_bytes))
    return [(one.offset // BLOCK_BYTES, one.length // BLOCK_BYTES) for one in extents if one.data]


def test_pages_are_followed_to_their_end() -> None:
    assert _changed({**_listed(3, 4), "NextToken": "more"}, _listed(9)) == [(3, 1), (4, 1), (9, 1)]


@pytest.mark.parametrize("pages", [[(5, 3)], [(5,), (3,)], [(5, 5)]])
def test_a_list_that_is_out_of_order_hides_nothing(pages: list[tuple[int, ...]]) -> None:
    """A block that comes late would be taken for one that did not change, and never be copied."""
    listed = [{**_listed(*one), "NextToken": "more"} for one in pages]
    with pytest.raises(Transient, match="out of order"):
        _changed(*listed)
