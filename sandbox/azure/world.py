"""The state of one pretended subscription: its resources and its settings.

Everything is in memory; only blobs lie on disk. One lock guards it all, which
also makes each ARM call atomic.
"""

import datetime as dt
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox.azure.blobs import Blobs
from sandbox.azure.errors import ArmError
from sandbox.azure.operations import Operations
from sandbox.azure.sizes import Catalogue
from sandbox.consoles import Consoles

Json = dict[str, Any]


@dataclass
class Resource:
    """One ARM resource: what clients see in ``body``, what only the double knows in ``private``."""

    id: str
    kind: str
    name: str
    body: Json
    private: Json = field(default_factory=dict)

    @property
    def properties(self) -> Json:
        """The resource's ``properties``."""
        found: Json = self.body["properties"]
        return found


@dataclass
class Settings:
    """What a test may set: limits, rights and locks."""

    core_limit: int = 350
    family_core_limit: int = 350
    machine_limit: int = 25000
    disk_limits: dict[str, int] = field(default_factory=dict)
    network_limits: dict[str, int] = field(default_factory=dict)
    actions: list[str] = field(default_factory=lambda: ["*"])
    not_actions: list[str] = field(default_factory=list)
    locks: list[Json] = field(default_factory=list)
    imposed_network_access: str = ""
    """A policy with the effect "modify" gives every new disk this networkAccessPolicy."""


class World:
    """The resources of one subscription with one resource group."""

    def __init__(
        self,
        subscription_id: str,
        resource_group: str,
        location: str,
        blobs: Blobs,
        operations: Operations,
    ) -> None:
        self.subscription_id = subscription_id
        self.resource_group = resource_group
        self.location = location
        self.blobs = blobs
        self.consoles = Consoles()
        self.operations = operations
        self.catalogue = Catalogue(location)
        self.settings = Settings()
        self.lock = threading.RLock()
        self._resources: dict[str, Resource] = {}

    def resource_id(self, arm_type: str, *names: str) -> str:
        """The id of a resource of ``arm_type`` (``Microsoft.Compute/disks``)."""
        namespace, *types = arm_type.split("/")
        group = f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
        parts = "".join(f"/{kind}/{name}" for kind, name in zip(types, names, strict=True))
        return f"{group}/providers/{namespace}{parts}"

    def find(self, resource_id: str) -> Resource | None:
        """The resource with that id, whatever its case, or None."""
        return self._resources.get(resource_id.lower())

    def referenced(self, resource_id: object, kind: str, target: str) -> Resource:
        """A resource named in a request body; refuses when it is missing or of another kind."""
        if not isinstance(resource_id, str) or not resource_id.startswith("/"):
            raise ArmError(
                400, "LinkedInvalidPropertyId", f"Property id '{resource_id}' is invalid.", target
            )
        found = self.find(resource_id)
        if found is None or found.kind != kind:
            raise ArmError(
                404, "NotFound", f"The entity '{resource_id}' was not found ({kind}).", target
            )
        return found

    def add(self, resource: Resource) -> None:
        """Keep a new resource."""
        self._resources[resource.id.lower()] = resource

    def remove(self, resource: Resource) -> None:
        """Forget a resource."""
        self._resources.pop(resource.id.lower(), None)

    def of_kind(self, kind: str) -> Iterator[Resource]:
        """All resources of one kind, in order of their names."""
        found = [item for item in self._resources.values() if item.kind == kind]
        return iter(sorted(found, key=lambda item: item.id.lower()))


def now_text() -> str:
    """The time now, as ARM writes it."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")


def new_guid() -> str:
    """A new random GUID."""
    return str(uuid.uuid4())
