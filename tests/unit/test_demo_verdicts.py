"""The demonstration's machine, and what the sandbox's Azure makes of every field of it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from coldferry.leaves import leaves
from coldferry.machine import Machine
from coldferry.translation import Translation
from console.answers import read
from providers.aws.access import AwsAccess
from providers.aws.cloud import AwsCloud
from providers.azure.access import AzureAccess
from providers.azure.cloud import AzureCloud
from sandbox.aws.seed import wait_completed
from sandbox.aws.server import AwsServer
from sandbox.demo import DATA_GIB, LOG_GIB, USER_DATA, seed_demo_machine, write_demo_answers
from tests.conformance.azure_rig import GROUP, LOCATION, SUBSCRIPTION, TOKEN, running
from tests.unit.aws_world import KEY_ID, QUICK, REGION, SECRET, Sandbox

GIB, MIB = 1 << 30, 1 << 20
BLOCK, PAGE = 512 * 1024, 4096

# field, verdict, consequence: one line for each leaf, in the schema's order
EXPECTED = """
schema_version                   exact      inform
origin.provider                  exact      inform
origin.scope                     exact      inform
origin.id                        exact      inform
name                             exact      inform
hostname                         exact      inform
instance_type                    equivalent inform
vcpus                            exact      inform
memory_bytes                     exact      inform
accelerators                     exact      inform
burstable                        exact      inform
bare_metal                       exact      inform
architecture                     exact      inform
firmware                         exact      inform
secure_boot                      dropped    acknowledge
tpm                              exact      inform
os_family                        exact      inform
zone                             equivalent inform
tenancy                          exact      inform
stoppable                        exact      inform
dns.servers                      exact      inform
dns.search_domains               dropped    acknowledge
dns.time_servers                 exact      inform
nics[0].id                       equivalent inform
nics[0].device_index             exact      inform
nics[0].primary                  exact      inform
nics[0].mac                      impossible inform
nics[0].network_id               equivalent inform
nics[0].subnet_id                missing    inform
nics[0].subnet_cidr              equivalent inform
nics[0].private_address          equivalent inform
nics[0].more_private_addresses   exact      inform
nics[0].address_assignment       exact      inform
nics[0].public_address           exact      inform
nics[0].public_address_kind      exact      inform
nics[0].forwards_packets         exact      inform
nics[0].security_groups[0].id    dropped    acknowledge
nics[0].security_groups[0].name  dropped    inform
nics[0].security_groups[0].rules dropped    inform
nics[1].id                       equivalent inform
nics[1].device_index             exact      inform
nics[1].primary                  exact      inform
nics[1].mac                      impossible inform
nics[1].network_id               equivalent inform
nics[1].subnet_id                missing    inform
nics[1].subnet_cidr              equivalent inform
nics[1].private_address          equivalent inform
nics[1].more_private_addresses   exact      inform
nics[1].address_assignment       exact      inform
nics[1].public_address           exact      inform
nics[1].public_address_kind      exact      inform
nics[1].forwards_packets         exact      inform
nics[1].security_groups[0].id    dropped    acknowledge
nics[1].security_groups[0].name  dropped    inform
nics[1].security_groups[0].rules dropped    inform
disks[0].id                      equivalent inform
disks[0].device                  equivalent inform
disks[0].root                    exact      inform
disks[0].size_bytes              exact      inform
disks[0].kind                    equivalent acknowledge
disks[0].medium                  exact      inform
disks[0].iops                    equivalent inform
disks[0].throughput_bytes_s      equivalent inform
disks[0].encrypted               equivalent inform
disks[0].key_id                  exact      inform
disks[0].shared                  exact      inform
disks[0].deleted_with_machine    equivalent inform
disks[1].id                      equivalent inform
disks[1].device                  equivalent inform
disks[1].root                    exact      inform
disks[1].size_bytes              exact      inform
disks[1].kind                    equivalent acknowledge
disks[1].medium                  exact      inform
disks[1].iops                    equivalent inform
disks[1].throughput_bytes_s      equivalent inform
disks[1].encrypted               equivalent inform
disks[1].key_id                  exact      inform
disks[1].shared                  exact      inform
disks[1].deleted_with_machine    equivalent inform
disks[2].id                      equivalent inform
disks[2].device                  equivalent inform
disks[2].root                    exact      inform
disks[2].size_bytes              exact      inform
disks[2].kind                    equivalent inform
disks[2].medium                  exact      inform
disks[2].iops                    exact      inform
disks[2].throughput_bytes_s      equivalent inform
disks[2].encrypted               equivalent inform
disks[2].key_id                  exact      inform
disks[2].shared                  exact      inform
disks[2].deleted_with_machine    equivalent inform
root_image                       exact      inform
network_filesystems[0].id        dropped    acknowledge
network_filesystems[0].kind      dropped    inform
network_filesystems[0].address   dropped    inform
network_filesystems[0].mounted   dropped    inform
tags[0].key                      exact      inform
tags[0].value                    exact      inform
tags[1].key                      exact      inform
tags[1].value                    exact      inform
tags[2].key                      equivalent inform
tags[2].value                    exact      inform
tags[3].key                      missing    inform
tags[3].value                    dropped    inform
user_data.sha256                 dropped    acknowledge
user_data.size_bytes             dropped    inform
key_names                        equivalent inform
profile                          exact      inform
licence.platform                 exact      inform
licence.product_codes            exact      inform
"""

SUBNETS = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
    "/providers/Microsoft.Network/virtualNetworks/vnet-main/subnets"
)


class Demo:
    """The machine as seeded, its description, and the target's live view of it."""

    def __init__(self, aws: AwsServer, cloud: AzureCloud) -> None:
        self.vm = seed_demo_machine(aws.endpoint_url, KEY_ID, SECRET, REGION)
        source = AwsCloud(
            AwsAccess(
                region=REGION,
                access_key_id=KEY_ID,
                secret_access_key=SecretStr(SECRET),
                endpoint_url=aws.endpoint_url,
            )
        )
        self.machine: Machine = source.describe(self.vm)
        self.catalogue = cloud.catalogue()
        self._cloud = cloud

    def translate(self, answers: dict[str, Any]) -> Translation:
        return self._cloud.translate(self.machine, self.catalogue, answers)


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsServer]:
    server = AwsServer(KEY_ID, SECRET, QUICK)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def demo(aws: AwsServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running(tmp_path_factory.mktemp("azure")) as azure:
        access = AzureAccess(
            subscription_id=SUBSCRIPTION,
            resource_group=GROUP,
            location=LOCATION,
            endpoint=azure.server.endpoint,
            token=SecretStr(TOKEN),
            ca_bundle=str(azure.server.ca_bundle),
        )
        yield Demo(aws, AzureCloud(access))


def expected() -> list[tuple[str, str, str]]:
    rows = [line.split() for line in EXPECTED.strip().splitlines()]
    return [(path, verdict, consequence) for path, verdict, consequence in rows]


def test_every_leaf_has_the_verdict_of_the_table(demo: Demo) -> None:
    fields = demo.translate({}).fields

    assert [(f.path, str(f.verdict), str(f.consequence)) for f in fields] == expected()


def test_the_table_names_every_leaf_once(demo: Demo) -> None:
    assert [path for path, _, _ in expected()] == [leaf.path for leaf in leaves(demo.machine)]


def test_at_least_three_fields_have_no_translation(demo: Demo) -> None:
    assert [path for path, verdict, _ in expected() if verdict == "missing"] == [
        "nics[0].subnet_id",
        "nics[1].subnet_id",
        "tags[3].key",
    ]


def test_the_demonstration_s_answers_leave_nothing_open(demo: Demo, tmp_path: Path) -> None:
    file = tmp_path / "answers.yaml"
    write_demo_answers(file)
    answers = read(file)
    made = demo.translate(answers)

    assert made.missing == []
    assert set(answers) == set(demo.translate({}).missing)
    assert [made.target(f"nics[{i}].subnet_id") for i in (0, 1)] == [
        f"{SUBNETS}/apps",
        f"{SUBNETS}/data",
    ]
    for index, address in enumerate(("10.0.1.20", "10.0.2.20")):
        carried = made[f"nics[{index}].private_address"]
        assert (str(carried.verdict), carried.target) == ("exact", address)


def test_every_verdict_but_exact_says_its_difference(demo: Demo) -> None:
    silent = [
        field.path
        for field in demo.translate({}).fields
        if field.verdict not in ("exact", "missing") and not (field.difference or field.reason)
    ]

    assert silent == []


def test_the_machine_is_awkward_in_every_promised_way(demo: Demo) -> None:
    machine = demo.machine

    assert machine.firmware == "uefi"
    assert len({nic.subnet_id for nic in machine.nics}) == len(machine.nics) == 2
    assert [(nic.private_address, nic.address_assignment) for nic in machine.nics] == [
        ("10.0.1.20", "static"),
        ("10.0.2.20", "static"),
    ]
    assert len(machine.dns.servers) == 2
    assert machine.dns.search_domains == ("corp.example",)
    assert all(nic.security_groups for nic in machine.nics)
    root, *data = machine.disks
    assert (root.root, root.size_bytes) == (True, 8 * GIB)
    assert [disk.size_bytes for disk in data] == [DATA_GIB * GIB, LOG_GIB * GIB]
    assert len({disk.kind for disk in data}) == 2
    assert machine.user_data is not None
    assert machine.user_data.sha256 == hashlib.sha256(USER_DATA.encode()).hexdigest()
    assert [shared.kind for shared in machine.network_filesystems] == ["efs"]
    keys = [tag.key for tag in machine.tags]
    assert [key for key in keys if set(key) & set("<>%&\\?/")] == ["cost/centre"]
    assert len(keys) - len({key.casefold() for key in keys}) == 1


def test_the_data_disks_hold_64_mib_in_150_pieces(aws: AwsServer, demo: Demo) -> None:
    """Counted by a plain client on a snapshot of its own."""
    plain = Sandbox(aws)
    ec2, ebs = plain.client("ec2"), plain.client("ebs")
    pieces = data_bytes = 0
    for disk in demo.machine.disks:
        if disk.root:
            continue
        snapshot = ec2.create_snapshot(VolumeId=disk.id)["SnapshotId"]
        wait_completed(ec2, snapshot)
        listed = ebs.list_snapshot_blocks(SnapshotId=snapshot, MaxResults=1000)["Blocks"]
        places = [row["BlockIndex"] for row in listed]
        pieces += sum(place - 1 not in places for place in places)
        for row in listed:
            answer = ebs.get_snapshot_block(
                SnapshotId=snapshot, BlockIndex=row["BlockIndex"], BlockToken=row["BlockToken"]
            )
            block = answer["BlockData"].read()
            assert len(block) == BLOCK
            data_bytes += sum(PAGE for at in range(0, BLOCK, PAGE) if any(block[at : at + PAGE]))
        ec2.delete_snapshot(SnapshotId=snapshot)

    assert pieces >= 150
    assert data_bytes >= 64 * MIB
