"""Machines go to AWS: one of Azure, with its proof, back, and over; and one of AWS itself."""

import asyncio
import random
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from coldferry.ports import PowerState
from coldferry.translation import ACKNOWLEDGE, Verdict
from providers.aws.access import AwsAccess
from providers.azure.access import AzureAccess
from providers.registry import Access, connect_source, connect_target
from sandbox.aws import world
from sandbox.aws.seed import BLOCK_SIZE_BYTES, wait_completed
from tests.conformance.azure_rig import MIB, SIZE, SUBSCRIPTION, TOKEN, Azure, running
from tests.conformance.test_aws import reader_of
from tests.unit.aws_world import FEW_TYPES, KEY_ID, REGION, SECRET, Sandbox, block, sandbox

pytestmark = pytest.mark.slow

GIB = 1 << 30
DISK = {0: block(3), 5: block(4), 2047: block(5)}


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


def image(written: dict[int, bytes], size_bytes: int = SIZE) -> bytes:
    found = bytearray(size_bytes)
    for offset, data in written.items():
        found[offset : offset + len(data)] = data
    return bytes(found)


class Ends:
    """Both clouds as saved blocks, and AWS as a plain SDK client sees it."""

    def __init__(self, aws: Sandbox, azure: Azure) -> None:
        self.aws, self.azure = aws, azure
        server = azure.server
        self.access = {
            "aws": Access(
                provider="aws",
                aws=AwsAccess(
                    region=REGION,
                    access_key_id=KEY_ID,
                    secret_access_key=SecretStr(SECRET),
                    endpoint_url=aws.server.endpoint_url,
                ),
            ),
            "azure": Access(
                provider="azure",
                azure=AzureAccess(
                    subscription_id=SUBSCRIPTION,
                    resource_group=server.resource_group,
                    location=server.location,
                    endpoint=server.endpoint,
                    token=SecretStr(TOKEN),
                    ca_bundle=str(server.ca_bundle),
                ),
            ),
        }
        self.goal = connect_target(self.access["aws"])

    def block(self, name: str) -> Any:
        from tasks.clouds import Cloud, load

        access = self.access[name]
        saved = Cloud(provider=access.provider, aws=access.aws, azure=access.azure)
        saved.save(f"to-aws-{name}", overwrite=True)
        return load(f"coldferry-cloud/to-aws-{name}")

    def migrate(self, origin: str, vm: str) -> dict[str, Any]:
        from flows.migrate_vm import migrate_vm

        machine = connect_source(self.access[origin]).describe(vm)
        given: dict[str, Any] = {"nics[0].subnet_id": self.aws.subnet}
        while True:
            made = self.goal.translate(machine, self.goal.catalogue(), given)
            if not made.missing:
                break
            for gap in (made[path] for path in made.missing):
                asked = gap.verdict is Verdict.MISSING
                given[gap.path] = gap.candidates[0].value if asked else ACKNOWLEDGE
        report: Any = asyncio.run(
            migrate_vm(self.block(origin), vm, self.block("aws"), answers=given, inspect=False)
        )
        return dict(report)

    def call(self, name: str, origin: str, vm: str, migration: str, **more: Any) -> dict[str, Any]:
        import flows.cutover
        import flows.finalise
        import flows.rollback

        flow = getattr(getattr(flows, name), name)
        found: Any = flow(self.block(origin), vm, self.block("aws"), migration, **more)
        return dict(found)

    def things(self) -> dict[str, list[str]]:
        """The ids of all that is at AWS, as the plain SDK tells them."""
        ec2 = self.aws.ec2
        living = {"Name": "instance-state-name", "Values": ["pending", "running", "stopped"]}
        pages = ec2.describe_instances(Filters=[living])["Reservations"]
        return {
            "machines": sorted(i["InstanceId"] for page in pages for i in page["Instances"]),
            "volumes": sorted(v["VolumeId"] for v in ec2.describe_volumes()["Volumes"]),
            "snapshots": sorted(
                s["SnapshotId"] for s in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
            ),
            "images": sorted(i["ImageId"] for i in ec2.describe_images(Owners=["self"])["Images"]),
            "interfaces": sorted(
                n["NetworkInterfaceId"]
                for n in ec2.describe_network_interfaces()["NetworkInterfaces"]
            ),
            "groups": sorted(
                g["GroupId"] for g in ec2.describe_security_groups()["SecurityGroups"]
            ),
        }

    def bytes_of_volumes(self, vm: str, size_bytes: int) -> list[bytes]:
        """What the machine's volumes hold, by device: frozen and read by the plain SDK."""
        ec2 = self.aws.ec2
        row = ec2.describe_instances(InstanceIds=[vm])["Reservations"][0]["Instances"][0]
        places = sorted(
            row["BlockDeviceMappings"], key=lambda one: one["DeviceName"] != "/dev/xvda"
        )
        found = []
        for place in places:
            volume = place["Ebs"]["VolumeId"]
            one = str(ec2.create_snapshot(VolumeId=volume)["SnapshotId"])
            wait_completed(ec2, one)
            found.append(reader_of(self.aws)(one, 0, size_bytes))
            ec2.delete_snapshot(SnapshotId=one)
        return found


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory, prefect_api: str) -> Iterator[Ends]:
    with sandbox(types=FEW_TYPES) as aws, running(tmp_path_factory.mktemp("azure")) as azure:
        world.current().settings.quotas = {"L-1216C47A": 64}
        aws.ec2.create_security_group(GroupName="web", Description="real", VpcId=aws.vpc)
        yield Ends(aws, azure)


def test_a_machine_of_azure_is_moved_with_its_proof_put_back_and_cut_over(ends: Ends) -> None:
    vm = ends.azure.machine("web-01", *DISKS)
    origin = connect_source(ends.access["azure"])
    before, described = ends.things(), origin.describe(vm)

    report = ends.migrate("azure", vm)

    assert report["state"] == "allocated"
    assert [device["proof"]["equal"] for device in report["devices"]] == [True, True]
    wanted = [image(disk) for disk in DISKS]
    read = reader_of(ends.aws)
    assert [read(device["target"], 0, SIZE) for device in report["devices"]] == wanted
    new = report["target_vm"]
    # No system of the guest's has run: what the stopped machine has is what was proven.
    assert ends.bytes_of_volumes(new, SIZE) == wanted
    assert (origin.power(vm), ends.goal.power(new)) == (PowerState.STOPPED, PowerState.STOPPED)
    arrived = ends.goal.describe(new)
    kept = ("name", "vcpus", "architecture", "firmware")
    assert {k: getattr(arrived, k) for k in kept} == {k: getattr(described, k) for k in kept}
    assert [disk.size_bytes for disk in arrived.disks] == [GIB, GIB]
    (nic,) = arrived.nics
    assert nic.subnet_id == ends.aws.subnet
    assert [group.rules for group in nic.security_groups] == [()]

    back = ends.call("rollback", "azure", vm, report["migration"])

    assert back["state"] == "rolled-back"
    assert ends.things() == before
    assert origin.power(vm) is PowerState.RUNNING
    assert origin.describe(vm) == described

    again = ends.migrate("azure", vm)
    over = ends.call(
        "cutover", "azure", vm, again["migration"], security_groups=["web"], go=True, keep_days=0
    )

    assert (over["state"], over["target_power"]) == ("cut-over", "running")
    assert ends.goal.describe(again["target_vm"]).nics[0].security_groups[0].name == "web"
    assert origin.power(vm) is PowerState.STOPPED

    ends.call("finalise", "azure", vm, again["migration"], go=True)

    left = ends.things()
    assert ends.goal.owned() == []
    assert set(left["machines"]) - set(before["machines"]) == {again["target_vm"]}
    assert len(set(left["volumes"]) - set(before["volumes"])) == 2
    unchanged = ("snapshots", "images", "groups")
    assert {kind: left[kind] for kind in unchanged} == {kind: before[kind] for kind in unchanged}
    assert TOKEN not in str(again)
    # Counted by the process beside what was foreseen.
    beside = {
        one["what"]: one for one in report["outcomes"] if one["what"].startswith("calls, aws")
    }
    far = {
        what: (one["estimate"], one["actual"])
        for what, one in beside.items()
        if what.endswith("manage") and abs(one["estimate"] - one["actual"]) > 0.25 * one["actual"]
    }
    assert far == {}
    assert beside.keys() == {f"calls, aws: {kind}" for kind in ("list", "manage", "read", "write")}


def test_a_machine_of_aws_is_moved_within_its_region_and_put_back(ends: Ends) -> None:
    root = ends.aws.image(DISK, "here")
    vm = ends.aws.launch(tags={"Name": "here-01"}, ImageId=root, InstanceType="m5.large")
    before = ends.things()

    report = ends.migrate("aws", vm)

    assert report["state"] == "allocated"
    (device,) = report["devices"]
    listed = ends.aws.ebs.list_snapshot_blocks(SnapshotId=device["target"])["Blocks"]
    assert sorted(one["BlockIndex"] for one in listed) == sorted(DISK)
    read = reader_of(ends.aws)
    for index, data in DISK.items():
        assert read(device["target"], index * BLOCK_SIZE_BYTES, BLOCK_SIZE_BYTES) == data
    made = ends.goal.describe(report["target_vm"])
    assert (made.name, made.instance_type) == ("here-01", "m5.large")
    assert ends.aws.state(vm) == "stopped"

    ends.call("rollback", "aws", vm, report["migration"])

    assert ends.things() == before
    assert ends.aws.state(vm) == "running"
