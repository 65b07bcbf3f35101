"""The AWS double's EC2 refuses the tags that EC2 refuses; moto alone takes any."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.aws import seed
from sandbox.aws.server import AwsServer

KEY_ID, SECRET, REGION = "AKIASANDBOX000000001", "sandbox", "eu-west-1"


@pytest.fixture(scope="module")
def ec2() -> Iterator[Any]:
    """A plain client that sends even what botocore would hold back."""
    double = AwsServer(KEY_ID, SECRET)
    double.start()
    yield seed.client(
        *("ec2", double.endpoint_url, KEY_ID, SECRET, REGION),
        retries={"total_max_attempts": 1},
        parameter_validation=False,
    )
    double.stop()


@pytest.fixture
def volume(ec2: Any) -> str:
    """Something to tag."""
    return str(ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1)["VolumeId"])


BAD_TAGS = [
    ({"aws:cloudformation:stack-name": "x"}, "reserved for internal use"),
    ({"AWS:x": "x"}, "reserved for internal use"),
    ({"": "x"}, "empty"),
    ({"k" * 129: "x"}, "128"),
    ({"k": "v" * 257}, "256"),
    ({"k\x1b[31m": "x"}, "not valid"),
    ({"k": "\x00"}, "not valid"),
]


@pytest.mark.parametrize(("tags", "words"), BAD_TAGS)
def test_tags_that_ec2_does_not_take_are_refused(
    ec2: Any, volume: str, tags: dict[str, str], words: str
) -> None:
    """By CreateTags, with what is made, and by a dry run."""
    rows = [{"Key": key, "Value": value} for key, value in tags.items()]
    with_it = {
        "AvailabilityZone": f"{REGION}a",
        "Size": 1,
        "TagSpecifications": [{"ResourceType": "volume", "Tags": rows}],
    }
    before = len(ec2.describe_volumes()["Volumes"])
    for call, wanted in (
        (ec2.create_tags, {"Resources": [volume], "Tags": rows}),
        (ec2.create_volume, with_it),
        (ec2.create_volume, with_it | {"DryRun": True}),
    ):
        with pytest.raises(ClientError, match=words) as caught:
            call(**wanted)
        assert caught.value.response["Error"]["Code"] == "InvalidParameterValue"
    shown = ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]
    assert not shown.get("Tags")
    assert len(ec2.describe_volumes()["Volumes"]) == before


def test_a_tag_key_is_given_once_and_fifty_are_the_most(ec2: Any, volume: str) -> None:
    """Within one request."""
    twice = [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]
    many = [{"Key": f"k{number}", "Value": ""} for number in range(51)]
    for code, tags in {"InvalidParameterValue": twice, "TagLimitExceeded": many}.items():
        with pytest.raises(ClientError) as caught:
            ec2.create_tags(Resources=[volume], Tags=tags)
        assert caught.value.response["Error"]["Code"] == code


def test_tags_at_their_limits_and_in_any_script_are_taken(ec2: Any, volume: str) -> None:
    """128 and 256 characters, whatever they are; a case-sensitive key is another."""
    wanted = {"ü" * 128: "語" * 256, "Name": "a\u202eb", "name": "<b> & `c`", "xaws:": ""}
    rows = [{"Key": key, "Value": value} for key, value in wanted.items()]
    ec2.create_tags(Resources=[volume], Tags=rows)
    shown = ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["Tags"]
    assert {row["Key"]: row["Value"] for row in shown} == wanted
