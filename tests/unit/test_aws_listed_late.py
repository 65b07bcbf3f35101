"""A new machine of EC2 is looked for more than once before it is said to be gone."""

from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from coldferry.errors import Conflict
from coldferry.migration import MIGRATION_TAG
from providers.aws.launching import find_vm_or_none_of_it
from providers.aws.target_tags import DEVICE_TAG, PROVEN_TAG
from tests.conformance.cases import MIGRATION
from tests.unit.aws_world import KEY_ID, REGION, SECRET

NO_MACHINE: dict[str, Any] = {"Reservations": []}
MACHINE: dict[str, Any] = {"Reservations": [{"Instances": [{"InstanceId": "i-1"}]}]}
NO_VOLUME: dict[str, Any] = {"Volumes": []}
TAGS = {MIGRATION_TAG: MIGRATION, DEVICE_TAG: "disk0", PROVEN_TAG: "2031-05-03T22:00:00Z"}
USED: dict[str, Any] = {
    "Volumes": [
        {
            "VolumeId": "vol-1",
            "State": "available",
            "Tags": [{"Key": key, "Value": value} for key, value in TAGS.items()],
        }
    ]
}


def _found(*answers: dict[str, Any], within_s: float = 60) -> Any:
    """What is found where EC2 answers so, one call after the other."""
    ec2: Any = boto3.client(
        "ec2", region_name=REGION, aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET
    )
    with Stubber(ec2) as told:
        for answer in answers:
            call = "describe_instances" if "Reservations" in answer else "describe_volumes"
            told.add_response(call, answer)
        clients: Any = SimpleNamespace(ec2=ec2)
        found = find_vm_or_none_of_it(clients, MIGRATION, within_s)
        told.assert_no_pending_responses()
    return found


def test_a_machine_that_is_not_listed_yet_is_found() -> None:
    assert _found(NO_MACHINE, USED, NO_MACHINE, USED, MACHINE) == {"InstanceId": "i-1"}


def test_volumes_that_are_listed_though_they_are_gone_are_none() -> None:
    assert _found(NO_MACHINE, USED, NO_MACHINE, NO_VOLUME) is None


def test_volumes_that_stay_without_their_machine_are_refused() -> None:
    with pytest.raises(Conflict, match="vol-1 are there: they may hold what it wrote"):
        _found(NO_MACHINE, USED, within_s=0)


def test_where_nothing_was_made_nobody_waits() -> None:
    assert _found(NO_MACHINE, NO_VOLUME) is None
