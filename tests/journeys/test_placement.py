"""A machine of three disks and a file system of the network, of which one disk is left behind."""

import json

import pytest
import yaml

from tests.journeys.seeding import LAST_OF_1_GIB, blocks
from tests.unit.file_server import serving

pytestmark = pytest.mark.slow

READ = "ebs:GetSnapshotBlock"


class Seen:
    """The machine, where its devices went, and what both clouds showed."""

    def __init__(self, sandbox, seeder, arrivals, folder):
        content = [blocks(0, 5, LAST_OF_1_GIB, salt=77 * disk) for disk in range(3)]
        (self.subnet,) = seeder.subnets("10.0.1.0/24")
        efs = sandbox.aws("efs")
        self.share = efs.create_file_system(CreationToken="placement")["FileSystemId"]
        efs.create_mount_target(FileSystemId=self.share, SubnetId=self.subnet)
        image = seeder.image(content, BootMode="uefi")
        self.seeded = seeder.launch(image, "m5.large", content, SubnetId=self.subnet)
        self.volumes = list(self.seeded.content)
        answers = sandbox.answers(self.seeded.vm, folder / "answers.yaml")
        self.word = "remote@127.0.0.1"
        with serving(delay_s=0.002) as server:
            self.word += f":{server.port}"
            self.placement = [
                "--placement", "/dev/sdf=drop", "--placement", f"{self.share}={self.word}",
            ]  # fmt: skip
            asked = (sandbox.source, self.seeded.vm, sandbox.target, *answers, *self.placement)
            self.plan = sandbox.here("plan", *asked)
            sandbox.control("aws", "DELETE", "counts")
            self.answer = sandbox.here("migrate", *asked, "--no-inspect", "--max-latency", "5000")
        self.counts = sandbox.control("aws", "GET", "counts")
        self.report = self.answer.document
        self.differing = arrivals.differing(self.seeded, self.report)
        self.vm = arrivals.machine(self.report["target_vm"])
        rows = seeder.ec2.describe_snapshots(
            Filters=[{"Name": "tag:coldferry:migration", "Values": [self.report["migration"]]}]
        )["Snapshots"]
        self.frozen = {row["VolumeId"] for row in rows}


@pytest.fixture(scope="module")
def seen(sandbox, seeder, arrivals, tmp_path_factory):
    """It is moved once for all."""
    return Seen(sandbox, seeder, arrivals, tmp_path_factory.mktemp("placement"))


def test_the_two_others_arrive_under_their_own_names_and_an_independent_reader_finds_them_equal(
    seen,
):
    assert seen.answer.exit_code == 0, seen.answer
    assert seen.differing == [seen.volumes[1]]  # the one that is not there
    names = [device["target"].rpartition("-")[2] for device in seen.report["devices"]]
    assert names == ["disk0", "disk2"]
    assert all(device["proof"]["equal"] for device in seen.report["devices"])
    assert [disk.lun for disk in seen.vm.storage_profile.data_disks] == [0]


def test_of_the_dropped_disk_nothing_was_frozen_or_read(seen):
    kept = [content for volume, content in seen.seeded.content.items() if volume != seen.volumes[1]]

    assert seen.frozen == {seen.volumes[0], seen.volumes[2]}
    assert seen.counts[READ]["calls"] == sum(map(len, kept))
    assert [one["source"] for one in seen.report["left_behind"]] == [seen.volumes[1]]


def test_the_plan_and_the_report_say_the_same_of_what_is_not_copied(seen):
    shown = ("source", "kind", "address", "placement", "files_copied")
    (planned,), (reported,) = seen.plan.document["file_systems"], seen.report["file_systems"]

    assert seen.plan.document["left_behind"] == seen.report["left_behind"]
    assert [planned[name] for name in shown] == [reported[name] for name in shown]
    assert planned["source"] == seen.share
    assert (planned["placement"], planned["files_copied"]) == ("remote", False)
    assert [device["device"] for device in seen.plan.document["devices"]] == ["disk0", "disk2"]


def test_the_remote_one_was_measured_and_the_report_has_the_guest_s_mount(seen, sandbox):
    (share,) = seen.report["file_systems"]
    (mount,) = share["mounts"]
    port = seen.word.rpartition(":")[2]

    assert share["latency"]["read"]["median_ms"] >= 2
    assert f",port={port},nofail,_netdev " in mount["line"]
    assert yaml.safe_load(mount["cloud_init"])["mounts"] == [mount["line"].split(" ")]
    page = sandbox.text("report", seen.report["migration"])
    for said in (
        mount["line"],
        "Its files are not copied",
        "1 disk left behind, not copied",
        "IOPS",
    ):
        assert said in page


def test_the_approval_names_what_is_left_behind(seen):
    fields = {field["path"]: field for field in seen.report["translation"]}

    assert fields["disks[1].id"]["verdict"] == "dropped"
    assert fields["disks[1].id"]["acknowledged"]
    assert fields["network_filesystems[0].id"]["target"] == seen.word


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("disk0=drop", "neither remote nor dropped"),
        ("disk2=remote", "only file systems of the network can be remote"),
        ("disk7=drop", "no device 'disk7'"),
        ("disk1", "is not DEVICE=PLACEMENT"),
    ],
)
def test_what_cannot_be_placed_so_is_bad_input_and_creates_nothing(seen, sandbox, word, why):
    vm = seen.seeded.vm
    refused = sandbox.here("plan", sandbox.source, vm, sandbox.target, "--placement", word)

    assert refused.exit_code == 2
    assert why in refused.error["what"]


def test_the_same_migration_with_another_placement_is_refused_in_a_sentence(seen, sandbox):
    asked = (sandbox.source, seen.seeded.vm, sandbox.target, "--no-inspect")
    other = sandbox.here("migrate", *asked, "--placement", "disk2=drop")

    assert (other.exit_code, other.error["code"]) == (4, "refused")
    assert "another placement" in other.error["what"]
    assert "disk1 was to be drop" in other.error["what"]


def test_probe_says_how_far_away_a_file_server_is(sandbox):
    with serving(delay_s=0.002) as server:
        told = sandbox.here("probe", "127.0.0.1", "--port", str(server.port), "--tries", "3")

    assert told.exit_code == 0
    assert told.document["read"]["answered"] == 3
    assert "IOPS" in told.document["meaning"]
    assert json.dumps(told.document)


def test_probe_only_connects_where_that_is_asked(sandbox):
    with serving() as server:
        told = sandbox.here("probe", "127.0.0.1", "--port", str(server.port), "--connect-only")

    assert told.exit_code == 0
    assert told.document["read"] is None
