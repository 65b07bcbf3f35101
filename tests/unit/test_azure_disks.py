"""Uploading disks to the Azure double, and reading them back."""

from typing import Any

import pytest

from coldferry.errors import (
    Conflict,
    CorruptCopy,
    Denied,
    DiskSealed,
)
from coldferry.ports import is_target
from providers.azure.cloud import AzureCloud
from providers.azure.kinds import DISK
from tests.unit.machines import MIB
from tests.unit.test_azure_fixtures import (
    ODD_BYTES,
    a_plan,
    access,
    calls,
    disk_state,
    frozen,
    upload,
)

pytest_plugins = ["tests.unit.test_azure_fixtures"]


def test_it_is_a_target(cloud: AzureCloud) -> None:
    assert is_target(cloud)
    assert cloud.scope == "11111111-2222-3333-4444-555555555555/rg-apps/westeurope"


class TestWriting:
    def test_what_is_put_is_read_back_and_the_rest_is_zero(self, cloud: AzureCloud) -> None:
        plan = a_plan(cloud)
        last = ODD_BYTES - 512

        with cloud.open_disk(plan, frozen(plan)) as writer:
            assert writer.size_bytes == 21 * MIB
            writer.write(0, memoryview(b"a" * MIB))
            writer.zero(4096, 8192)
            writer.write(last, memoryview(b"z" * 100 + bytes(412)))
            assert (writer.requests, writer.sent_bytes) == (3, MIB + 512)
            ref = writer.commit()
            assert writer.commit() == ref

        with cloud.open_written(plan, ref) as reader:
            found = [(e.offset, e.length, e.data) for e in reader.extents(0, reader.size_bytes)]
            content = bytearray(reader.size_bytes)
            reader.read_into(0, memoryview(content))
        assert found == [
            (0, 4096, True), (4096, 8192, False), (12288, MIB - 12288, True),
            (MIB, last - MIB, False), (last, 512, True),
        ]  # fmt: skip
        assert content == (b"a" * 4096 + bytes(8192)).ljust(MIB, b"a").ljust(last, b"\0") + (
            b"z" * 100
        ).ljust(512, b"\0")
        assert disk_state(cloud, plan.object_name("disk0")) == "Unattached"

    def test_windows_of_extents_fit_together(self, cloud: AzureCloud) -> None:
        plan = a_plan(cloud)
        with cloud.open_disk(plan, frozen(plan)) as writer:
            writer.write(MIB - 512, memoryview(b"x" * 1024))
            ref = writer.commit()

        with cloud.open_written(plan, ref) as reader:
            windows = [list(reader.extents(n * MIB, MIB)) for n in range(2)]
        assert [(e.offset, e.length, e.data) for window in windows for e in window] == [
            (0, MIB - 512, False), (MIB - 512, 512, True), (MIB, 512, True),
            (MIB + 512, MIB - 512, False),
        ]  # fmt: skip

    def test_a_resume_goes_on_without_ending_the_access(
        self, cloud: AzureCloud, server: Any
    ) -> None:
        plan = a_plan(cloud)
        with cloud.open_disk(plan, frozen(plan)) as first:
            first.write(0, memoryview(b"1" * 512))
        with AzureCloud(access(server)).open_disk(plan, frozen(plan)) as second:
            assert (second.identity, second.sealed) == (first.identity, False)
            second.write(512, memoryview(b"2" * 512))
            assert calls(server, "compute:disks.endGetAccess") == 0
            ref = second.commit()

        with cloud.open_written(plan, ref) as reader:
            content = bytearray(1024)
            reader.read_into(0, memoryview(content))
        assert content == b"1" * 512 + b"2" * 512

    def test_a_committed_disk_is_sealed_and_commits_again(self, cloud: AzureCloud) -> None:
        plan = a_plan(cloud)
        ref = upload(cloud, plan).ref

        with cloud.open_disk(plan, frozen(plan)) as writer:
            assert writer.sealed
            assert writer.commit() == ref
            with pytest.raises(DiskSealed):
                writer.write(0, memoryview(bytes(512)))

    def test_another_frozen_state_begins_the_disk_anew(self, cloud: AzureCloud) -> None:
        plan = a_plan(cloud)
        with cloud.open_disk(plan, frozen(plan)) as first:
            first.write(0, memoryview(b"1" * 512))
        with cloud.open_disk(plan, frozen(plan, ref="snap-2")) as second:
            assert second.identity != first.identity
            ref = second.commit()

        with cloud.open_written(plan, ref) as reader:
            assert not any(extent.data for extent in reader.extents(0, reader.size_bytes))

    def test_a_strangers_disk_of_that_name_is_refused_and_left(self, cloud: AzureCloud) -> None:
        plan = a_plan(cloud)
        other = a_plan(cloud, migration="other-azure-00000000-a1")
        name = plan.object_name("disk0")
        body = cloud._arm.put(DISK, name, {
            "location": "westeurope", "sku": {"name": "Standard_LRS"},
            "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 1},
        })  # fmt: skip

        with pytest.raises(Conflict, match=name), cloud.open_disk(plan, frozen(plan)):
            pass
        with pytest.raises(Conflict):
            cloud.discard_disk(plan, plan.devices[0])
        assert [f.code for f in cloud.preflight(plan)] == ["name-taken"]
        assert cloud.preflight(other) == []
        assert cloud._arm.get(DISK, name)["id"] == body["id"]
        cloud._arm.delete(DISK, name)

    def test_a_refused_sas_is_renewed_once_and_the_request_repeated(
        self, cloud: AzureCloud, server: Any
    ) -> None:
        plan = a_plan(cloud)
        with cloud.open_disk(plan, frozen(plan)) as writer:
            writer.write(0, memoryview(bytes(512)))
            server.faults.add([{"operation": "blob:PutPage", "status": 403, "code": "X"}])
            writer.write(512, memoryview(b"x" * 512))
            assert (writer.requests, writer.sent_bytes) == (3, 1536)
            assert calls(server, "compute:disks.beginGetAccess") == 2

            server.faults.add([{"operation": "blob:PutPage", "status": 403, "times": 2}])
            with pytest.raises(Denied, match=plan.object_name("disk0")):
                writer.write(512, memoryview(b"x" * 512))

    def test_every_attempt_is_counted(self, cloud: AzureCloud, server: Any) -> None:
        plan = a_plan(cloud)
        server.faults.add([{"operation": "blob:PutPage", "status": 503, "code": "ServerBusy"}])

        with cloud.open_disk(plan, frozen(plan)) as writer:
            writer.write(0, memoryview(b"x" * 4096))
            assert (writer.requests, writer.sent_bytes) == (2, 8192)

    def test_errors_carry_no_signature(self, cloud: AzureCloud, server: Any) -> None:
        plan = a_plan(cloud)
        server.faults.add([{"operation": "blob:PutPage", "status": 400, "code": "X"}])

        with (
            cloud.open_disk(plan, frozen(plan)) as writer,
            pytest.raises(Exception, match="disk0") as caught,
        ):
            writer.write(0, memoryview(bytes(512)))
        assert "sig" not in str(caught.value)
        assert caught.value.__suppress_context__


class TestReading:
    def test_padding_that_is_not_zero_is_a_corrupt_copy_and_the_access_ends(
        self, cloud: AzureCloud
    ) -> None:
        plan = a_plan(cloud)
        with cloud.open_disk(plan, frozen(plan)) as writer:
            writer.write(ODD_BYTES, memoryview(b"x" * 512))
            ref = writer.commit()

        with pytest.raises(CorruptCopy), cloud.open_written(plan, ref):
            pass
        assert disk_state(cloud, plan.object_name("disk0")) == "Unattached"

    def test_the_access_ends_when_reading_fails(self, cloud: AzureCloud, server: Any) -> None:
        plan = a_plan(cloud)
        ref = upload(cloud, plan).ref

        def fail_while_reading() -> None:
            with cloud.open_written(plan, ref) as reader:
                next(iter(reader.extents(0, 512)))
                raise KeyError

        with pytest.raises(KeyError):
            fail_while_reading()
        assert disk_state(cloud, plan.object_name("disk0")) == "Unattached"
