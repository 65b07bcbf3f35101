"""Azure as a target obeys every law, against the double of ARM and of managed-disk SAS."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from providers.azure.access import AzureAccess
from providers.azure.cloud import AzureCloud
from tests.conformance.azure_rig import GROUP, LOCATION, SUBSCRIPTION, TOKEN, Azure, running
from tests.conformance.cases import TargetCase
from tests.conformance.laws import TargetLaws

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


class TestAzure(TargetLaws):
    @pytest.fixture
    def case(self, azure: Azure) -> Iterator[TargetCase]:
        access = AzureAccess(
            subscription_id=SUBSCRIPTION,
            resource_group=GROUP,
            location=LOCATION,
            endpoint=azure.server.endpoint,
            token=SecretStr(TOKEN),
            ca_bundle=str(azure.server.ca_bundle),
        )
        cloud = AzureCloud(access)
        yield TargetCase(cloud, ANSWERS, _reader(azure), azure.clear)
        for owned in cloud.owned():
            cloud.discard(owned.migration)
            cloud.erase_kept(owned.migration)
