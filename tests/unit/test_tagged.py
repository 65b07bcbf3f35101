"""An audit finds what bears our tag, of every kind and at both clouds, and nothing else."""

from collections.abc import Iterator
from typing import Any

import pytest

from coldferry.ports import PowerState
from providers.azure.cloud import AzureCloud
from tests.unit.aws_world import Sandbox, sandbox
from tests.unit.test_azure_fixtures import MIGRATION, a_plan, upload

pytest_plugins = ["tests.unit.test_azure_fixtures"]

LOST = "lost-azure-0badcafe-a7"
TAG = {"coldferry:migration": LOST}


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    with sandbox() as here:
        yield here


def plant(aws: Sandbox, tags: dict[str, str]) -> dict[str, str]:
    """One object of each kind with these tags; ids by our words."""

    def tagged(kind: str) -> list[dict[str, Any]]:
        rows = [{"Key": key, "Value": value} for key, value in tags.items()]
        return [{"ResourceType": kind, "Tags": rows}]

    ec2 = aws.ec2
    zone = ec2.describe_subnets(SubnetIds=[aws.subnet])["Subnets"][0]["AvailabilityZone"]
    volume = ec2.create_volume(
        AvailabilityZone=zone, Size=3, VolumeType="gp3", TagSpecifications=tagged("volume")
    )["VolumeId"]
    nic = ec2.create_network_interface(
        SubnetId=aws.subnet, TagSpecifications=tagged("network-interface")
    )["NetworkInterface"]["NetworkInterfaceId"]
    group = ec2.create_security_group(
        GroupName=f"group {' '.join(sorted(tags))}", Description="planted", VpcId=aws.vpc,
        TagSpecifications=tagged("security-group"),
    )["GroupId"]  # fmt: skip
    snapshot = aws.snapshot({0: b"x" * 524288})
    ec2.create_tags(
        Resources=[snapshot], Tags=[{"Key": key, "Value": value} for key, value in tags.items()]
    )
    vm = aws.launch(tags=tags)
    return {
        "disk": volume, "network interface": nic, "security group": group, "snapshot": snapshot,
        "VM": vm,
    }  # fmt: skip


def test_planted_orphans_of_every_kind_are_found_at_aws_and_like_names_are_not(
    aws: Sandbox,
) -> None:
    planted = plant(aws, TAG)
    plant(aws, {"Name": LOST, "coldferry": LOST, "coldferry:migrations": LOST})

    found = {one.kind: one for one in aws.cloud().tagged()}

    assert {kind: one.id for kind, one in found.items()} == planted
    assert {one.migration for one in found.values()} == {LOST}
    assert len(list(aws.cloud().tagged())) == len(planted)
    assert (found["disk"].size_bytes, found["disk"].sku) == (3 << 30, "gp3")
    assert (found["snapshot"].size_bytes, found["snapshot"].sku) == (1 << 30, "standard")
    assert (found["VM"].sku, found["VM"].power) == ("t3.small", PowerState.RUNNING)

    aws.ec2.terminate_instances(InstanceIds=[planted["VM"]])
    assert "VM" not in {one.kind for one in aws.cloud().tagged()}


def test_all_kinds_that_a_migration_makes_are_found_at_azure_and_like_names_are_not(
    cloud: AzureCloud, server: Any
) -> None:
    plan = a_plan(cloud)
    vm = cloud.allocate(plan, [upload(cloud, plan)])
    compute, network = cloud._arm._compute, cloud._arm._network
    group, place = server.resource_group, {"location": server.location}
    disk = next(one for one in cloud.owned(MIGRATION) if one.kind == "disk")
    copied = {"creationData": {"createOption": "Copy", "sourceResourceId": disk.id}}
    snapshots, groups = compute.snapshots, network.network_security_groups
    for name, tags in (("planted", TAG), (f"coldferry-{LOST}", {"coldferry": LOST})):
        body = {**place, "tags": tags, "properties": copied}
        snapshots.begin_create_or_update(group, name, body).result()
        groups.begin_create_or_update(group, name, {**place, "tags": tags}).result()
    try:
        found = list(cloud.tagged())
    finally:
        for name in ("planted", f"coldferry-{LOST}"):
            snapshots.begin_delete(group, name).result()
            groups.begin_delete(group, name).result()

    lost = {(one.kind, one.id.rpartition("/")[2]) for one in found if one.migration == LOST}
    ours = [one for one in found if one.migration == MIGRATION]
    assert lost == {("snapshot", "planted"), ("security group", "planted")}
    assert {one.kind for one in ours} == {"VM", "disk", "network interface", "security group"}
    assert {(one.migration, one.id) for one in ours} == {
        (one.migration, one.id) for one in cloud.owned(MIGRATION)
    }
    machine = next(one for one in ours if one.kind == "VM")
    assert (machine.id, machine.power) == (vm, PowerState.STOPPED)
    assert machine.sku.startswith("Standard_")
    assert all(one.size_bytes and one.sku for one in ours if one.kind == "disk")
    assert len(found) == len(ours) + len(lost)
