"""The whole double: two TLS listeners and the blob store behind them."""

import os
from pathlib import Path
from typing import Self, cast

from azure.core.credentials import AccessToken

from sandbox.azure.arm import Arm
from sandbox.azure.arm_front import ArmHandler
from sandbox.azure.azurite import Azurite, ensure_azurite
from sandbox.azure.blob_front import BlobHandler
from sandbox.azure.blobs import Blobs
from sandbox.azure.listener import Listener
from sandbox.azure.operations import Operations
from sandbox.azure.seed import seed
from sandbox.azure.tls import make_certificates
from sandbox.azure.world import World
from sandbox.consoles import Consoles
from sandbox.faults import Faults

NEVER_S = 4102444800  # The year 2100: the token of a sandbox does not run out.


class StaticToken:
    """A credential for the SDK that always has the same token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *scopes: str, **options: object) -> AccessToken:
        """The token, for whatever scope."""
        return AccessToken(self._token, NEVER_S)


class AzureServer:
    """Starts, stops and describes one pretended subscription.

    ``delay_s`` is how long a long-running operation takes. ``retry_after_s`` is
    the ``Retry-After`` of its answers; with 0 they carry ``x-ms-retry-after-ms``
    instead, which Azure does not send and the SDK honours: a pace for tests.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        subscription_id: str,
        resource_group: str,
        location: str,
        token: str,
        azurite_cache: Path,
        delay_s: float = 0.2,
        retry_after_s: int = 0,
    ) -> None:
        self.subscription_id = subscription_id
        self.resource_group = resource_group
        self.location = location
        self.token = token
        self.faults = Faults()
        self.endpoint = ""
        self.blob_endpoint = ""
        self._state_dir = state_dir
        self._azurite_cache = azurite_cache
        self._delay_s = delay_s
        self._retry_after_s = retry_after_s
        self._azurite: Azurite | None = None
        self._listeners: list[Listener] = []
        self._consoles: Consoles | None = None

    @property
    def ca_bundle(self) -> Path:
        """The certificate a client has to trust."""
        return self._state_dir / "tls" / "ca.pem"

    @property
    def credential(self) -> StaticToken:
        """A credential the SDK clients take."""
        return StaticToken(self.token)

    def start(self) -> None:
        """Start everything; both endpoints answer when this returns."""
        self._state_dir.mkdir(parents=True, exist_ok=True)
        context = make_certificates(self._state_dir / "tls").server_context()
        install_dir = ensure_azurite(self._azurite_cache)
        self._azurite = Azurite(install_dir, self._state_dir / "azurite")
        self._azurite.start()
        try:
            # Each server needs handler classes of its own: they carry its state.
            class OwnArmHandler(ArmHandler):
                pass

            class OwnBlobHandler(BlobHandler):
                pass

            arm_listener = Listener(OwnArmHandler, context)
            blob_listener = Listener(OwnBlobHandler, context)
            self._listeners = [arm_listener, blob_listener]
            self.endpoint, self.blob_endpoint = arm_listener.address, blob_listener.address
            account, key = self._azurite.account, self._azurite.key
            blobs = Blobs(self._azurite.url, account, key, self.blob_endpoint)
            world = World(
                self.subscription_id,
                self.resource_group,
                self.location,
                blobs,
                Operations(self._delay_s),
            )
            self._consoles = world.consoles
            OwnArmHandler.arm = Arm(world, self.endpoint, self._retry_after_s)
            OwnArmHandler.faults, OwnArmHandler.token = self.faults, self.token
            OwnBlobHandler.blobs, OwnBlobHandler.azurite_port = blobs, self._azurite.port
            OwnBlobHandler.faults, OwnBlobHandler.token = self.faults, self.token
            for listener in self._listeners:
                listener.begin()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything; what was in memory is gone."""
        for listener in self._listeners:
            listener.end()
        self._listeners = []
        if self._consoles is not None:
            self._consoles.close()
            self._consoles = None
        if self._azurite is not None:
            self._azurite.stop()
            self._azurite = None

    def seed_defaults(self) -> None:
        """Make the network, the security group and the snapshot a demonstration needs."""
        seed(
            self.endpoint,
            self.credential,
            ca_bundle=self.ca_bundle,
            subscription_id=self.subscription_id,
            resource_group=self.resource_group,
            location=self.location,
        )

    def cut_blobs(self) -> None:
        """Let the blob endpoint vanish: connections are hung up, new ones are refused."""
        self._blob_handler().cut = True
        self._listeners[1].end()

    def mend_blobs(self) -> None:
        """Bring it back at its old address; nothing when it is there."""
        gone = self._listeners[1]
        if not self._blob_handler().cut:
            return
        self._blob_handler().cut = False
        self._listeners[1] = Listener(gone.handler, gone.context, gone.server_address[1])
        self._listeners[1].begin()

    def compare_pages(self, *, compares: bool) -> None:
        """Whether page ranges that differ are listed; without that all are, as by Azurite."""
        self._blob_handler().compares = compares

    def _blob_handler(self) -> type[BlobHandler]:
        return cast("type[BlobHandler]", self._listeners[1].handler)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self.stop()


def default_azurite_cache(repo_root: Path) -> Path:
    """Where Azurite is installed: COLDFERRY_AZURITE_DIR, else ``.cache/azurite`` of the project."""
    chosen = os.environ.get("COLDFERRY_AZURITE_DIR")
    return Path(chosen) if chosen else repo_root / ".cache" / "azurite"
