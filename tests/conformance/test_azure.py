"""Azure obeys every law on both sides, against the double of ARM and of managed-disk SAS."""

import random
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from providers.azure.access import AzureAccess
from providers.azure.cloud import AzureCloud
from providers.azure.ids import last
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
from tests.conformance.cases import SourceCase, TargetCase
from tests.conformance.laws import SourceLaws, TargetLaws

ANSWERS = {
    "dns.servers": "AzureProvidedDNS",
    "nics[0].subnet_id": "vnet-main/apps",
    "disks[0].kind": "StandardSSD_LRS",
    "disks[1].kind": "Premium_LRS",
}


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    with running(tmp_path_factory.mktemp("azure")) as found:
        yield found


def _reader(azure: Azure):
    """Bytes of a committed disk as plain SDK clients read them."""

    def read(ref: str, offset: int, length: int) -> bytes:
        name = ref.rpartition("/")[2]
        with azure.blob(azure.grant(name, "Read")) as blob:
            found = blob.download_blob(offset=offset, length=length).readall()
        azure.revoke(name)
        return bytes(found)

    return read


def _cloud(azure: Azure) -> AzureCloud:
    access = AzureAccess(
        subscription_id=SUBSCRIPTION,
        resource_group=GROUP,
        location=LOCATION,
        endpoint=azure.server.endpoint,
        token=SecretStr(TOKEN),
        ca_bundle=str(azure.server.ca_bundle),
    )
    return AzureCloud(access)


class TestAzureAsASource(SourceLaws):
    @pytest.fixture
    def case(self, azure: Azure) -> Iterator[SourceCase]:
        dice = random.Random(1)
        ends = {0: dice.randbytes(4096), SIZE - 512: dice.randbytes(512)}
        vm = azure.machine("web-01", ends, {3 * MIB: dice.randbytes(5 * MIB // 2)})
        cloud = _cloud(azure)
        yield SourceCase(cloud, vm, lambda ref, *at: azure.snapshot_bytes(last(ref), *at))
        for owned in cloud.owned():
            cloud.release(owned.migration)
        assert azure.power(last(vm))  # no law removes the source
        azure.clear()


class TestAzure(TargetLaws):
    @pytest.fixture
    def case(self, azure: Azure) -> Iterator[TargetCase]:
        cloud = _cloud(azure)
        yield TargetCase(cloud, ANSWERS, _reader(azure), azure.clear)
        for owned in cloud.owned():
            cloud.discard(owned.migration)
            cloud.erase_kept(owned.migration)
