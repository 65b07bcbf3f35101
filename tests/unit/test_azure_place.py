"""An Azure block says where: one that does not is bad input, before anything is sent."""

import pytest
from pydantic import SecretStr

from coldferry.errors import BadInput
from providers.azure.access import AzureAccess
from providers.azure.cloud import AzureCloud

SOMEWHERE = {"subscription_id": "s", "resource_group": "g", "location": "westeurope"}


def cloud(**place: str) -> AzureCloud:
    return AzureCloud(AzureAccess(endpoint="https://127.0.0.1:9", token=SecretStr("word"), **place))


@pytest.mark.parametrize("field", SOMEWHERE)
def test_a_part_of_the_place_left_empty_is_named(field: str) -> None:
    incomplete = cloud(**SOMEWHERE | {field: " "})

    with pytest.raises(BadInput, match=f"names no {field}\\."):
        incomplete.catalogue()
    with pytest.raises(BadInput, match=field):
        incomplete.start("web-01")


def test_all_parts_left_empty_are_named_at_once() -> None:
    with pytest.raises(BadInput, match="no subscription_id, no resource_group and no location"):
        cloud().owned()
