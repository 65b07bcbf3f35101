"""A package is moved by the command line alone: without a block, and without a machine's id."""

import json

import pytest

from tests.journeys.seeding import blocks
from tests.unit.ovf_packages import (
    DISK,
    FILE,
    FIRST,
    ITEMS,
    MIB,
    content,
    descriptor,
    disk_item,
    dynamic_vhd,
    manifest,
    ova,
    stream_optimized,
    system,
)

pytestmark = pytest.mark.slow

SIZE = 24 * MIB  # no target takes a smaller one than 20 MiB
DISKS = [content(1, SIZE), content(2, SIZE)]


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """Two disks in two formats, with a manifest."""
    path = tmp_path_factory.mktemp("packages") / "büro-01.ova"
    disk = DISK.replace(str(4 * MIB), str(SIZE))
    config = '<vmw:Config vmw:key="firmware" vmw:value="bios"/>'
    second = FIRST + disk_item(6, 1, "ovf:/disk/d2")
    linux = '<OperatingSystemSection ovf:id="96"><Info/></OperatingSystemSection>'
    text = descriptor(
        files=FILE + '<File ovf:id="f2" ovf:href="disk2.vhd"/>',
        disks=disk + disk.replace("d1", "d2").replace("f1", "f2").replace("vmdk.html#", "vhd#"),
        systems=system(ITEMS.replace(FIRST, second) + config, linux, name="büro-01"),
    ).replace("vhd#streamOptimized", "vhd")
    files = {
        "büro.ovf": text.encode(),
        "disk1.vmdk": stream_optimized(DISKS[0]),
        "disk2.vhd": dynamic_vhd(DISKS[1]),
    }
    named = {"büro.ovf": files["büro.ovf"], "büro.mf": manifest(files)}
    ova(path, named | files)
    return path


@pytest.fixture(scope="module")
def answers(sandbox, package, tmp_path_factory):
    """Answers to all that a plan asks, from what it offers."""
    path = tmp_path_factory.mktemp("answers") / "answers.yaml"
    given: dict[str, str] = {}
    for _ in range(4):
        path.write_text(json.dumps(given))
        plan = sandbox.here("plan", f"ovf:{package}", sandbox.target, "--answers", path)
        for field in plan.document["translation"]:
            if field["path"] in plan.document["missing"]:
                missing = field["verdict"] == "missing"
                given[field["path"]] = field["candidates"][0]["value"] if missing else "acknowledge"
        if not plan.document["missing"]:
            break
    assert plan.exit_code == 0, plan
    return path


@pytest.fixture(scope="module")
def report(sandbox, package, answers):
    before = package.read_bytes()
    moved = sandbox.cli("migrate", f"ovf:{package}", sandbox.target, "--answers", answers)
    assert moved.exit_code == 0, moved
    assert package.read_bytes() == before
    yield moved.document
    back = sandbox.here("rollback", moved.document["migration"])
    assert back.document["state"] == "rolled-back"
    assert not list(package.parent.glob("*.vmdk"))


def test_its_disks_arrive_byte_for_byte_as_another_reader_sees(report, arrivals):
    assert report["state"] == "allocated"
    assert [one["proof"]["equal"] for one in report["devices"]] == [True, True]
    for device, disk in zip(report["devices"], DISKS, strict=True):
        size_bytes, found = arrivals.read(device["target"])
        block = len(next(iter(blocks(0).values())))
        pieces = {at: disk[at * block : (at + 1) * block] for at in range(SIZE // block)}
        assert size_bytes == SIZE
        assert found == {at: piece for at, piece in pieces.items() if any(piece)}


def test_the_machine_is_made_stopped_with_what_the_package_says(report, arrivals):
    made = arrivals.machine(report["target_vm"])

    assert len(made.storage_profile.data_disks) == 1
    assert arrivals.power(report["target_vm"]) == "deallocated"


def test_the_commands_that_follow_find_it_by_the_block_that_was_saved(sandbox, report, package):
    one = sandbox.here("status", report["migration"]).document

    assert (one["state"], one["vm"]) == ("allocated", package.name)
    assert one["source"].startswith("coldferry-cloud/ovf-")
    assert len(one["source_objects"]) == 2
    kept = json.loads((package.parent / ".coldferry" / f"{package.name}.json").read_text())
    assert report["migration"] in kept["marks"][package.name]["attempt"]


def test_the_package_is_not_started_whatever_is_asked(sandbox, report, package):
    answer = sandbox.here("start", f"ovf:{package}", package.name)

    assert answer.exit_code == 4
    assert "has no power" in answer.error["what"]
