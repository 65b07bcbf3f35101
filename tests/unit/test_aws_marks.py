"""Our tags on a machine."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from coldferry.errors import Denied, UnknownMachine
from coldferry.migration import ATTEMPT_TAG, POWER_TAG, Marks, State
from tests.unit.aws_world import Sandbox, sandbox

HALTED = Marks("web-01-azure-0a1b2c3d-a1", State.HALTED, "running")
ENDED = Marks("web-01-azure-0a1b2c3d-a1", State.ROLLED_BACK)


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    with sandbox() as here:
        yield here


@pytest.fixture
def vm(aws: Sandbox) -> Iterator[str]:
    yield aws.launch(tags={"Name": "web-01", "team": "ops"})
    aws.server.faults.clear()


def tags(aws: Sandbox, vm: str) -> dict[str, str]:
    rows = aws.ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [vm]}])["Tags"]
    return {row["Key"]: row["Value"] for row in rows}


def test_a_machine_that_was_never_moved_bears_no_marks(aws: Sandbox, vm: str) -> None:
    """Nor does one that a stranger tagged in our name."""
    assert aws.cloud().marks(vm) is None
    aws.ec2.create_tags(Resources=[vm], Tags=[{"Key": ATTEMPT_TAG, "Value": "; rm -rf /"}])
    assert aws.cloud().marks(vm) is None
    assert vm not in [one for one, _ in aws.cloud().marked()]


def test_the_end_of_a_window_stands_on_the_machine(aws: Sandbox, vm: str) -> None:
    marks = replace(HALTED, abort_at=datetime(2031, 5, 4, 2, 0, tzinfo=UTC))
    aws.cloud().mark(vm, marks)

    assert aws.cloud().marks(vm) == marks
    assert (vm, marks) in list(aws.cloud().marked())
    assert tags(aws, vm).keys() == {"Name", "team", ATTEMPT_TAG, POWER_TAG}


def test_marks_are_read_as_written(aws: Sandbox, vm: str) -> None:
    """Both tags, and writing them again changes nothing."""
    cloud = aws.cloud()
    cloud.mark(vm, HALTED)
    cloud.mark(vm, HALTED)
    assert cloud.marks(vm) == HALTED
    assert tags(aws, vm)[POWER_TAG] == "running"


def test_the_end_takes_the_power_tag_away(aws: Sandbox, vm: str) -> None:
    """The attempt's tag is the one that stays; the team's are not touched."""
    cloud = aws.cloud()
    cloud.mark(vm, HALTED)
    cloud.mark(vm, ENDED)
    assert cloud.marks(vm) == ENDED
    assert tags(aws, vm) == {"Name": "web-01", "team": "ops", ATTEMPT_TAG: ENDED.tag(vm)}


def test_marked_machines_are_listed_but_for_terminated_ones(aws: Sandbox, vm: str) -> None:
    """With their marks; machines without any are not in the list."""
    cloud, other, gone = aws.cloud(), aws.launch(), aws.launch()
    cloud.mark(vm, HALTED)
    cloud.mark(gone, HALTED)
    aws.ec2.terminate_instances(InstanceIds=[gone])
    found = dict(cloud.marked())
    assert found[vm] == HALTED
    assert not {other, gone} & found.keys()


def test_an_absent_machine_cannot_be_marked(aws: Sandbox) -> None:
    """And nothing is tagged in its place."""
    with pytest.raises(UnknownMachine):
        aws.cloud().mark("i-0123456789abcdef0", HALTED)


def test_a_denied_mark_names_the_permission(aws: Sandbox, vm: str) -> None:
    """Before the halt this ends the run with nothing changed."""
    aws.faults({"operation": "ec2:CreateTags", "status": 403, "code": "UnauthorizedOperation"})
    with pytest.raises(Denied, match="ec2:CreateTags"):
        aws.cloud().mark(vm, HALTED)
    assert aws.cloud().marks(vm) is None
