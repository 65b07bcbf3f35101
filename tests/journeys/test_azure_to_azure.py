"""A machine of Azure goes to another resource group and region of Azure, and back."""

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from coldferry import progress
from coldferry.content import LEAF_BYTES
from coldferry.ports import PowerState
from coldferry.translation import ACKNOWLEDGE, Verdict
from providers.azure.access import AzureAccess
from providers.registry import Access, connect_source, connect_target
from tests.conformance.azure_rig import MIB, SIZE, SUBSCRIPTION, TOKEN, Azure, running
from tests.faults.crossing import SUBNET
from tests.rates import of_a_slow_way

pytestmark = pytest.mark.slow

NAME = "web-01"


def content(seed: int) -> dict[int, bytes]:
    """Both ends of a disk, a stretch that is no whole MiB, and zeros that were written."""
    dice = random.Random(seed)
    return {
        0: dice.randbytes(4096),
        MIB: bytes(64 * 1024),
        3 * MIB + 512: dice.randbytes(MIB + 1024),
        SIZE - 512: dice.randbytes(512),
    }


DISKS = (content(1), content(2))


def access_of(azure: Azure) -> Access:
    server = azure.server
    return Access(
        provider="azure",
        azure=AzureAccess(
            subscription_id=SUBSCRIPTION,
            resource_group=server.resource_group,
            location=server.location,
            endpoint=server.endpoint,
            token=SecretStr(TOKEN),
            ca_bundle=str(server.ca_bundle),
        ),
    )


class Ends:
    """The two ends as plain SDK clients see them, and as saved blocks."""

    def __init__(self, here: Azure, there: Azure) -> None:
        self.here, self.there = here, there
        self.source = connect_source(access_of(here))
        self.target = connect_target(access_of(there))
        self.vm = here.machine(NAME, *DISKS)

    def blocks(self) -> list[Any]:
        from tasks.clouds import Cloud, load

        loaded = []
        for end, azure in (("here", self.here), ("there", self.there)):
            access = access_of(azure)
            Cloud(provider="azure", azure=access.azure).save(f"azure-{end}", overwrite=True)
            loaded.append(load(f"coldferry-cloud/azure-{end}"))
        return loaded

    def answers(self) -> dict[str, Any]:
        machine = self.source.describe(self.vm)
        given: dict[str, Any] = {"nics[0].subnet_id": SUBNET}
        while True:
            made = self.target.translate(machine, self.target.catalogue(), given)
            if not made.missing:
                return given
            for gap in (made[path] for path in made.missing):
                asked = gap.verdict is Verdict.MISSING
                given[gap.path] = gap.candidates[0].value if asked else ACKNOWLEDGE

    def migrate(self) -> dict[str, Any]:
        from flows.migrate_vm import migrate_vm

        origin, goal = self.blocks()
        report: Any = asyncio.run(
            migrate_vm(origin, self.vm, goal, answers=self.answers(), inspect=True)
        )
        return dict(report)

    def roll_back(self, migration: str) -> dict[str, Any]:
        from flows.rollback import rollback

        origin, goal = self.blocks()
        found: Any = rollback(origin, self.vm, goal, migration)
        return dict(found)


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory, prefect_api: str) -> Iterator[Ends]:
    folder = tmp_path_factory.mktemp
    with (
        running(folder("here")) as here,
        running(folder("there"), "rg-there", "northeurope") as there,
    ):
        yield Ends(here, there)


def bytes_at(azure: Azure, disk: str) -> bytes:
    """A disk's content as a plain SDK client reads it."""
    name = disk.rpartition("/")[2]
    with azure.blob(azure.grant(name, "Read")) as blob:
        found = bytes(blob.download_blob(offset=0, length=SIZE).readall())
    azure.revoke(name)
    return found


def image(written: dict[int, bytes]) -> bytes:
    found = bytearray(SIZE)
    for offset, data in written.items():
        found[offset : offset + len(data)] = data
    return bytes(found)


def names(azure: Azure) -> dict[str, list[str]]:
    kinds = {
        "machines": azure.compute.virtual_machines.list(azure.group),
        "disks": azure.compute.disks.list_by_resource_group(azure.group),
        "snapshots": azure.compute.snapshots.list_by_resource_group(azure.group),
        "interfaces": azure.network.network_interfaces.list(azure.group),
        "groups": azure.network.network_security_groups.list(azure.group),
    }
    return {kind: sorted(str(one.name) for one in found) for kind, found in kinds.items()}


def test_a_machine_is_moved_with_its_proof_and_a_rollback_leaves_both_as_they_were(
    ends: Ends,
) -> None:
    before = names(ends.here), names(ends.there)
    described = ends.source.describe(ends.vm)

    report = ends.migrate()

    assert report["state"] == "allocated"
    assert [device["proof"]["equal"] for device in report["devices"]] == [True, True]
    moved = [bytes_at(ends.there, device["target"]) for device in report["devices"]]
    assert moved == [image(disk) for disk in DISKS]
    assert ends.source.power(ends.vm) is PowerState.STOPPED
    assert ends.target.power(report["target_vm"]) is PowerState.STOPPED
    arrived = ends.target.describe(report["target_vm"])
    kept = ("name", "instance_type", "vcpus", "memory_bytes", "firmware", "tags", "hostname")
    assert {k: getattr(arrived, k) for k in kept} == {k: getattr(described, k) for k in kept}
    assert [disk.kind for disk in arrived.disks] == [disk.kind for disk in described.disks]
    # The look into the disks has left nothing, and what is read from is kept until the end.
    own = set(names(ends.here)["snapshots"]) - set(before[0]["snapshots"])
    assert len(own) == 2
    assert not [name for name in own if "inspect" in name]

    back = ends.roll_back(report["migration"])

    assert back["state"] == "rolled-back"
    assert (names(ends.here), names(ends.there)) == before
    assert ends.source.power(ends.vm) is PowerState.RUNNING
    assert ends.source.describe(ends.vm) == described
    ends.source.stop(ends.vm)
    stood = [bytes_at(ends.here, f"{NAME}-{n}") for n in range(2)]
    ends.source.start(ends.vm)
    assert stood == [image(disk) for disk in DISKS]


def test_a_running_machine_is_finished_after_its_halt_with_the_pages_that_changed(
    ends: Ends, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written anew, and freed: together a twentieth of what is there."""
    monkeypatch.setenv("COLDFERRY_RATES", str(of_a_slow_way(tmp_path)))
    before = names(ends.here), names(ends.there)
    late = {4 * MIB: random.Random(7).randbytes(48 * 1024), 3 * MIB + 512: bytes(4096)}
    there, anew = (sum(map(len, one.values())) for one in (DISKS[0], late))
    assert round(anew / there, 2) == 0.05
    expected = bytearray(image(DISKS[0]))
    for offset, data in late.items():
        expected[offset : offset + len(data)] = data

    def watch(step: str) -> None:
        if step == "halt":
            for offset, data in late.items():
                ends.here.write(ends.source.describe(ends.vm).disks[0].id, offset, data)

    progress.watch_steps(watch)
    try:
        report = ends.migrate()
    finally:
        progress.unwatch_steps(watch)

    moved = [bytes_at(ends.there, device["target"]) for device in report["devices"]]
    assert moved == [bytes(expected), image(DISKS[1])]
    first, second = report["devices"]
    # The grains that were written to, and the footer; of the other disk nothing else.
    assert (first["sent_bytes"], second["sent_bytes"]) == (2 * 64 * 1024 + 512, 512)
    assert first["read_bytes"] <= 2 * LEAF_BYTES
    assert second["read_bytes"] == 0
    assert first["early_sent_bytes"] > 1000 * 1024
    assert "sig=" not in str(report)

    ends.roll_back(report["migration"])
    for offset, data in late.items():  # as it was
        held = image(DISKS[0])[offset : offset + len(data)]
        ends.here.write(ends.source.describe(ends.vm).disks[0].id, offset, held)

    assert (names(ends.here), names(ends.there)) == before


def test_the_same_size_and_kinds_are_kept_and_each_field_has_one_verdict(ends: Ends) -> None:
    machine = ends.source.describe(ends.vm)
    made = ends.target.translate(machine, ends.target.catalogue(), {})

    exact = {field.path for field in made.fields if field.verdict is Verdict.EXACT}
    assert {"name", "instance_type", "disks[0].kind", "disks[1].kind", "firmware"} <= exact
    # What is on the temporary disk is lost with it, wherever the machine goes.
    assert set(made.missing) == {"nics[0].subnet_id", "ephemeral_disks[0].device"}


def test_the_bytes_foreseen_are_those_read_and_no_signature_is_in_the_report(ends: Ends) -> None:
    report = ends.migrate()
    ends.roll_back(report["migration"])

    assert "sig=" not in str(report)
    assert TOKEN not in str(report)
    found = report["estimate"]
    assert found["read_bytes"] == sum(device["read_bytes"] for device in report["devices"])
