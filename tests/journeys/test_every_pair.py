"""One guest goes through every pair of clouds, sixteen moves in one round, and boots eight times.

Four boots are where a libvirt host has it. Two each are of the disks that the doubles of AWS and
Azure keep, on NVMe: EC2's own bus, and the nearest that QEMU has to Hyper-V's.
"""

import itertools
import json
import os
import re
import subprocess
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sandbox.aws.seed import BLOCK_SIZE_BYTES, wait_completed
from tests.conformance.libvirt_rig import running
from tests.guest import build, build_data
from tests.guest.booting import console_of
from tests.guest.sparse import pieces

pytestmark = [pytest.mark.slow(takes_s=600), pytest.mark.timeout(2400)]

ROUND = (
    "libvirt", "aws", "azure", "libvirt", "ovf", "libvirt", "libvirt", "azure", "azure", "ovf",
    "ovf", "aws", "aws", "ovf", "azure", "aws", "libvirt",
)  # fmt: skip
"""Each of four clouds follows each, itself included, once; the first five moves end at home."""

PAIRS = list(itertools.pairwise(ROUND))
KEPT_AND_BOOTED = {
    ("aws", "azure"): "uefi", ("azure", "aws"): "uefi",
    ("libvirt", "azure"): "bios", ("ovf", "aws"): "bios",
}  # fmt: skip
"""Moves whose arrived disks are started, and by which firmware: the guest has both loaders."""

CHECKED = {("azure", "libvirt"), ("ovf", "aws")}
"""Moves that are asked for a boot check."""

HOME_AGAIN = PAIRS[:5]
BOOTS = [*(pair for pair in PAIRS if pair[1] == "libvirt"), *KEPT_AND_BOOTED]
SURVIVE = (
    "architecture", "firmware", "secure_boot", "tenancy", "nics[0].device_index",
    *(f"disks[{at}].{leaf}" for at in (0, 1)
      for leaf in ("size_bytes", "device", "root", "deleted_with_machine", "shared", "encrypted")),
)  # fmt: skip
"""Leaves that come home as they left."""

OF_THE_PLACE = ("origin.", "hostname", "licence.platform", "zone", "tags[0].value")
"""What each cloud says in its own words: the tag is the name, of which each move makes another."""

NOTHING = (None, [], "unknown")
SIZE_BYTES = 1 << 30
BOOT_WITHIN_S = 300
OFF = 5


def blocks_of(image):
    """A raw file's blocks that are not all zero, by index. Its holes are not read."""
    size, found = BLOCK_SIZE_BYTES, {}
    with image.open("rb") as file:
        for at, piece in pieces(file.fileno(), 0, image.stat().st_size):
            for one in {at // size, (at + len(piece) - 1) // size} - found.keys():
                data = os.pread(file.fileno(), size, one * size).ljust(size, b"\0")
                if data != bytes(size):
                    found[one] = data
    return found


def raw_file(path, blocks):
    """Those blocks as a disk of QEMU's, of the size that AWS has it in."""
    with path.open("wb") as file:
        file.truncate(SIZE_BYTES)
        for at, piece in blocks.items():
            file.seek(at * BLOCK_SIZE_BYTES)
            file.write(piece)
    return path


def told(console):
    """Who the guest is and what its disks hold, by its own words; not where it was started."""
    words = r"@@GUEST@@ (?:up (host=\S+)|(payload .*)|content name=\S+ (.*))"
    return sorted("".join(found).strip() for found in re.findall(words, console))


class Tour:
    """Four clouds, and the guest where it is now."""

    def __init__(self, sandbox, seeder, arrivals, host, folder, beside):
        self.beside, self.folder, self.booting, self.said = beside, folder, {}, {}
        self.sandbox, self.seeder, self.arrivals, self.host = sandbox, seeder, arrivals, host
        self.packages = folder / "packages"
        self.packages.mkdir()
        self.answers = folder / "answers.yaml"
        self.at = {
            "aws": sandbox.source,
            "azure": sandbox.target,
            "libvirt": f"libvirt:{host.uri}",
            "ovf": f"ovf:{self.packages}",
        }
        self.disks = [blocks_of(build()), blocks_of(build_data())]
        self.start("source", self.disks, "bios")
        self.vm = host.machine("tour", {self.volume(at): "raw" for at in range(len(self.disks))})
        self.reports, self.equal = {}, {}
        for origin, goal in PAIRS:
            self.move(origin, goal)
        self.said |= {word: told(console.result()) for word, console in self.booting.items()}

    def volume(self, at):
        """The guest's disk as a libvirt host has it; its name."""
        blocks = {index * BLOCK_SIZE_BYTES: data for index, data in self.disks[at].items()}
        return self.host.volume(f"tour-{at}.raw", blocks, size=SIZE_BYTES).name

    def start(self, word, disks, firmware):
        """Start it beside what goes on, from files of these blocks."""
        root, data = (
            raw_file(self.folder / f"booted-{len(self.booting)}-{at}.raw", blocks)
            for at, blocks in enumerate(disks)
        )

        def booted():
            try:
                return console_of(
                    root, firmware, "nvme", data=data, timeout_s=BOOT_WITHIN_S,
                    until=lambda said: "@@GUEST@@ done" in said,
                )  # fmt: skip
            finally:
                root.unlink()
                data.unlink()

        self.booting[word] = self.beside.submit(booted)

    def move(self, origin, goal):
        ends = (self.at[origin], self.vm, self.at[goal])
        more = ["--boot-check"] if (origin, goal) in CHECKED else []
        report = self.sandbox.here("migrate", *ends, *self.answered(ends), "--no-inspect", *more)
        if report.exit_code:
            pytest.fail(f"{origin} to {goal}: {report.sentences}\n{report.error}")
        self.reports[origin, goal] = found = report.document
        there = [getattr(self, f"read_{goal}")(found, at) for at in range(len(self.disks))]
        self.equal[origin, goal] = [
            one == disk for one, disk in zip(there, self.disks, strict=True)
        ]
        if (origin, goal) in KEPT_AND_BOOTED:
            self.start((origin, goal), there, KEPT_AND_BOOTED[origin, goal])
        migration = found["migration"]
        words = ("--security-group", "none", "--keep-days", "0", "--yes")
        over = self.sandbox.here("cutover", migration, *words)
        if over.exit_code:
            pytest.fail(f"{origin} to {goal}: {over.sentences}")
        self.vm = found["target_vm"]
        if goal == "libvirt":
            self.until_off(self.vm)
            (console,) = self.host.images.glob(f"coldferry.{migration}.console.*")
            self.said[origin, goal] = told(console.read_text(errors="replace"))
        done = self.sandbox.here("finalise", migration, "--yes")
        assert done.exit_code == 0, (origin, goal, done.document)

    def said_of(self, pair):
        """What the move's translation said of each leaf of the machine, by path."""
        return {one["path"]: one for one in self.reports[pair]["translation"]}

    def answered(self, ends):
        """Options with all that is missing answered: what is offered first, acknowledgements."""
        given = {}
        for _ in range(6):
            self.answers.write_text(json.dumps(given))
            plan = self.sandbox.here("plan", *ends, "--answers", self.answers)
            assert "missing" in plan.document, plan
            if not plan.document["missing"]:
                break
            for field in plan.document["translation"]:
                if field["path"] in plan.document["missing"]:
                    asked = field["verdict"] == "missing"
                    first = field["candidates"][0]["value"] if asked else "acknowledge"
                    given[field["path"]] = first
        return ["--answers", self.answers]

    # -- readers that are not ours, of blocks that are not all zero ------------

    def read_aws(self, report, at):
        mapped = self.seeder.ec2.describe_instances(InstanceIds=[report["target_vm"]])
        (one,) = mapped["Reservations"][0]["Instances"]
        root, places = one["RootDeviceName"], one["BlockDeviceMappings"]
        rows = sorted(places, key=lambda row: (row["DeviceName"] != root, row["DeviceName"]))
        volume = rows[at]["Ebs"]["VolumeId"]
        made = self.seeder.ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
        wait_completed(self.seeder.ec2, made)
        ebs, found, more = self.seeder.ebs, {}, {}
        while True:
            listed = ebs.list_snapshot_blocks(SnapshotId=made, MaxResults=1000, **more)
            for row in listed["Blocks"]:
                asked = {"BlockIndex": row["BlockIndex"], "BlockToken": row["BlockToken"]}
                data = ebs.get_snapshot_block(SnapshotId=made, **asked)["BlockData"].read()
                if data != bytes(BLOCK_SIZE_BYTES):
                    found[row["BlockIndex"]] = data
            if not listed.get("NextToken"):
                break
            more = {"NextToken": listed["NextToken"]}
        self.seeder.ec2.delete_snapshot(SnapshotId=made)
        return found

    def read_azure(self, report, at):
        return self.arrivals.read(report["devices"][at]["target"])[1]

    def read_libvirt(self, report, at):
        return blocks_of(Path(report["devices"][at]["target"].partition("#")[0]))

    def read_ovf(self, report, at):
        raw = self.packages.parent / "unpacked.raw"
        with tarfile.open(self.packages / report["target_vm"]) as package:
            names = [one for one in package.getnames() if one.endswith(".vmdk")]
            package.extract(names[at], self.packages.parent, filter="data")
        packed = self.packages.parent / names[at]
        words = ["qemu-img", "convert", "-f", "vmdk", "-O", "raw", str(packed), str(raw)]
        subprocess.run(words, check=True)
        found = blocks_of(raw)
        raw.unlink()
        packed.unlink()
        return found

    def until_off(self, vm):
        """The guest really starts there, and powers itself off when it has said what it has."""
        domain = self.host.connection.lookupByName(vm)
        until = time.monotonic() + BOOT_WITHIN_S
        while domain.state()[0] != OFF and time.monotonic() < until:
            time.sleep(0.5)
        assert domain.state()[0] == OFF


@pytest.fixture(scope="module")
def tour(sandbox, seeder, arrivals, tmp_path_factory):
    sandbox.control("aws", "PUT", "settings", {"quotas": {"L-1216C47A": 64}})
    try:
        with running() as host, ThreadPoolExecutor(1) as beside:
            yield Tour(sandbox, seeder, arrivals, host, tmp_path_factory.mktemp("tour"), beside)
    finally:
        sandbox.control("aws", "PUT", "settings", {"quotas": {}})


def test_the_round_has_every_pair_once():
    assert len(set(PAIRS)) == len(PAIRS) == 16


@pytest.mark.parametrize("pair", PAIRS, ids="-to-".join)
def test_each_disk_arrives_with_every_byte_as_another_reader_sees(tour, pair):
    assert tour.equal[pair] == [True, True]
    assert [one["proof"]["equal"] for one in tour.reports[pair]["devices"]] == [True, True]


def test_every_devices_manifest_root_is_the_same_all_the_way(tour):
    roots = [
        tuple(one["manifest_root"] for one in report["devices"]) for report in tour.reports.values()
    ]

    assert len(set(roots)) == 1


@pytest.mark.parametrize("move", range(len(PAIRS) - 1), ids=lambda at: "-to-".join(PAIRS[at]))
def test_what_a_move_said_is_carried_exactly_is_there_after_it(tour, move):
    said, found = (tour.said_of(pair) for pair in PAIRS[move : move + 2])

    there = {
        path: (one["target"], found[path]["source"])
        for path, one in said.items()
        if one["verdict"] == "exact" and path in found and not path.startswith(OF_THE_PLACE)
    }
    assert len(there) > 20
    assert {path: both for path, both in there.items() if differ(*both)} == {}


def differ(carried, found):
    """What had a value has another one; a cloud need not have a place for each."""
    return carried not in NOTHING and found not in (*NOTHING, carried)


def test_home_again_it_is_what_it_was_but_for_what_the_translations_said(tour):
    first, home = (tour.said_of(PAIRS[at]) for at in (0, len(HOME_AGAIN)))
    moves = [tour.said_of(pair) for pair in HOME_AGAIN]

    told = {path for move in moves for path, one in move.items() if one["verdict"] != "exact"}
    changed = {path for path in first if home[path]["source"] != first[path]["source"]}
    assert changed - {"origin.id"} <= told
    assert {"name", "vcpus", "memory_bytes"} <= changed, "the smallest that AWS has is larger"
    assert not changed & set(SURVIVE)


def test_eight_of_the_moves_are_booted():
    assert len(set(BOOTS)) == 8
    assert [goal for _, goal in BOOTS].count("libvirt") == 4


@pytest.mark.parametrize("pair", BOOTS, ids="-to-".join)
def test_the_guest_says_there_what_it_said_at_its_source(tour, pair):
    source = tour.said["source"]

    assert [one.partition("=")[0] for one in source] == ["host", "id", "payload sha256"]
    assert tour.said[pair] == source


@pytest.mark.parametrize("pair", sorted(CHECKED), ids="-to-".join)
def test_a_boot_check_says_that_it_comes_up_there(tour, pair):
    codes = [one["code"] for one in tour.reports[pair]["findings"]]

    assert [code for code in codes if code.startswith("boot-")] == ["boot-booted"]
