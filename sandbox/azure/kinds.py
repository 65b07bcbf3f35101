"""What every resource type of the double can do, and the answers they give."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sandbox.azure.errors import ArmError
from sandbox.azure.paths import Target
from sandbox.azure.world import Json, Resource, World


@dataclass(frozen=True)
class Call:
    """One authorised ARM request."""

    method: str
    target: Target
    query: dict[str, str]
    body: Any
    api_version: str


@dataclass(frozen=True)
class Reply:
    """A finished answer."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Accepted:
    """A long-running answer: ``finish`` is called when its time has come."""

    status: int
    finish: Callable[[], Json | None]
    body: Any = None


class Kind(ABC):
    """One resource type.

    ``put_statuses`` are the codes for a new and for an existing resource; they
    differ between providers and the SDK refuses others.
    """

    arm_type: ClassVar[str]
    kind: ClassVar[str]
    model: ClassVar[type]
    patch_model: ClassVar[type]
    api_versions: ClassVar[frozenset[str]]
    name_rule: ClassVar[re.Pattern[str]]
    put_statuses: ClassVar[tuple[int, int]] = (201, 200)

    def __init__(self, world: World) -> None:
        self.world = world

    @abstractmethod
    def put(self, call: Call, old: Resource | None) -> Callable[[], Json | None]:
        """Create or replace; answers what is left to do later."""

    @abstractmethod
    def delete(self, resource: Resource) -> Callable[[], Json | None]:
        """Check that it may go; answers what is left to do later."""

    def patch(self, call: Call, resource: Resource) -> None:
        """Change what a PATCH names: by default the tags and nothing else."""
        unknown = set(call.body) - {"tags"}
        if unknown:
            raise ArmError(
                400, "InvalidRequestContent", f"This sandbox patches only tags, not {unknown}."
            )
        resource.body["tags"] = call.body.get("tags") or {}

    def action(self, name: str, call: Call, resource: Resource) -> Reply | Accepted:
        """Run a POST action or read a sub-document."""
        raise ArmError(404, "InvalidResourceType", f"{self.kind} has no action '{name}' here.")

    def show(self, resource: Resource, call: Call) -> Json:
        """The resource as a GET answers it."""
        return resource.body

    def new(self, call: Call, body: Json) -> Resource:
        """Make and keep a new resource with the members all of them have."""
        names = call.target.names
        resource_id = self.world.resource_id(self.arm_type, *names)
        head = {"id": resource_id, "name": names[-1], "type": self.arm_type}
        resource = Resource(resource_id, self.kind, names[-1], head | body)
        self.world.add(resource)
        return resource


def succeed(resource: Resource) -> Callable[[], Json | None]:
    """The usual rest of a PUT: the resource becomes ready."""

    def finish() -> Json | None:
        resource.properties["provisioningState"] = "Succeeded"
        return None

    return finish
