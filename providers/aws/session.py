"""The SDK clients of one account and region: made when first used, then shared.

Timeouts and attempts: "Boto3 developer guide", pages "Config" and "Retries".
"""

import threading
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ProxyConnectionError,
)
from botocore.loaders import Loader, create_loader
from botocore.session import Session

from coldferry import calls
from coldferry.errors import BadInput
from providers.aws.client import speaking

if TYPE_CHECKING:
    from botocore.credentials import Credentials
    from mypy_boto3_autoscaling import AutoScalingClient
    from mypy_boto3_ebs import EBSClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_efs import EFSClient
    from mypy_boto3_service_quotas import ServiceQuotasClient
    from mypy_boto3_sts import STSClient

    from providers.aws.access import AwsAccess

_ATTEMPTS = 8
"""Of one call. With the SDK's three, throttled block reads were seen to fail."""

_CONNECT_ATTEMPTS = 2
"""An endpoint that takes no connection is given up after two times five seconds."""

_READERS = 32

_CONTROL = Config(
    connect_timeout=5,
    read_timeout=60,
    retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
    max_pool_connections=_READERS,
    tcp_keepalive=True,
)
_ONCE = _CONTROL.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}))
_DATA = _CONTROL.merge(Config(read_timeout=30, parameter_validation=False))


@dataclass(frozen=True)
class DefaultChain:
    """What the SDK finds by itself, in one region: an :class:`AwsAccess` with all else empty."""

    region: str
    role_arn: str = ""
    external_id: str = ""
    access_key_id: str = ""
    endpoint_url: str = ""


class Clients:
    """Typed SDK clients for an :class:`AwsAccess`; thread-safe, nothing is made before its use."""

    def __init__(self, access: "AwsAccess | DefaultChain") -> None:
        self._access = access
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._made: dict[str, Any] = {}
        self.erased: set[str] = set()
        """What was deleted through these clients, where a client token could answer it again."""

    @property
    def region(self) -> str:
        """Raises BadInput when neither the block nor the environment names one."""
        with self._lock, speaking("the AWS settings", "this worker"):
            region = self._opened().get_config_variable("region")
        if not region:
            raise BadInput(
                "No AWS region is given.",
                "Fill in the region in the credentials block, for example eu-west-1.",
            )
        return str(region)

    @property
    def credentials(self) -> "Credentials":
        """What the SDK signs with; it renews them by itself. Raises Denied when there are none."""
        with self._lock, speaking("the credential chain", "this worker"):
            found = self._opened().get_credentials()
            if found is None:
                raise NoCredentialsError
            return found

    @property
    def ca_bundle(self) -> str | None:
        """The PEM file that the SDK is configured to trust (``AWS_CA_BUNDLE``, ``ca_bundle``)."""
        with self._lock, speaking("the AWS settings", "this worker"):
            found = self._opened().get_config_variable("ca_bundle")
        return str(found) if found else None

    @property
    def account_word(self) -> str:
        """What tells accounts apart in this process without asking anybody."""
        return self._access.role_arn or self._access.access_key_id

    @property
    def ec2(self) -> "EC2Client":
        """Amazon EC2."""
        client: EC2Client = self._shared("ec2")
        return client

    @property
    def ec2_once(self) -> "EC2Client":
        """Amazon EC2 without repeats, for calls that make something and take no client token."""
        client: EC2Client = self._shared("ec2", _ONCE)
        return client

    @property
    def sts(self) -> "STSClient":
        """AWS Security Token Service."""
        client: STSClient = self._shared("sts")
        return client

    @property
    def autoscaling(self) -> "AutoScalingClient":
        """Amazon EC2 Auto Scaling."""
        client: AutoScalingClient = self._shared("autoscaling")
        return client

    @property
    def efs(self) -> "EFSClient":
        """Amazon Elastic File System."""
        client: EFSClient = self._shared("efs")
        return client

    @property
    def fsx(self) -> Any:
        """Amazon FSx."""
        return self._shared("fsx")

    @property
    def quotas(self) -> "ServiceQuotasClient":
        """Service Quotas."""
        client: ServiceQuotasClient = self._shared("service-quotas")
        return client

    def service(self, name: str) -> Any:
        """Another service by the SDK's name for it, for what is only listed."""
        return self._shared(name)

    @property
    def ebs(self) -> "EBSClient":
        """EBS direct, for all but the blocks themselves."""
        client: EBSClient = self._shared("ebs", _DATA)
        return client

    def offers(self, service: str) -> bool:
        """Whether the region has the service; True for a region that the SDK does not know yet."""
        region = self.region
        with self._lock:
            session = self._opened()
            known = set(session.get_available_regions("ec2"))
            return region not in known or region in session.get_available_regions(service)

    def _shared(self, service: str, config: Config = _CONTROL) -> Any:
        region = self.region
        key = f"{service} once" if config is _ONCE else service
        with self._lock:  # making a client is the one thing that is not thread-safe
            if key not in self._made:
                self._made[key] = self._new(service, region, config)
            return self._made[key]

    def _new(self, service: str, region: str, config: Config) -> Any:
        endpoint = self._access.endpoint_url or None
        make: Any = self._opened().create_client
        try:
            with speaking(f"the client of {service}", "this worker"):
                client = make(service, region_name=region, endpoint_url=endpoint, config=config)
        except ValueError:
            raise BadInput(
                f"The endpoint of {service} is not a URL.",
                "Correct the endpoint in the credentials block, or leave it empty.",
            ) from None
        name = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register_first(f"needs-retry.{name}", _give_up)
        client.meta.events.register(f"before-send.{name}", _count)
        return client

    def _opened(self) -> Session:
        if self._session is None:
            with speaking("the credential chain", "this worker"):
                self._session = _open(self._access)
        return self._session


class _Role(CredentialProvider):
    """Credentials of an assumed role, asked for at the first call and renewed before they end."""

    METHOD = "assume-role"

    def __init__(self, fetcher: AssumeRoleCredentialFetcher) -> None:
        super().__init__()
        self._fetcher = fetcher

    def load(self) -> DeferredRefreshableCredentials:
        """See "AssumeRole" of the AWS STS API reference."""
        return DeferredRefreshableCredentials(
            refresh_using=self._fetcher.fetch_credentials, method=self.METHOD
        )


@cache
def _models() -> Loader:
    """The SDK's service models: a second of parsing, the same for all accounts."""
    return create_loader()


def _new_session() -> Session:
    session = botocore.session.get_session()
    session.register_component("data_loader", _models())
    return session


def _open(access: "AwsAccess | DefaultChain") -> Session:
    own = _new_session()
    if access.region:
        own.set_config_variable("region", access.region)
    if not isinstance(access, DefaultChain) and access.access_key_id:
        own.set_credentials(  # type: ignore[no-untyped-call, unused-ignore]
            access.access_key_id,
            access.secret_access_key.get_secret_value(),
            access.session_token.get_secret_value() or None,
        )
    if not access.role_arn:
        return own
    make_client = partial(
        own.create_client,
        region_name=access.region or None,
        endpoint_url=access.endpoint_url or None,
        config=_CONTROL,
    )
    given = {"RoleSessionName": "coldferry"}
    if access.external_id:
        given["ExternalId"] = access.external_id
    fetcher = AssumeRoleCredentialFetcher(
        _client_maker(make_client), own.get_credentials(), access.role_arn, extra_args=given
    )
    session = _new_session()
    session.register_component("credential_provider", CredentialResolver([_Role(fetcher)]))
    region = access.region or own.get_config_variable("region")
    if region:
        session.set_config_variable("region", region)
    return session


def _client_maker(make_client: Any) -> Any:
    """The fetcher hands over the source's keys as arguments; they go through to the client."""

    def make(service: str, **keys: Any) -> Any:
        keys.pop("region_name", None)
        client = make_client(service, **keys)
        client.meta.events.register_first("needs-retry.sts", _give_up)
        return client

    return make


def _count(event_name: str, **_: Any) -> None:
    """Every attempt; the answer None lets the SDK send it."""
    listing = event_name.endswith((".ListSnapshotBlocks", ".ListChangedBlocks"))
    calls.made("aws", "list" if listing else "manage")


def _give_up(attempts: int, caught_exception: Exception | None = None, **_: Any) -> None:
    """Eight tries are for an answer that says "later", not for a host that does not answer."""
    silent = (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError)
    if isinstance(caught_exception, silent) and attempts >= _CONNECT_ATTEMPTS:
        raise caught_exception
