"""Before a weekend of moves: every question once, a sheet, and then none."""

import csv
import io

import pytest

from tests.journeys.seeding import blocks

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def booked(sandbox):
    """With a book that is empty at first, and left empty."""
    with sandbox.booked():
        yield


class Fleet:
    """Twenty machines of three shapes in a network of their own, and their sheet."""

    def __init__(self, sandbox, seeder, folder):
        self.sandbox, self.folder = sandbox, folder
        (subnet,) = seeder.subnets("10.0.1.0/24")
        image = seeder.image([blocks(0)], BootMode="uefi")
        fast = {
            "DeviceName": "/dev/sdf",
            "Ebs": {"VolumeSize": 8, "VolumeType": "io2", "Iops": 900},
        }
        tags = [{"Key": "Team", "Value": "a"}, {"Key": "team", "Value": "b"}]
        shapes = [
            {"InstanceType": "m5.large", "MinCount": 7, "MaxCount": 7},
            {"InstanceType": "m5.xlarge", "MinCount": 7, "MaxCount": 7, "UserData": "#!/bin/sh\n",
             "BlockDeviceMappings": [fast]},
            {"InstanceType": "m5.large", "MinCount": 6, "MaxCount": 6, "UserData": "#!/bin/bash\n",
             "TagSpecifications": [{"ResourceType": "instance", "Tags": tags}]},
        ]  # fmt: skip
        self.vms = [
            str(one["InstanceId"])
            for shape in shapes
            for one in seeder.ec2.run_instances(ImageId=image, SubnetId=subnet, **shape)[
                "Instances"
            ]
        ]
        seeder.ec2.get_waiter("instance_running").wait(InstanceIds=self.vms)
        self.list = folder / "machines.txt"
        self.list.write_text("# the weekend\n" + "\n".join(self.vms) + "\n")
        self.before = self.gaps(f"@{self.list}").document
        self.text = sandbox.text(*self.words(f"@{self.list}"), "--csv")
        self.rows = list(csv.DictReader(io.StringIO(self.text, newline="")))

    def words(self, *vms):
        return ("gaps", self.sandbox.source, *vms, "--target", self.sandbox.target)

    def gaps(self, *vms):
        return self.sandbox.here(*self.words(*vms))

    def fill(self, name, **values):
        """The sheet as a person saves it: first choices, acknowledgements, and ``values``."""
        path = self.folder / name
        out = io.StringIO()
        writer = csv.DictWriter(out, self.rows[0], delimiter=";")
        writer.writeheader()
        for row in self.rows:
            first = row["choices"].partition(" | ")[0].partition(" (")[0]
            writer.writerow(row | {"value": values.get(row["field"], first)})
        path.write_bytes(b"\xef\xbb\xbf" + out.getvalue().encode())
        return path

    def take(self, path):
        return self.sandbox.here(*self.words(), "--import", path, "--by", "Ada")


@pytest.fixture(scope="module")
def fleet(sandbox, seeder, tmp_path_factory):
    return Fleet(sandbox, seeder, tmp_path_factory.mktemp("fleet"))


def test_twenty_machines_of_three_shapes_give_each_distinct_gap_once(fleet):
    counts = {(gap["field"], str(gap["now"])): len(gap["machines"]) for gap in fleet.before["gaps"]}

    assert fleet.before["machines"] == 20
    assert len(counts) == len(fleet.before["gaps"])
    asked = {field: number for (field, _), number in counts.items()}
    assert asked["nics[].subnet_id"] == 20
    assert asked["user_data.sha256"] == 13
    assert asked["tags[].key"] == 6
    assert sorted(n for (field, _), n in counts.items() if field == "disks[].kind") == [7, 20]


def test_a_sheet_has_the_same_gaps_with_owner_question_choices_and_machines(fleet):
    assert [row["gap"] for row in fleet.rows] == [gap["gap"] for gap in fleet.before["gaps"]]
    assert {row["owner"] for row in fleet.rows} >= {"network", "storage", "security", "application"}
    assert all(row["question"] and row["choices"] and not row["value"] for row in fleet.rows)
    assert all(len(row["ids"].split()) == int(row["machines"]) for row in fleet.rows)


def test_a_machine_that_is_gone_is_named_with_its_line(fleet, tmp_path):
    path = fleet.fill("gone.csv")
    gone = tmp_path / "gone.csv"
    vm = fleet.vms[0]
    gone.write_bytes(path.read_bytes().replace(vm.encode(), b"i-0123456789abcdef0"))
    refused = fleet.take(gone)

    assert refused.exit_code == 2
    line = next(n for n, row in enumerate(fleet.rows, 2) if vm in row["ids"].split())
    assert f"Line {line}: There is no EC2 instance i-0123456789abcdef0 here." in refused.sentences
    assert "Give an instance id" in refused.sentences


def test_a_wrong_value_in_a_sheet_is_named_with_its_line_and_nothing_is_taken(fleet, sandbox):
    before = sandbox.here("book", "list").document
    path = fleet.fill("wrong.csv", **{"nics[].subnet_id": "vnet-main/nowhere", "tags[].key": "a<b"})
    refused = fleet.take(path)

    assert refused.exit_code == 2
    lines = {row["field"]: number for number, row in enumerate(fleet.rows, 2)}
    assert (
        f"line {lines['nics[].subnet_id']}: 'vnet-main/nowhere' is no subnet" in refused.sentences
    )
    assert f"line {lines['tags[].key']}: 'a<b' is no legal tag name" in refused.sentences
    assert "and 17 more" in refused.sentences
    assert sandbox.here("book", "list").document == before


@pytest.fixture(scope="module")
def taken(fleet):
    """The sheet, filled in and imported."""
    return fleet.take(fleet.fill("right.csv"))


def test_a_sheet_that_was_filled_in_leaves_twenty_machines_nothing_to_ask(fleet, taken, sandbox):
    assert taken.exit_code == 0, taken
    assert len(taken.document["kept"]) == len(fleet.rows)

    assert fleet.gaps(*fleet.vms).document["gaps"] == []
    plan = sandbox.here("plan", sandbox.source, fleet.vms[-1], sandbox.target)
    assert (plan.exit_code, plan.document["missing"]) == (0, [])
    assert {f["precedent"]["by"] for f in plan.document["translation"] if f["precedent"]} == {"Ada"}


def test_the_same_sheet_again_adds_nothing(fleet, taken):
    again = fleet.take(fleet.fill("again.csv"))

    assert again.document == {"kept": [], "known": len(fleet.rows)}


def test_every_machine_of_a_source_can_be_asked_about_at_once(fleet, taken):
    every = fleet.gaps("--all").document

    assert every["machines"] >= 20
    named = {one["vm"] for gap in every["gaps"] for one in gap["machines"]}
    assert not named & set(fleet.vms)


def test_machines_that_are_not_there_are_named_at_once(fleet):
    refused = fleet.gaps("i-00000000000000001", fleet.vms[0], "i-00000000000000002")

    assert (refused.exit_code, refused.error["code"]) == (2, "unknown-machine")
    assert "i-00000000000000001" in refused.sentences
    assert "i-00000000000000002" in refused.sentences
