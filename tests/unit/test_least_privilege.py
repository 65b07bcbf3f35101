"""The roles in deployments/ allow what the providers call, and nothing more."""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from coldferry.inspecting import inspect
from coldferry.machine import Machine
from coldferry.migration import Marks, State, early_of
from coldferry.plan import Plan
from coldferry.ports import PowerState
from coldferry.translation import Translation
from providers.aws.cloud import AwsCloud
from providers.azure.cloud import AzureCloud
from providers.azure.guest import GUEST as AZURE_GUEST
from providers.azure.rights import NEEDED, NEEDED_OF_A_SOURCE
from sandbox.aws import world
from tests.unit.aws_world import Sandbox, devices, sandbox
from tests.unit.azure_sources import a_source_plan, a_vm
from tests.unit.machines import MIB, a_disk
from tests.unit.test_azure_fixtures import (
    MIGRATION,
    a_plan,
    clear,
    settings,
    small_machine,
    upload,
)

pytest_plugins = ["tests.unit.test_azure_fixtures"]

DEPLOYMENTS = Path(__file__).parents[2] / "deployments"
INSPECTION = Path(__file__).parents[2] / "docs" / "inspection.md"

AWS_PREFIXES = {"efs": "elasticfilesystem", "service-quotas": "servicequotas"}
"""Where the counters' name of a service is not the one that policies use."""

ENDS = (AwsCloud.end, AzureCloud.end)

FREE = {"sts:GetCallerIdentity"}
"""Everybody may ask who they are."""

KEYS = {"kms:Decrypt"}
"""EBS asks KMS for it with our rights, when a disk is encrypted; no call of ours shows it."""

AZURE_NAMESPACES = {
    "authorization": "Microsoft.Authorization",
    "compute": "Microsoft.Compute",
    "network": "Microsoft.Network",
    "resources": "Microsoft.Resources",
}
AZURE_TYPES = {"usages": "locations/usages", "resourceGroups": "subscriptions/resourceGroups"}
AZURE_VERBS = {"get": "read", "list": "read", "put": "write", "patch": "write", "delete": "delete"}

LINKED = {
    "Microsoft.Network/networkInterfaces/join/action",
    "Microsoft.Network/networkSecurityGroups/join/action",
    "Microsoft.Network/virtualNetworks/subnets/join/action",
}
"""Azure asks for them when a body names another resource; the double does not."""

NEVER_CALLED = {"Microsoft.Compute/virtualMachines/instanceView/read"}
"""Preflight asks for it; the provider reads the instance view with the VM."""


def policy(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((DEPLOYMENTS / f"{name}.json").read_text())
    return document


def statements(name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = policy(name)["Statement"]
    return rows


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def aws_actions(*names: str) -> set[str]:
    return {
        action for name in names for row in statements(name) for action in listed(row["Action"])
    }


def azure_actions(*names: str) -> set[str]:
    return {action for name in names for action in policy(name)["Actions"]}


def a_plan_of(machine: Machine) -> Plan:
    return Plan(migration=MIGRATION, machine=machine, translation=Translation(fields=()))


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    with sandbox() as here:
        yield here


class TestAws:
    def called(self, aws: Sandbox) -> set[str]:
        """The IAM action of everything that was called since the counts were reset."""
        names = (name.partition(":") for name in aws.server.faults.counts())
        return {f"{AWS_PREFIXES.get(service, service)}:{call}" for service, _, call in names} - FREE

    def machine(self, aws: Sandbox) -> str:
        aws.usual = None  # clients that have asked nothing yet
        options = aws.ec2.create_dhcp_options(
            DhcpConfigurations=[{"Key": "domain-name", "Values": ["corp.example"]}]
        )["DhcpOptions"]["DhcpOptionsId"]
        aws.ec2.associate_dhcp_options(DhcpOptionsId=options, VpcId=aws.vpc)
        vm = aws.launch()
        zone = aws.ec2.describe_subnets(SubnetIds=[aws.subnet])["Subnets"][0]["AvailabilityZone"]
        disk = aws.ec2.create_volume(AvailabilityZone=zone, Size=1, Encrypted=True)
        aws.ec2.attach_volume(VolumeId=disk["VolumeId"], InstanceId=vm, Device="/dev/sdf")
        shared = aws.client("efs").create_file_system(CreationToken=vm)["FileSystemId"]
        aws.client("efs").create_mount_target(FileSystemId=shared, SubnetId=aws.subnet)
        aws.client("elbv2").create_target_group(
            Name=vm.replace("i-", "t-"), Protocol="TCP", Port=443, VpcId=aws.vpc
        )
        aws.client("route53").create_hosted_zone(Name="corp.example.", CallerReference=vm)
        aws.server.faults.reset_counts()
        return vm

    def test_the_reader_suffices_to_describe_plan_and_list(self, aws: Sandbox) -> None:
        vm = self.machine(aws)
        cloud = aws.cloud()

        cloud.translate(cloud.describe(vm), cloud.catalogue(), {})
        cloud.unmovable(vm)
        cloud.marks(vm)
        list(cloud.marked())
        cloud.owned()
        list(cloud.tagged())

        assert self.called(aws) <= aws_actions("aws-reader")

    def test_both_allow_every_call_and_no_other(self, aws: Sandbox) -> None:
        vm = self.machine(aws)
        cloud = aws.cloud()
        machine = cloud.describe(vm)
        cloud.unmovable(vm)
        cloud.catalogue()
        cloud.preflight_source(vm, a_plan_of(machine))

        cloud.mark(vm, Marks(MIGRATION, State.APPROVED, "running"))
        early = cloud.freeze(vm, early_of(MIGRATION), devices(machine))
        cloud.stop(vm)
        for frozen in (late := cloud.freeze(vm, MIGRATION, devices(machine))):
            with cloud.open_frozen(frozen) as reader:
                for extent in reader.extents(0, reader.size_bytes):
                    if extent.data:
                        reader.read_into(extent.offset, memoryview(bytearray(512)))
        with cloud.changes(early[0], late[0]) as changes:
            assert changes is not None
        list(cloud.diagnose())
        assert cloud.ran_since(vm, MIGRATION) is False
        assert cloud.release(MIGRATION) and cloud.release(early_of(MIGRATION))
        cloud.mark(vm, Marks(MIGRATION, State.CUT_OVER, "running", "2026-03-01T08:00:00Z"))
        cloud.start(vm)
        cloud.mark(vm, Marks(MIGRATION, State.ROLLED_BACK))
        cloud.reboot(vm)

        assert self.called(aws) == aws_actions("aws-reader", "aws-mover") - KEYS

    def test_the_remover_may_end_only_machines_whose_tag_says_that_they_were_moved(self) -> None:
        rows = [row for row in statements("aws-remover") if "instance/" in row["Resource"]]
        (words,) = (row["Condition"]["StringLike"].values() for row in rows)
        (patterns,) = words
        marks = {state: Marks(MIGRATION, state).tag("i-0123") for state in State}
        allowed = {
            state for state, tag in marks.items() if any(fnmatchcase(tag, one) for one in patterns)
        }

        assert allowed == {State.CUT_OVER, State.FINALISED}

    def test_preflight_with_the_readers_rights_names_what_the_mover_adds(
        self, aws: Sandbox
    ) -> None:
        vm = self.machine(aws)
        cloud = aws.cloud()
        plan = a_plan_of(cloud.describe(vm))
        adds = aws_actions("aws-mover") - aws_actions("aws-reader")
        world.current().settings.denied = sorted(adds)
        try:
            (found,) = [f for f in cloud.preflight_source(vm, plan) if f.severity == "refuse"]
        finally:
            world.current().settings.denied = []

        named = set(re.findall(r"(?:ec2|ebs|kms):\w+", found.what))
        # No snapshot of ours is there to be asked about, nobody reboots, and blocks show later.
        unasked = {"ec2:DeleteSnapshot", "ec2:RebootInstances"}
        unasked |= {action for action in adds if action.startswith("ebs:")}
        assert (found.code, named) == ("permissions", adds - unasked - KEYS - {"kms:DescribeKey"})

    def test_an_inspection_needs_what_its_page_says(self, aws: Sandbox) -> None:
        vm = self.machine(aws)
        cloud = aws.cloud()
        machine = cloud.describe(vm)
        aws.server.faults.reset_counts()

        inspect(cloud, vm, machine, MIGRATION, AZURE_GUEST, ends=ENDS)

        rights = INSPECTION.read_text().partition("\n## Rights\n")[2].partition("\n## ")[0]
        told = set(re.findall(r"`((?:ec2|ebs|kms):\w+)`", rights))
        # Preflight looks at the keys; CreateTags is asked for the tags that CreateSnapshots brings.
        unseen = KEYS | {"kms:DescribeKey", "ec2:CreateTags"}
        reader = aws_actions("aws-reader")
        assert told <= reader | aws_actions("aws-mover")
        assert self.called(aws) - reader == told - reader - unseen

    def test_the_remover_allows_what_removing_a_source_calls_and_no_more(
        self, aws: Sandbox
    ) -> None:
        vm = self.machine(aws)
        cloud = aws.cloud()
        copied = [disk.id for disk in cloud.describe(vm).disks]
        cloud.stop(vm)
        cloud.mark(vm, Marks(MIGRATION, State.CUT_OVER, "running", "2999-01-01T08:00:00Z"))
        aws.server.faults.reset_counts()

        cloud.remaining(cloud.remove(vm, MIGRATION, copied))

        remover, reader = aws_actions("aws-remover"), aws_actions("aws-reader")
        assert self.called(aws) - reader == remover
        assert not remover & (reader | aws_actions("aws-mover"))

    def test_the_reader_changes_nothing(self) -> None:
        verbs = {action.partition(":")[2] for action in aws_actions("aws-reader")}

        assert [verb for verb in verbs if not verb.startswith(("Describe", "Get", "List"))] == []

    def test_nothing_is_ended_and_no_disk_is_written(self) -> None:
        allowed = aws_actions("aws-reader", "aws-mover")

        forbidden = ["*Terminate*", "*Volume", "ebs:Put*", "ebs:Start*", "*Modify*", "*[*]*"]
        assert [a for a in allowed if any(fnmatchcase(a, word) for word in forbidden)] == []

    @pytest.mark.parametrize(
        ("action", "kind", "condition"),
        [
            ("ec2:DeleteSnapshot", "snapshot", "aws:ResourceTag/coldferry:migration"),
            ("ebs:GetSnapshotBlock", "snapshot", "aws:ResourceTag/coldferry:migration"),
            ("ebs:ListChangedBlocks", "snapshot", "aws:ResourceTag/coldferry:migration"),
            ("ec2:CreateSnapshots", "snapshot", "aws:RequestTag/coldferry:migration"),
            ("ec2:CreateTags", "snapshot", "ec2:CreateAction"),
            ("ec2:CreateTags", "instance", "aws:TagKeys"),
            ("ec2:DeleteTags", "instance", "aws:TagKeys"),
        ],
    )
    def test_what_can_be_limited_to_our_things_is(
        self, action: str, kind: str, condition: str
    ) -> None:
        granting = [
            row
            for row in statements("aws-mover")
            if action in listed(row["Action"])
            and any(f":{kind}/" in place for place in listed(row["Resource"]))
        ]

        assert granting
        assert all(condition in json.dumps(row.get("Condition", {})) for row in granting)


class TestAzure:
    @pytest.fixture(autouse=True)
    def all_rights_again(self, cloud: AzureCloud, server: Any) -> Iterator[None]:
        yield
        settings(server, {"actions": ["*"]})

    def give(self, server: Any, *names: str) -> None:
        settings(server, {"actions": sorted(azure_actions(*names))})
        server.faults.reset_counts()

    def called(self, server: Any) -> set[str]:
        """The role action of everything that was called since the counts were reset."""
        found = set()
        for name in server.faults.counts():
            service, _, call = name.partition(":")
            kind, _, verb = call.partition(".")
            if service not in AZURE_NAMESPACES or kind == "operations":
                continue  # pages of a disk go by its SAS, polling by the operation's address
            word = AZURE_VERBS.get(verb, f"{verb}/action")
            kind = AZURE_TYPES.get(kind, kind)
            found.add(f"{AZURE_NAMESPACES[service]}/{kind}/{word}")
        return found

    def test_the_reader_suffices_to_plan_and_to_list(self, cloud: AzureCloud, server: Any) -> None:
        self.give(server, "azure-reader")

        findings = cloud.preflight(a_plan(cloud))
        cloud.owned()
        list(cloud.tagged())

        # The double tells rights to everybody, also that these are not a mover's.
        assert [finding.code for finding in findings] in ([], ["permissions"])

    def test_the_reader_suffices_to_describe(self, cloud: AzureCloud, server: Any) -> None:
        plan = a_plan(cloud)
        vm = cloud.allocate(plan, [upload(cloud, plan)])
        self.give(server, "azure-reader")

        assert cloud.describe(vm).name == "web-01"
        assert cloud.power(vm) is PowerState.STOPPED

    def test_both_carry_a_migration_and_its_way_back(self, cloud: AzureCloud, server: Any) -> None:
        machine = small_machine(
            disks=(a_disk(size_bytes=20 * MIB), a_disk(root=False, size_bytes=20 * MIB))
        )
        self.give(server, "azure-reader", "azure-mover")

        plan = a_plan(cloud, machine)
        assert cloud.preflight(plan) == []
        disks = [upload(cloud, plan, index) for index in range(2)]
        for disk in disks:
            with cloud.open_written(plan, disk.ref) as reader:
                reader.read_into(0, memoryview(bytearray(512)))
        vm = cloud.allocate(plan, disks)
        assert cloud.compare(plan, vm) == []
        cloud.trial_console(cloud.start_trial(plan))
        cloud.end_trial(MIGRATION)
        cloud.describe(vm)
        assert [check for check in cloud.diagnose() if check.ok is not True] == []
        cloud.start(vm)
        cloud.reboot(vm)
        cloud.stop(vm)
        assert cloud.at_stake(MIGRATION, arrived=True)
        arrived = cloud.arrived(MIGRATION)
        assert arrived is not None
        cloud.open_up(MIGRATION, arrived.offered[:1])
        assert len(cloud.keep(MIGRATION)) == 2
        cloud.discard(MIGRATION)
        cloud.erase_kept(MIGRATION)

        assert cloud.owned() == []
        allowed = azure_actions("azure-reader", "azure-mover")
        unused = allowed - self.called(server) - LINKED - NEVER_CALLED
        # A public address is only ever read of a machine that has one.
        assert unused == {"Microsoft.Network/publicIPAddresses/read"}

    def test_both_hand_a_machine_over(self, cloud: AzureCloud, server: Any) -> None:
        self.give(server, "azure-reader", "azure-mover")
        plan = a_plan(cloud)
        vm = cloud.allocate(plan, [upload(cloud, plan)])
        cloud.open_up(MIGRATION, [""])

        cloud.hand_over(MIGRATION)

        assert cloud.owned() == []
        assert cloud.power(vm) is PowerState.STOPPED
        clear(cloud)

    def test_reader_and_source_carry_a_migration_from_here_and_its_way_back(
        self, cloud: AzureCloud, server: Any
    ) -> None:
        vm = a_vm(cloud)
        self.give(server, "azure-reader", "azure-source")

        machine, against = cloud.survey(vm)
        assert [one for one in against if one.severity == "refuse"] == []
        faults = cloud.preflight_source(vm, a_source_plan(machine))
        assert [one for one in faults if one.severity == "refuse"] == []
        cloud.mark(vm, Marks(MIGRATION, State.HALTED, "running"))
        cloud.stop(vm)
        for frozen in cloud.freeze(vm, MIGRATION, devices(machine)):
            with cloud.open_frozen(frozen) as reader:
                reader.read_into(0, memoryview(bytearray(512)))
        assert cloud.ran_since(vm, MIGRATION) is False
        cloud.release(MIGRATION)
        cloud.start(vm)
        cloud.reboot(vm)
        cloud.mark(vm, Marks(MIGRATION, State.ROLLED_BACK))

        assert cloud.owned() == []
        unused = azure_actions("azure-source") - self.called(server)
        # Azure asks for it when a snapshot is made of a disk.
        assert unused == {"Microsoft.Compute/disks/beginGetAccess/action"}
        settings(server, {"actions": ["*"]})
        clear(cloud)

    def test_what_preflight_asks_for_is_what_the_roles_allow(self) -> None:
        assert set(NEEDED) <= azure_actions("azure-reader", "azure-mover")
        source = azure_actions("azure-reader", "azure-source")
        assert set(NEEDED_OF_A_SOURCE) <= source
        assert "Microsoft.Compute/disks/write" not in source

    def test_the_reader_changes_nothing(self) -> None:
        assert [a for a in azure_actions("azure-reader") if not a.endswith("/read")] == []

    def test_no_role_reads_data_or_grants_rights(self) -> None:
        for name in ("azure-reader", "azure-mover", "azure-source"):
            role = policy(name)
            assert role["DataActions"] == role["NotActions"] == []
            assert not [action for action in role["Actions"] if "*" in action]
            assert role["AssignableScopes"] == ["/subscriptions/SUBSCRIPTION"]
