"""What EBS direct says that changed between two snapshots, where it says it oddly."""

from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from coldferry.errors import ProviderError, Transient
from providers.aws.blocks import BLOCK_BYTES
from providers.aws.deltas import ChangedBlocks
from tests.unit.aws_world import KEY_ID, REGION, SECRET


def _listed(*indexes: int) -> dict[str, Any]:
    rows = [{"BlockIndex": one, "SecondBlockToken": "AAAA"} for one in indexes]
    return {"VolumeSize": 1, "BlockSize": BLOCK_BYTES, "ChangedBlocks": rows}


def _changed(
    *pages: dict[str, Any] | str, first: dict[str, Any] | None = None
) -> list[tuple[int, int]]:
    """Blocks and how many; a page that is a word is EBS's reason for giving none."""
    ebs: Any = boto3.client(
        "ebs", region_name=REGION, aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET
    )
    with Stubber(ebs) as told:
        for page in (first or _listed(), *pages):
            if isinstance(page, str):
                told.add_client_error(
                    "list_changed_blocks", "ValidationException", http_status_code=400,
                    modeled_fields={"Reason": page},
                )  # fmt: skip
            else:
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
    with pytest.raises(ProviderError, match="out of order") as refused:
        _changed(*listed)
    assert not isinstance(refused.value, Transient)


def test_a_list_that_lost_its_token_is_begun_anew_where_it_was() -> None:
    """A page's token is good for an hour."""
    page = {**_listed(3, 4), "NextToken": "old"}
    assert _changed(page, "INVALID_PAGE_TOKEN", _listed(9)) == [(3, 1), (4, 1), (9, 1)]


def test_a_list_whose_token_is_never_taken_is_refused() -> None:
    first = {**_listed(3), "NextToken": "old"}
    again = {**_listed(), "NextToken": "older"}
    with pytest.raises(ProviderError, match="page token"):
        _changed(first, "INVALID_PAGE_TOKEN", again, "INVALID_PAGE_TOKEN")


@pytest.mark.parametrize("odd", [{"VolumeSize": None}, {"BlockSize": 512}])
def test_a_list_that_is_not_as_documented_is_refused_in_a_sentence(odd: dict[str, Any]) -> None:
    told = {name: value for name, value in {**_listed(), **odd}.items() if value is not None}
    with pytest.raises(ProviderError, match="not what AWS documents"):
        _changed(first=told)
