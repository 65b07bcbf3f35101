"""What is read of EC2 for the rules, from the sandbox and as EC2 lists it."""

from collections.abc import Iterator

import pytest

from coldferry.offered import ORIGIN_TAG, Usage
from coldferry.ports import is_source, is_target, is_translator
from providers.aws.catalogue import GIB, Catalogue, Instance, InstanceType, Network
from providers.aws.offers_types import type_of
from tests.unit.aws_world import Sandbox, sandbox

SUBNET = [{"Key": "Name", "Value": "apps"}]
ORIGIN = {"Name": "web", ORIGIN_TAG: "azure scope vm-1"}


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    with sandbox() as here:
        yield here


@pytest.fixture(scope="module")
def vm(aws: Sandbox) -> str:
    return aws.launch(tags=ORIGIN)


@pytest.fixture(scope="module")
def offered(aws: Sandbox, vm: str) -> Catalogue:
    """A network with names and DHCP options, a key pair, a running machine of ours."""
    aws.ec2.create_tags(Resources=[aws.vpc], Tags=[{"Key": "Name", "Value": "main"}])
    aws.ec2.create_tags(Resources=[aws.subnet], Tags=SUBNET)
    options = aws.ec2.create_dhcp_options(
        DhcpConfigurations=[
            {"Key": "domain-name", "Values": ["corp.example"]},
            {"Key": "domain-name-servers", "Values": ["10.0.0.2", "10.0.0.3"]},
        ]
    )["DhcpOptions"]["DhcpOptionsId"]
    aws.ec2.associate_dhcp_options(DhcpOptionsId=options, VpcId=aws.vpc)
    aws.ec2.create_key_pair(KeyName="ops")
    aws.server.faults.reset_counts()
    return aws.cloud().catalogue()


def test_machines_can_be_taken_from_it_and_brought_to_it(aws: Sandbox) -> None:
    cloud = aws.cloud()

    assert is_source(cloud) and is_translator(cloud) and is_target(cloud)


def test_a_type_is_as_ec2_says_it(offered: Catalogue) -> None:
    found = offered.type("M5D.large")

    assert found is not None
    assert (found.vcpus, found.memory_bytes) == (2, 8 * GIB)
    assert (found.architectures, found.firmwares) == (("x86_64",), ("bios", "uefi"))
    assert (found.max_nics, found.max_disks, found.shared_attachments) == (3, 26, True)
    assert (found.ebs_iops, found.ebs_throughput_bytes_s) == (18750, 593_750_000)
    assert (found.nvme, found.ena, found.nitro, found.tpm) == (
        "required",
        "required",
        True,
        ("2.0",),
    )
    assert (found.ephemeral_bytes, found.accelerators) == (75 * 10**9, 0)
    assert set(found.zones) <= {"eu-west-1a", "eu-west-1b", "eu-west-1c"}


def test_a_type_that_no_zone_has_is_not_offered(offered: Catalogue) -> None:
    assert all(kind.zones for kind in offered.types)
    assert len(offered.types) > 500


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("t3.small", lambda kind: kind.burstable),
        ("g5.xlarge", lambda kind: kind.accelerators == 1),
        ("m5.metal", lambda kind: kind.bare_metal and kind.nitro),
        ("t2.micro", lambda kind: not kind.nitro and kind.firmwares == ("bios",)),
        ("m6g.large", lambda kind: kind.architectures == ("arm64",)),
    ],
)
def test_what_sets_a_type_apart_is_read(offered: Catalogue, name: str, check: object) -> None:
    found = offered.type(name)

    assert found is not None
    assert check(found)  # type: ignore[operator]


def test_a_type_of_which_ec2_says_little_is_a_plain_one() -> None:
    row = {
        "InstanceType": "x9.small",
        "VCpuInfo": {"DefaultVCpus": 1},
        "MemoryInfo": {"SizeInMiB": 512},
    }

    found = type_of(row, ("a",))
    assert (found.max_nics, found.max_disks, found.ebs_iops) == (1, None, None)
    assert found.takes(disks=40, nics=1)


def test_a_subnet_has_its_names_zone_room_and_the_addresses_in_use(
    aws: Sandbox, vm: str, offered: Catalogue
) -> None:
    found = next(subnet for subnet in offered.subnets if subnet.id == aws.subnet)
    there = aws.ec2.describe_instances(InstanceIds=[vm])["Reservations"][0]["Instances"][0]

    assert found.short == "main/apps"
    assert found.zone == there["Placement"]["AvailabilityZone"]
    assert there["PrivateIpAddress"] in found.used
    assert found.free() == 256 - 5 - len(found.used)


def test_a_network_hands_out_what_its_dhcp_options_say(aws: Sandbox, offered: Catalogue) -> None:
    assert offered.network(aws.vpc) == Network(
        id=aws.vpc, name="main", servers=("10.0.0.2", "10.0.0.3"),
        search_domains=("corp.example",), time_servers=(),
    )  # fmt: skip


def test_machines_images_and_keys_of_the_account_are_listed(
    aws: Sandbox, vm: str, offered: Catalogue
) -> None:
    ours = Instance(id=vm, name="web", kind="t3.small", origin="azure scope vm-1")

    assert ours in offered.instances
    assert offered.key_pairs == ("ops",)
    assert [(image.id, image.firmware) for image in offered.images] == [(aws.ami, "uefi")]
    assert offered.encrypts is False


def test_what_a_rerun_made_counts_as_free_in_the_quota(offered: Catalogue) -> None:
    small = offered.type("t3.small")
    gpu = offered.type("g5.xlarge")

    assert small is not None and gpu is not None
    assert offered.quotas["standard"] == Usage(limit=5, used=2)
    assert offered.vcpus_left(small, "somebody else") == 3
    assert offered.vcpus_left(small, "azure scope vm-1") == 5
    assert offered.vcpus_left(gpu, "") is None


@pytest.mark.parametrize(
    ("name", "quota"),
    [
        ("m7i-flex.large", "standard"), ("im4gn.large", "standard"), ("gr6.4xlarge", "g"),
        ("u-6tb1.metal", "u"), ("trn1.2xlarge", "trn"), ("zz9.large", ""),
    ],
)  # fmt: skip
def test_a_type_counts_against_the_quota_of_its_family(name: str, quota: str) -> None:
    kind = InstanceType(name=name, vcpus=1, memory_bytes=GIB, architectures=(), firmwares=(),
                        max_nics=1, max_disks=1)  # fmt: skip

    assert kind.quota == quota


@pytest.mark.parametrize(
    ("shared", "disks", "nics", "fits"),
    [(True, 26, 1, True), (True, 26, 2, False), (False, 26, 3, True), (True, 1, 4, False)],
)
def test_interfaces_take_the_place_of_disks_where_attachments_are_shared(
    shared: bool, disks: int, nics: int, fits: bool
) -> None:
    kind = InstanceType(name="m5.large", vcpus=2, memory_bytes=GIB, architectures=(),
                        firmwares=(), max_nics=3, max_disks=26,
                        shared_attachments=shared)  # fmt: skip

    assert kind.takes(disks, nics) is fits


def test_quotas_and_encryption_that_may_not_be_asked_for_are_unknown(aws: Sandbox) -> None:
    denied = {"status": 403, "code": "AccessDeniedException", "times": 20}
    aws.faults(
        {"operation": "service-quotas:*", **denied},
        {"operation": "ec2:GetEbsEncryptionByDefault", **denied, "code": "UnauthorizedOperation"},
    )
    try:
        found = aws.cloud().catalogue()
    finally:
        aws.server.faults.clear()

    assert (found.quotas, found.encrypts) == ({}, "unknown")
