"""Machines that somebody else seeded arrive, and their bytes are compared by Azure's own SDK."""

import pytest

from tests.journeys.seeding import LAST_OF_1_GIB, blocks

ODD_NAME = "**x** <script>alert(1)</script> \u202egpj.exe Größe 🚢"


class Journey:
    """One machine's way, and what was seen at its end."""

    def __init__(self, sandbox, arrivals, seeded, folder, door):
        self.seeded = seeded
        options = sandbox.answers(seeded.vm, folder / "answers.yaml")
        self.answer = door("migrate", sandbox.source, seeded.vm, sandbox.target, *options)
        self.report = self.answer.document
        self.arrivals = arrivals

    def field(self, path):
        """One field's translation as the report has it."""
        return next(field for field in self.report["translation"] if field["path"] == path)

    def assert_proven(self):
        """The contract's words for a migration that went well, and the bytes."""
        assert self.answer.exit_code == 0, self.answer
        assert self.report["state"] == "allocated"
        assert all(device["proof"]["equal"] for device in self.report["devices"])
        assert len(self.report["devices"]) == len(self.seeded.content)
        assert self.arrivals.differing(self.seeded, self.report) == []
        assert self.arrivals.power(self.report["target_vm"]) == "deallocated"


@pytest.fixture(scope="module")
def travel(sandbox, arrivals, tmp_path_factory):
    """Move a seeded machine, with answers made from its plan."""

    def go(seeded, door=None):
        folder = tmp_path_factory.mktemp("answers")
        return Journey(sandbox, arrivals, seeded, folder, door or sandbox.here)

    return go


@pytest.fixture
def asked(sandbox):
    """What a machine's migration asks for when no answers are given."""

    def ask(seeded):
        answer = sandbox.here("migrate", sandbox.source, seeded.vm, sandbox.target)
        assert answer.exit_code == 3, answer
        assert all(path in answer.error["what"] for path in answer.document["missing"])
        return answer.document["missing"]

    return ask


@pytest.fixture(scope="module")
def least(sandbox, seeder, travel):
    """The least there is: one disk, 512 MiB, BIOS, no tag, no subnet asked for."""
    content = [blocks(0, 1, 700, LAST_OF_1_GIB)]
    image = seeder.image(content, BootMode="legacy-bios")
    return travel(seeder.launch(image, "t3.nano", content), sandbox.cli)


@pytest.fixture(scope="module")
def much(sandbox, seeder, travel):
    """Six disks, a name that means harm, and the primary interface listed second."""
    content = [blocks(disk, disk + 5, 2000 - disk, salt=disk * 77) for disk in range(6)]
    apps, data = seeder.subnets("10.0.1.0/24", "10.0.2.0/24")
    second = seeder.interface(data, "10.0.2.77")
    primary = seeder.interface(apps, "10.0.1.77")
    seeded = seeder.launch(
        seeder.image(content, BootMode="uefi"),
        "m5.xlarge",
        content,
        tags={"Name": ODD_NAME, "équipe": "<b>données</b>"},
        NetworkInterfaces=[
            {"DeviceIndex": 1, "NetworkInterfaceId": second},
            {"DeviceIndex": 0, "NetworkInterfaceId": primary},
        ],
    )
    return travel(seeded, sandbox.cli)


def test_one_disk_of_a_machine_without_tags_in_the_default_network_arrives(least):
    least.assert_proven()
    assert not any(f["path"].startswith("tags") for f in least.report["translation"])
    assert len(least.report["devices"]) == 1


def test_a_bios_machine_becomes_generation_1(least, arrivals):
    assert least.field("firmware")["target"] == "bios"
    disk = arrivals.compute.disks.get(
        arrivals.group, least.report["devices"][0]["target"].rpartition("/")[2]
    )
    assert disk.hyper_v_generation == "V1"


def test_a_machine_of_512_mib_gets_a_size_that_is_enough(least):
    assert least.field("memory_bytes")["source"] == 512 * 2**20
    assert least.field("memory_bytes")["target"] >= 512 * 2**20


@pytest.mark.slow
def test_six_disks_arrive_each_with_its_own_bytes(much):
    much.assert_proven()
    assert len(much.report["devices"]) == 6


@pytest.mark.slow
def test_a_name_of_markup_and_strange_letters_becomes_a_legal_one(much, arrivals):
    assert much.field("name")["source"] == ODD_NAME
    assert arrivals.machine(much.report["target_vm"]).name == much.field("name")["target"]
    assert much.field("name")["target"].isascii()


@pytest.mark.slow
def test_its_report_is_one_page_for_the_ticket_in_which_the_name_is_text(much, sandbox, tmp_path):
    migration, page = much.report["migration"], tmp_path / "report.html"

    answer = sandbox.here("report", migration, "--html", page)

    assert answer.exit_code == 0
    assert page.read_text() == (sandbox.home / "reports" / f"{migration}.html").read_text()
    assert "<script" not in page.read_text()
    assert f"coldferry rollback {migration}" in answer.document["markdown"]


@pytest.mark.slow
def test_the_primary_interface_stays_primary_though_listed_second(much, arrivals):
    nics = arrivals.machine(much.report["target_vm"]).network_profile.network_interfaces
    primary = next(nic.id for nic in nics if nic.primary)
    found = arrivals.network.network_interfaces.get(arrivals.group, primary.rpartition("/")[2])
    assert found.ip_configurations[0].private_ip_address == "10.0.1.77"


@pytest.mark.slow
def test_an_arm64_machine_asks_and_then_arrives(seeder, travel, asked):
    content = [blocks(4, 9)]
    image = seeder.image(content, Architecture="arm64", BootMode="uefi")
    seeded = seeder.launch(image, "t4g.small", content)

    assert asked(seeded)
    journey = travel(seeded)
    journey.assert_proven()
    assert journey.field("architecture")["target"] == "arm64"


@pytest.mark.slow
def test_a_size_without_equal_asks_for_one_and_then_arrives(seeder, travel, asked):
    content = [blocks(2, 1024)]
    image = seeder.image(content, BootMode="legacy-bios")
    seeded = seeder.launch(image, "u-6tb1.112xlarge", content)

    assert "instance_type" in asked(seeded)
    travel(seeded).assert_proven()


@pytest.mark.parametrize("volumes", [0, 1])
def test_an_instance_store_root_asks_for_its_image_and_then_arrives(seeder, travel, asked, volumes):
    content = [blocks(6, 7, 8)][:volumes]
    image = seeder.image(
        [],
        ImageLocation="bucket/image.manifest.xml",
        RootDeviceName="/dev/sda1",
        BootMode="legacy-bios",
        BlockDeviceMappings=[
            {"DeviceName": "/dev/sdf", "Ebs": {"SnapshotId": seeder.snapshot(disk)}}
            for disk in content
        ],
    )
    seeded = seeder.launch(image, "m3.medium", content)

    assert "root_image.image" in asked(seeded)
    travel(seeded).assert_proven()
    assert seeder.state(seeded.vm) == "running"
