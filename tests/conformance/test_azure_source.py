"""Azure as a source obeys every law, against the double of ARM and of managed-disk SAS."""

import random
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from providers.azure.access import AzureAccess
from providers.azure.cloud import AzureCloud
from tests.conformance.azure_rig import (
    GROUP,
    LOCATION,
    MIB,
    SIZE,
    SUBSCRIPTION,
    TOKEN,
    Azure,
    running,
)
from tests.conformance.cases import SourceCase
from tests.conformance.laws import SourceLaws
from tests.conformance.laws_deltas import DeltaLaws

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    with running(tmp_path_factory.mktemp("azure")) as found:
        yield found


@pytest.fixture(scope="module")
def vm(azure: Azure) -> str:
    """A machine with bytes at both ends of its root and amid its second disk."""
    dice = random.Random(1)
    ends = {0: dice.randbytes(4096), SIZE - 512: dice.randbytes(512)}
    return azure.machine("web-01", ends, {3 * MIB: dice.randbytes(5 * MIB // 2)})


def _reader(azure: Azure):
    """Bytes of a snapshot as plain SDK clients read them."""

    def read(ref: str, offset: int, length: int) -> bytes:
        return azure.snapshot_bytes(ref.rpartition("/")[2], offset, length)

    return read


class TestAzure(SourceLaws, DeltaLaws):
    @pytest.fixture
    def case(self, azure: Azure, vm: str) -> Iterator[SourceCase]:
        access = AzureAccess(
            subscription_id=SUBSCRIPTION,
            resource_group=GROUP,
            location=LOCATION,
            endpoint=azure.server.endpoint,
            token=SecretStr(TOKEN),
            ca_bundle=str(azure.server.ca_bundle),
        )
        cloud = AzureCloud(access)
        yield SourceCase(cloud, vm, _reader(azure), azure.write)
        for owned in cloud.owned():
            cloud.release(owned.migration)
