"""A machine of AWS comes to a libvirt host and goes back; one of libvirt runs where it came to."""

import asyncio
import random
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from coldferry import progress
from coldferry.content import LEAF_BYTES
from coldferry.migration import early_of
from coldferry.ports import PowerState
from coldferry.translation import ACKNOWLEDGE, Verdict
from providers.registry import Access, connect_source, connect_target
from tests.conformance.libvirt_rig import BOOT, MIB, Libvirt, running
from tests.rates import of_a_slow_way
from tests.unit.aws_world import KEY_ID, REGION, SECRET, sandbox

pytestmark = pytest.mark.slow

BLOCK = 524_288
SIZE = 1 << 30


def content(seed: int) -> dict[int, bytes]:
    """Blocks at both ends, alone and in a row."""
    dice = random.Random(seed)
    return {index: dice.randbytes(BLOCK) for index in (0, 7, 8, 900, 2047)}


DISKS = (content(1), content(2))


class Ends:
    """Both ends as saved blocks, and the machine between them."""

    def __init__(self, source: Access, vm: str, host: Libvirt) -> None:
        self.source, self.vm, self.host = source, vm, host
        self.target = Access(provider="libvirt", libvirt=host.access)

    def blocks(self) -> list[Any]:
        from tasks.clouds import Cloud, load

        loaded = []
        for access in (self.source, self.target):
            Cloud(**{name: getattr(access, name) for name in Access.model_fields}).save(
                f"to-libvirt-{access.provider}", overwrite=True
            )
            loaded.append(load(f"coldferry-cloud/to-libvirt-{access.provider}"))
        return loaded

    def answers(self) -> dict[str, Any]:
        source, target = connect_source(self.source), connect_target(self.target)
        machine, catalogue = source.describe(self.vm), target.catalogue()
        given: dict[str, Any] = {}
        while (made := target.translate(machine, catalogue, given)).missing:
            for gap in (made[path] for path in made.missing):
                asked = gap.verdict is Verdict.MISSING
                given[gap.path] = gap.candidates[0].value if asked else ACKNOWLEDGE
        return given

    def migrate(self) -> dict[str, Any]:
        from flows.migrate_vm import migrate_vm

        origin, goal = self.blocks()
        report: Any = asyncio.run(migrate_vm(origin, self.vm, goal, answers=self.answers()))
        return dict(report)

    def roll_back(self, migration: str) -> None:
        from flows.rollback import rollback

        origin, goal = self.blocks()
        rollback(origin, self.vm, goal, migration)


@pytest.fixture(scope="module")
def host(prefect_api: str) -> Iterator[Libvirt]:
    with running() as found:
        yield found


@pytest.fixture(scope="module")
def ends(host: Libvirt) -> Iterator[Ends]:
    with sandbox() as aws:
        source = Access(
            provider="aws",
            aws={
                "region": REGION, "access_key_id": KEY_ID, "secret_access_key": SECRET,
                "endpoint_url": aws.server.endpoint_url,
            },
        )  # fmt: skip
        disk = {"SnapshotId": aws.snapshot(DISKS[1]), "VolumeType": "gp3"}
        vm = aws.launch(
            tags={"Name": "shop-01"}, ImageId=aws.image(DISKS[0], "shop"),
            BlockDeviceMappings=[{"DeviceName": "/dev/sdf", "Ebs": disk}],
        )  # fmt: skip
        yield Ends(source, vm, host)


def whole(blocks: Mapping[int, bytes]) -> Iterator[bytes]:
    """The disk, a block at a time."""
    return (blocks.get(index, bytes(BLOCK)) for index in range(SIZE // BLOCK))


def test_a_machine_of_aws_arrives_with_every_byte_and_a_rollback_leaves_nothing(ends: Ends) -> None:
    report = ends.migrate()

    handle = ends.host.connection.lookupByName("shop-01")
    assert handle.state()[0] == 5
    text = handle.XMLDesc(2)
    assert text.count("<link state='down'/>") == 1
    volumes = sorted(ends.host.images.glob("shop-01-disk*"))
    assert [volume.stat().st_size for volume in volumes] == [SIZE, SIZE]
    for volume, blocks in zip(volumes, DISKS, strict=True):
        assert volume.stat().st_blocks * 512 <= len(blocks) * BLOCK + MIB  # as sparse as it was
        with volume.open("rb") as file:
            assert all(file.read(BLOCK) == block for block in whole(blocks))
        assert str(volume) in text

    source = connect_source(ends.source)
    assert source.power(ends.vm) is PowerState.STOPPED
    ends.roll_back(report["migration"])

    assert list(ends.host.images.iterdir()) == []
    assert ends.host.connection.listAllDomains() == []
    assert source.power(ends.vm) is PowerState.RUNNING


def test_a_machine_of_libvirt_is_copied_while_it_runs_and_runs_where_it_was_brought_to(
    host: Libvirt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of its 20 MiB one changes until it is halted; all is read again then, and that one sent."""
    monkeypatch.setenv("COLDFERRY_RATES", str(of_a_slow_way(tmp_path)))
    dice = random.Random(3)
    root = host.volume("tiny.raw", {0: BOOT, MIB: dice.randbytes(3 * MIB)})
    data = host.volume("tiny.qcow2", {2 * MIB: dice.randbytes(4096)}, kind="qcow2")
    host.machine("tiny", {"tiny.raw": "raw", "tiny.qcow2": "qcow2"})
    here = Ends(Access(provider="libvirt", libvirt=host.access), "tiny", host)
    source = connect_source(here.source)
    source.start("tiny")
    while host.read(str(root), 512, 512) != BOOT:  # it has come up, and hears its button
        time.sleep(0.1)
    early: list[bytes] = []

    def watch(step: str) -> None:
        if step == "halt" and not early:
            early.append(root.read_bytes())
            host.write("tiny", 0, 2 * MIB, b"\7" * MIB)
            host.write("tiny", 0, 512, b"\0" * 512)

    progress.watch_steps(watch)
    try:
        report = here.migrate()
    finally:
        progress.unwatch_steps(watch)
    migration = report["migration"]

    first, second = report["devices"]
    assert "all is read again after the halt" in report["estimate"]["early"]
    assert "read-again" in {finding["code"] for finding in report["findings"]}
    assert first["proof"]["equal"] and second["proof"]["equal"]
    assert MIB <= first["sent_bytes"] <= MIB + LEAF_BYTES  # with the sector that it zeroed
    assert first["early_sent_bytes"] >= 3 * MIB
    assert second["sent_bytes"] == 0
    assert early[0] != root.read_bytes()
    new, cloud = "tiny-2", connect_target(here.target)  # the name was taken by the source
    root_copy, data_copy = sorted(host.images.glob("tiny-2-disk*"))
    assert root_copy.read_bytes() == root.read_bytes()
    same = ["qemu-img", "compare", "-f", "qcow2", "-F", "raw", str(data), str(data_copy)]
    assert subprocess.run(same, check=False).returncode == 0

    assert host.read(str(root_copy), 512, 512) == bytes(512)
    cloud.start(new)
    cloud.stop(new, timeout_s=120)  # only a guest that came up hears its power button
    assert host.read(str(root_copy), 512, 512) == BOOT  # and it writes this when it does
    assert [one.code for one in cloud.at_stake(migration, arrived=True)] == ["used"]

    cloud.discard(migration)
    assert source.release(early_of(migration)) == []  # it went when the machine had arrived
    assert len(source.release(migration)) == 2
    assert sorted(host.images.iterdir()) == [data, root]
    host.clear()
