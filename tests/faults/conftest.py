"""Both doubles at once, for all tests of whole migrations between them."""

from collections.abc import Iterator

import pytest

from tests.conformance.azure_rig import running
from tests.faults.crossing import Crossing
from tests.unit.aws_world import sandbox


@pytest.fixture(scope="package")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crossing]:
    with sandbox() as aws, running(tmp_path_factory.mktemp("azure")) as azure:
        yield Crossing(aws, azure)


@pytest.fixture
def crossing(clouds: Crossing, prefect_api: str) -> Iterator[Crossing]:
    """With saved blocks, no faults and nothing at the target."""
    with clouds.in_order():
        yield clouds
