"""The role of AWS as a target allows what a migration there calls, and only on what is ours."""

import json
from collections.abc import Iterator

import pytest

from coldferry.machine import Machine
from sandbox.aws import world
from tests.conformance.cases import TargetCase, begin, written
from tests.conformance.worlds import a_disk, a_machine
from tests.unit.aws_world import FEW_TYPES, Sandbox, sandbox
from tests.unit.test_least_privilege import AWS_PREFIXES, FREE, aws_actions, listed, statements


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    with sandbox(types=FEW_TYPES) as here:
        yield here


def called(aws: Sandbox) -> set[str]:
    """The IAM action of everything that was called since the counts were reset."""
    names = (name.partition(":") for name in aws.server.faults.counts())
    return {f"{AWS_PREFIXES.get(service, service)}:{call}" for service, _, call in names} - FREE


def a_target_machine() -> Machine:
    """With all that takes a call of its own: encrypted, and forwarding packets."""
    machine = a_machine()
    disks = tuple(
        a_disk(f"d{n}", root=n == 0).model_copy(update={"encrypted": True}) for n in range(2)
    )
    nic = machine.nics[0].model_copy(update={"forwards_packets": True})
    return machine.model_copy(update={"disks": disks, "nics": (nic,)})


def test_the_target_s_role_carries_a_migration_its_end_and_its_way_back(aws: Sandbox) -> None:
    aws.usual = None
    cloud = aws.cloud()
    aws.ec2.create_security_group(GroupName="real", Description="d", VpcId=aws.vpc)
    answers = {
        "dns.servers": "acknowledge", "nics[0].subnet_id": aws.subnet,
        "nics[0].private_address": "10.20.0.200", "disks[0].kind": "gp3",
        "disks[1].kind": "gp3", "nics[0].forwards_packets": "acknowledge",
    }  # fmt: skip
    case = TargetCase(cloud, answers, lambda *_: b"")
    machine = a_target_machine()
    world.current().settings.quotas = {"L-1216C47A": 64}  # other tests' machines run
    aws.server.faults.reset_counts()
    plan, _ = begin(case, machine)
    assert [one for one in cloud.preflight(plan) if one.severity == "refuse"] == []
    disks = written(case, plan)
    for disk in disks:
        with cloud.open_written(plan, disk.ref) as reader:
            reader.read_into(0, memoryview(bytearray(512)))
    vm = cloud.allocate(plan, disks)
    assert cloud.compare(plan, vm) == []
    cloud.trial_console(cloud.start_trial(plan))
    cloud.end_trial(plan.migration)
    cloud.describe(vm)
    cloud.start(vm)
    cloud.reboot(vm)
    cloud.stop(vm)
    assert cloud.at_stake(plan.migration, arrived=True)
    assert len(cloud.keep(plan.migration)) == 2
    cloud.discard(plan.migration)
    cloud.erase_kept(plan.migration)
    cloud.allocate(plan, written(case, plan))
    cloud.open_up(plan.migration, ["real"])
    cloud.hand_over(plan.migration)

    assert cloud.owned() == []
    allowed = aws_actions("aws-reader", "aws-target")
    assert called(aws) <= allowed
    # Interfaces go with their machine, unless somebody says otherwise of them; and a rule
    # that lets in is there only where somebody gave our group one.
    unused = {"ec2:DeleteNetworkInterface", "ec2:RevokeSecurityGroupIngress"}
    asked_by_ebs = {
        "kms:CreateGrant", "kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncryptFrom", "kms:ReEncryptTo",
    }  # fmt: skip
    role = aws_actions("aws-target") - aws_actions("aws-reader")
    assert role - called(aws) == unused | asked_by_ebs


def test_the_target_s_role_changes_only_what_bears_our_tag() -> None:
    tags = ("aws:RequestTag/coldferry:migration", "aws:ResourceTag/coldferry:migration")
    free = {"ec2:CreateTags", "ec2:GetEbsDefaultKmsKeyId", "ebs:ListSnapshotBlocks"}
    for row in statements("aws-target"):
        said = json.dumps(row.get("Condition", {}))
        kinds = [place for place in listed(row["Resource"]) if not place.endswith(":key/KEY")]
        # Networks, key pairs and real groups are joined, and are never ours.
        named = all(place.startswith("arn:aws:ec2:REGION:ACCOUNT:") for place in kinds)
        assert any(tag in said for tag in tags) or named or {*listed(row["Action"])} <= free
    assert "ec2:TerminateInstances" in aws_actions("aws-target")
    assert "ec2:TerminateInstances" not in aws_actions("aws-mover", "aws-reader")
