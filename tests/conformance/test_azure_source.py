"""Azure as a source obeys every law, against the double of ARM and of managed-disk SAS."""

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from coldferry.copying import Since, copy_disk
from coldferry.manifest import Copy, Manifest
from coldferry.migration import early_of
from coldferry.plan import Device, devices_of
from providers.azure.access import AzureAccess
from providers.azure.cloud import AzureCloud
from providers.manifests import VARIABLE, open_folder
from providers.memory.disks import MemoryWriter
from providers.memory.world import StoredDisk
from tasks.earlier import copied_before, gone_on_from
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
from tests.conformance.cases import MIGRATION, SourceCase
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


def _copied(case: SourceCase, word: str, device: Device, target: StoredDisk) -> Since | None:
    """Freeze the disk and copy it, going on from what was copied before the halt."""
    (found,) = case.cloud.freeze(case.vm, word, [device])
    early = case.cloud.frozen(early_of(MIGRATION)) if word == MIGRATION else []
    frozen = replace(found, follows=frozenset(one.id for one in early))
    writer = MemoryWriter(target)
    where = open_folder().open(word, device.name)
    with (
        case.cloud.open_frozen(frozen) as reader,
        copied_before(frozen) as earlier,
        gone_on_from(case.cloud, frozen, writer, earlier) as since,
        Manifest(where, Copy(frozen.ref, writer.identity, SIZE)) as manifest,
    ):
        copy_disk(reader, writer, manifest, since=since)
        return since


class TestAzure(SourceLaws, DeltaLaws):
    def test_of_a_service_that_compares_nothing_all_is_read_again(
        self, azure: Azure, case: SourceCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It lists all pages, as if nothing had been asked: what was cleared is not among them."""
        monkeypatch.setenv(VARIABLE, str(tmp_path))
        device = devices_of(case.cloud.describe(case.vm))[0]
        target = StoredDisk("d0", SIZE, sealed=False)
        azure.write(device.disk.id, 5 * MIB, b"a" * MIB)
        _copied(case, early_of(MIGRATION), device, target)
        azure.write(device.disk.id, 5 * MIB, bytes(MIB))
        case.cloud.stop(case.vm)
        azure.server.compare_pages(compares=False)
        try:
            since = _copied(case, MIGRATION, device, target)
        finally:
            azure.server.compare_pages(compares=True)

        assert since is not None and since.changed is None
        (frozen,) = case.cloud.frozen(MIGRATION)
        source = case.disk_bytes(frozen.id, 0, SIZE)
        held = bytearray(SIZE)
        target.read(0, memoryview(held))
        assert bytes(held) == source
        assert not any(source[5 * MIB : 6 * MIB])

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
