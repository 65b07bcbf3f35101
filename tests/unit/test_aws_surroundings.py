"""What stands around an EC2 instance is listed, so that a person sees it before cutover."""

from collections.abc import Iterator
from typing import Any

import pytest

from coldferry.machine import Relation
from providers.aws.surroundings import named_by
from tests.unit.aws_world import Sandbox, sandbox


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    with sandbox() as here:
        yield here


@pytest.fixture(scope="module")
def vm(aws: Sandbox) -> str:
    return aws.launch()


@pytest.fixture(autouse=True)
def no_faults(aws: Sandbox) -> Iterator[None]:
    yield
    aws.server.faults.clear()


def relations(aws: Sandbox, vm: str, kind: str) -> list[Relation]:
    return [one for one in aws.cloud().describe(vm).relations if one.kind == kind]


def instance(aws: Sandbox, vm: str) -> Any:
    return aws.ec2.describe_instances(InstanceIds=[vm])["Reservations"][0]["Instances"][0]


def a_target_group(aws: Sandbox, name: str) -> str:
    made = aws.client("elbv2").create_target_group(
        Name=name, Protocol="TCP", Port=443, VpcId=aws.vpc, TargetType="instance"
    )
    return str(made["TargetGroups"][0]["TargetGroupArn"])


def test_a_machine_that_nobody_knows_has_no_relations(aws: Sandbox) -> None:
    assert aws.cloud().describe(aws.launch()).relations == ()


def test_a_target_group_that_holds_the_machine_is_listed_and_others_are_not(
    aws: Sandbox, vm: str
) -> None:
    a_target_group(aws, "empty")
    aws.client("elbv2").register_targets(
        TargetGroupArn=a_target_group(aws, "web"), Targets=[{"Id": vm, "Port": 8443}]
    )

    assert relations(aws, vm, "load balancer") == [
        Relation(kind="load balancer", id="web", detail="target group, port 8443")
    ]


def test_a_classic_load_balancer_is_listed(aws: Sandbox) -> None:
    vm = aws.launch()
    elb = aws.client("elb")
    listener = {"Protocol": "tcp", "LoadBalancerPort": 80, "InstancePort": 80}
    elb.create_load_balancer(LoadBalancerName="old", Listeners=[listener], Subnets=[aws.subnet])
    elb.register_instances_with_load_balancer(
        LoadBalancerName="old", Instances=[{"InstanceId": vm}]
    )

    assert [one.id for one in relations(aws, vm, "load balancer")] == ["old"]


def test_an_alarm_on_the_machine_or_on_its_disk_is_listed(aws: Sandbox, vm: str) -> None:
    volume = instance(aws, vm)["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    for name, key, value in (
        ("cpu", "InstanceId", vm),
        ("disk", "VolumeId", volume),
        ("other", "InstanceId", "i-0"),
    ):
        aws.client("cloudwatch").put_metric_alarm(
            AlarmName=name, MetricName="M", Namespace="AWS/EC2", Period=60, EvaluationPeriods=1,
            Threshold=1.0, ComparisonOperator="GreaterThanThreshold", Statistic="Average",
            Dimensions=[{"Name": key, "Value": value}],
        )  # fmt: skip

    assert [one.id for one in relations(aws, vm, "alarm")] == ["cpu", "disk"]


def test_a_dns_record_that_points_to_the_machine_is_listed(aws: Sandbox, vm: str) -> None:
    dns = aws.client("route53")
    zone = dns.create_hosted_zone(Name="corp.example.", CallerReference="1")["HostedZone"]["Id"]
    for name, address in (
        ("web.corp.example.", instance(aws, vm)["PrivateIpAddress"]),
        ("other.corp.example.", "192.0.2.1"),
    ):
        record = {
            "Name": name, "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": address}],
        }  # fmt: skip
        change = {"Action": "UPSERT", "ResourceRecordSet": record}
        dns.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [change]})

    assert relations(aws, vm, "dns record") == [
        Relation(kind="dns record", id="web.corp.example", detail="A")
    ]


def test_a_backup_plan_is_known_by_the_snapshots_that_it_made(aws: Sandbox) -> None:
    vm = aws.launch()
    volume = instance(aws, vm)["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    tags = [{"Key": "dlm:managed", "Value": "true"}]
    for tagged in ([{"ResourceType": "snapshot", "Tags": tags}], []):
        aws.ec2.create_snapshot(VolumeId=volume, TagSpecifications=tagged)

    assert [one.id for one in relations(aws, vm, "backup plan")] == ["DLM"]


def test_a_placement_group_and_a_stack_are_listed_as_the_instance_tells_them() -> None:
    # The double makes no placement groups, and refuses tags of AWS's own.
    told: Any = {
        "Placement": {"GroupName": "near"},
        "Tags": [{"Key": "aws:cloudformation:stack-name", "Value": "shop"}],
    }

    assert [one.id for one in named_by(told)] == ["shop", "near"]


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("elasticloadbalancing:DescribeTargetGroups", "load balancer"),
        ("cloudwatch:DescribeAlarms", "alarm"),
        ("route53:ListHostedZones", "dns record"),
    ],
)
def test_a_refused_look_is_told_and_not_taken_for_nothing(
    aws: Sandbox, operation: str, kind: str
) -> None:
    vm = aws.launch()
    aws.faults({"operation": operation, "status": 403, "code": "AccessDenied", "times": 1})

    told = [one for one in relations(aws, vm, kind) if one.id == "unknown"]

    assert len(told) == 1
    assert "did not tell" in told[0].detail
