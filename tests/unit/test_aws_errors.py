"""What is said when AWS says no, or nothing."""

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from coldferry.errors import (
    BadInput,
    ColdferryError,
    Conflict,
    Denied,
    Gone,
    ProviderError,
    Quota,
    UnknownMachine,
    Unreachable,
)
from providers.aws.access import AwsAccess
from providers.aws.cloud import AwsCloud
from tests.unit.aws_world import KEY_ID, REGION, SECRET, Sandbox, sandbox


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    with sandbox() as here:
        yield here


@pytest.fixture
def vm(aws: Sandbox) -> Iterator[str]:
    one = aws.launch()
    aws.server.faults.reset_counts()
    yield one
    aws.server.faults.clear()


def refusal(call: Callable[[], object]) -> ColdferryError:
    """The error of a call; it bears no secret and no trace of the SDK's own."""
    with pytest.raises(ColdferryError) as caught:
        call()
    error = caught.value
    assert SECRET not in str(error)
    assert KEY_ID not in str(error)
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__
    assert error.what.endswith(".")
    return error


CODES: list[tuple[int, str, type[ColdferryError]]] = [
    (403, "UnauthorizedOperation", Denied),
    (401, "AuthFailure", Denied),
    (400, "ExpiredToken", Denied),
    (400, "RequestExpired", Denied),
    (401, "OptInRequired", Denied),
    (400, "InvalidInstanceID.NotFound", UnknownMachine),
    (400, "InvalidInstanceID.Malformed", UnknownMachine),
    (400, "IncorrectInstanceState", Conflict),
    (400, "InvalidVolume.NotFound", Gone),
    (400, "InstanceLimitExceeded", Quota),
    (400, "SomethingNew", ProviderError),
]


@pytest.mark.parametrize(("status", "code", "kind"), CODES)
def test_a_refusal_is_asked_once_and_told_apart(
    aws: Sandbox, vm: str, status: int, code: str, kind: type[ColdferryError]
) -> None:
    """It names what was asked, and says what to do."""
    fault = {"operation": "ec2:RebootInstances", "status": status, "code": code, "times": 99}
    aws.faults(fault)
    error = refusal(lambda: aws.cloud().reboot(vm))
    assert type(error) is kind
    assert error.do
    assert kind is UnknownMachine or "ec2:RebootInstances" in str(error) or code == "OptInRequired"
    assert aws.calls("ec2:RebootInstances") == 1


def test_a_busy_answer_is_absorbed(aws: Sandbox, vm: str) -> None:
    """The SDK repeats it; nobody hears of it."""
    aws.faults({"operation": "ec2:DescribeInstances", "status": 503, "code": "Unavailable"})
    aws.cloud().power(vm)
    assert aws.calls("ec2:DescribeInstances") == 2


def test_wrong_keys_are_denied_and_not_shown(aws: Sandbox, vm: str) -> None:
    """The message says where to look."""
    cloud = aws.cloud(
        access_key_id="AKIAWRONGWRONGWRONG1", secret_access_key=SecretStr("hunter2hunter2")
    )
    error = refusal(lambda: cloud.describe(vm))
    assert isinstance(error, Denied)
    assert "hunter2" not in str(error)
    assert "AKIAWRONG" not in str(error)
    assert "credentials block" in error.do


def test_a_role_is_assumed_with_the_given_keys(aws: Sandbox, vm: str) -> None:
    """Once, at the first call; what is refused there is told as the role's own refusal."""
    role = {"role_arn": "arn:aws:iam::123456789012:role/ferry", "external_id": "team-7"}
    cloud = aws.cloud(**role)
    assert aws.calls("sts:AssumeRole") == 0, "making a provider asks nothing"
    aws.faults({"operation": "sts:AssumeRole", "status": 403, "code": "AccessDenied",
                "contains": "ExternalId=team-7"})  # fmt: skip
    error = refusal(lambda: cloud.power(vm))
    assert isinstance(error, Denied)
    assert "sts:AssumeRole" in error.what
    # The sandbox takes no keys but its own: that it refuses shows whose were used.
    assert "AuthFailure" in refusal(lambda: cloud.power(vm)).what
    assert aws.calls("sts:AssumeRole") == 2


def test_a_profile_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of the worker's own account may be wrong, too."""
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    error = refusal(lambda: AwsCloud(AwsAccess(region=REGION)).power("i-0123456789abcdef0"))
    assert "ProfileNotFound" in error.what
    assert "settings" in error.do


def test_no_credentials_at_all_are_told(
    aws: Sandbox, vm: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """An empty block means the default chain, and that may be empty too."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    error = refusal(lambda: aws.cloud(access_key_id="", secret_access_key=SecretStr("")).power(vm))
    assert isinstance(error, Denied)
    assert "no AWS credentials" in error.what


def test_no_region_is_the_callers_to_mend(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Nothing is asked of anybody."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    access = AwsAccess(access_key_id=KEY_ID, secret_access_key=SecretStr(SECRET))
    error = refusal(lambda: AwsCloud(access).power("i-0123456789abcdef0"))
    assert isinstance(error, BadInput)
    assert "region" in error.what


def test_an_endpoint_that_is_no_url_is_told(aws: Sandbox) -> None:
    """Before anything is sent to it."""
    cloud = aws.cloud(endpoint_url="not a url")
    assert isinstance(refusal(lambda: cloud.power("i-0123456789abcdef0")), BadInput)


def test_a_closed_endpoint_is_named(aws: Sandbox) -> None:
    """Quickly, and as worth another try."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    cloud = aws.cloud(endpoint_url=f"http://127.0.0.1:{port}")
    begun_s = time.monotonic()
    error = refusal(lambda: cloud.describe("i-0123456789abcdef0"))
    assert time.monotonic() - begun_s < 5
    assert isinstance(error, Unreachable)
    assert "127.0.0.1" in error.what


@pytest.mark.slow
def test_a_silent_endpoint_is_given_up_within_fifteen_seconds(aws: Sandbox) -> None:
    """A full listen queue: packets go in, nothing comes out."""
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen(0)
        place = mute.getsockname()
        held = [socket.socket() for _ in range(4)]
        for one in held:
            one.setblocking(False)
            one.connect_ex(place)
        begun_s = time.monotonic()
        cloud = aws.cloud(endpoint_url=f"http://127.0.0.1:{place[1]}")
        error = refusal(lambda: cloud.describe("i-0123456789abcdef0"))
        assert time.monotonic() - begun_s < 15
        for one in held:
            one.close()
    assert isinstance(error, Unreachable)


def test_making_a_provider_asks_nothing() -> None:
    """Not even with nonsense in its settings."""
    AwsCloud(AwsAccess(region=REGION, endpoint_url="http://127.0.0.1:9"))
