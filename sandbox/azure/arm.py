"""Azure Resource Manager: from a request to the rule that answers it.

Sources: the ARM RPC contract (statuses, asynchronous operations, errors),
"Azure custom roles" (actions and notActions), "Lock your resources"
(a ReadOnly lock also refuses POST actions).
"""

import copy
import re
from fnmatch import fnmatchcase
from typing import Any

from sandbox.azure import checks, locks, shapes
from sandbox.azure.disks import Disks
from sandbox.azure.errors import ArmError, not_allowed
from sandbox.azure.kinds import Accepted, Call, Kind, Reply
from sandbox.azure.listings import Listings
from sandbox.azure.machines import Machines
from sandbox.azure.network_interfaces import NetworkInterfaces
from sandbox.azure.operations import Operation
from sandbox.azure.paths import Target, parse
from sandbox.azure.public_addresses import PublicAddresses
from sandbox.azure.security_groups import SecurityGroups
from sandbox.azure.snapshots import Snapshots
from sandbox.azure.virtual_networks import Subnets, VirtualNetworks
from sandbox.azure.world import Json, Resource, World
from sandbox.faults import Fault

KINDS: tuple[type[Kind], ...] = (
    Disks,
    Snapshots,
    Machines,
    NetworkInterfaces,
    SecurityGroups,
    VirtualNetworks,
    Subnets,
    PublicAddresses,
)
ACTIONS = {
    name.lower(): name
    for name in (
        "beginGetAccess",
        "endGetAccess",
        "start",
        "powerOff",
        "deallocate",
        "restart",
        "instanceView",
        "retrieveBootDiagnosticsData",
    )
}
QUERY_OPTIONS = frozenset(
    {
        "api-version",
        "$expand",
        "$filter",
        "$skiptoken",
        "forcedeletion",
        "skipshutdown",
        "sasuriexpirationtimeinminutes",
        "monitor",
        "includeextendedlocations",
    }
)
VERBS = {"GET": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}
POLL_PAUSE_MS = 50


class Arm:
    """All resource providers of the double."""

    def __init__(self, world: World, endpoint: str, retry_after_s: int) -> None:
        self.world = world
        self.puts: list[Json] = []
        self._endpoint = endpoint
        self._retry_after_s = retry_after_s
        self._kinds = {kind.kind: kind(world) for kind in KINDS}
        self._listings = Listings(world, endpoint)

    def operation_name(self, method: str, path: str) -> str:
        """The name faults and counts know a request by."""
        try:
            target = parse(path)
        except ArmError:
            return "unknown:unknown"
        if target.action is not None:
            verb = ACTIONS.get(target.action.lower(), target.action)
        elif target.is_collection and method == "GET":
            verb = "list"
        else:
            verb = method.lower()
        return f"{target.service}:{target.kind}.{verb}"

    def handle(
        self, method: str, path: str, query: dict[str, str], body: Any, fault: Fault | None = None
    ) -> Reply:
        """Answer one request whose token was checked already.

        A ``fault`` with a status below 300 lets the request be accepted and its
        long-running operation end as failed with the fault's code.
        """
        with self.world.lock:
            self.world.operations.settle()
            target = parse(path)
            self._check_scope(target)
            unknown = {name for name in query if name.lower() not in QUERY_OPTIONS}
            if unknown:
                raise ArmError(400, "InvalidQueryOption", f"Query options {unknown} are unknown.")
            self._check_version(target, query)
            if target.kind == "operations":
                return self._poll(target, query)
            self._check_rights(method, target)
            call = Call(method, target, query, body, query["api-version"])
            kind = self._kinds.get(target.kind)
            if kind is None or (target.is_collection and method == "GET"):
                if method != "GET":
                    raise ArmError(405, "HttpMethodNotAllowed", f"{method} is not allowed here.")
                return self._listings.answer(call, kind)
            if target.is_collection or target.resource_group is None:
                raise ArmError(405, "HttpMethodNotAllowed", f"{method} is not allowed here.")
            return self._one(kind, call, fault)

    def _one(self, kind: Kind, call: Call, fault: Fault | None) -> Reply:
        method, target = call.method, call.target
        resource_id = self.world.resource_id(kind.arm_type, *target.names)
        old = self.world.find(resource_id)
        going = old is not None and old.properties.get("provisioningState") == "Deleting"
        if going and method != "GET":
            raise not_allowed(f"'{target.name}' is being deleted.")
        if method == "PUT" and target.action is None:
            return self._put(kind, call, old, fault)
        if old is None and method == "DELETE" and target.action is None:
            return Reply(204)
        if old is None:
            raise ArmError(
                404,
                "ResourceNotFound",
                f"The Resource '{kind.arm_type}/{'/'.join(target.names)}' under resource group "
                f"'{target.resource_group}' was not found.",
            )
        if target.action is not None:
            done = kind.action(target.action, call, old)
            return done if isinstance(done, Reply) else self._accept(call, done, fault)
        return self._existing(kind, call, old, fault)

    def _existing(self, kind: Kind, call: Call, old: Resource, fault: Fault | None) -> Reply:
        method = call.method
        if method == "GET":
            return Reply(200, copy.deepcopy(kind.show(old, call)))
        if method == "PATCH":
            shapes.check_body(call.body, kind.patch_model, update=True)
            checks.check_tags(call.body.get("tags"))
            kind.patch(call, old)
            return Reply(200, copy.deepcopy(kind.show(old, call)))
        if method == "DELETE":
            if fault is not None:
                return self._accept(call, Accepted(202, lambda: None), fault)
            finish = kind.delete(old)
            old.properties["provisioningState"] = "Deleting"
            return self._accept(call, Accepted(202, finish), fault)
        raise ArmError(405, "HttpMethodNotAllowed", f"{method} is not allowed here.")

    def _put(self, kind: Kind, call: Call, old: Resource | None, fault: Fault | None) -> Reply:
        record = {"type": kind.arm_type, "api_version": call.api_version, "accepted": False}
        record |= {"id": self.world.resource_id(kind.arm_type, *call.target.names)}
        record |= {"body": copy.deepcopy(call.body)}
        self.puts.append(record)
        shapes.check_body(call.body, kind.model)
        checks.check_name(call.target.name, kind.name_rule)
        if kind.kind != "subnets":
            location = call.body.get("location")
            if location is None:
                raise ArmError(400, "LocationRequired", "The location property is required.")
            existing = old.body["location"] if old is not None else None
            checks.check_location(location, self.world.location, existing)
        checks.check_tags(call.body.get("tags"))
        # What is kept must not change when the caller's record is read.
        call = Call(
            call.method, call.target, call.query, copy.deepcopy(call.body), call.api_version
        )
        finish = kind.put(call, old)
        record["accepted"] = True
        resource = self.world.find(str(record["id"]))
        if resource is None:
            raise RuntimeError(f"{kind.kind} did not keep its new resource")

        def finish_and_show() -> Json:
            finish()
            shown: Json = copy.deepcopy(kind.show(resource, call))
            return shown

        status = kind.put_statuses[0 if old is None else 1]
        body = copy.deepcopy(kind.show(resource, call))
        if fault is not None:
            resource.properties["provisioningState"] = "Failed"
        return self._accept(call, Accepted(status, finish_and_show, body), fault)

    def _accept(self, call: Call, accepted: Accepted, fault: Fault | None) -> Reply:
        finish = accepted.finish
        if fault is not None:
            refusal = ArmError(409, fault.code, fault.message)

            def finish() -> Json | None:
                raise refusal

        operation = self.world.operations.begin(finish)
        headers = self._poll_headers(operation, call.target.namespace, call.api_version)
        return Reply(accepted.status, accepted.body, headers)

    def _poll_headers(self, operation: Operation, namespace: str, version: str) -> dict[str, str]:
        address = (
            f"{self._endpoint}/subscriptions/{self.world.subscription_id}/providers/{namespace}"
            f"/locations/{self.world.location}/operations/{operation.id}?api-version={version}"
        )
        pause = self._pause()
        return {"Azure-AsyncOperation": address, "Location": f"{address}&monitor=true"} | pause

    def _pause(self) -> dict[str, str]:
        # The SDK takes "Retry-After: 0" for no header at all and waits its own 30 seconds.
        if self._retry_after_s > 0:
            return {"Retry-After": str(self._retry_after_s)}
        return {"x-ms-retry-after-ms": str(POLL_PAUSE_MS)}

    def _poll(self, target: Target, query: dict[str, str]) -> Reply:
        operation = self.world.operations.find(target.name)
        if operation is None:
            raise ArmError(404, "NotFound", f"There is no operation '{target.name}'.")
        pause = self._pause() if operation.status == "InProgress" else {}
        if query.get("monitor") != "true":
            return Reply(200, operation.document(), pause)
        if operation.status == "InProgress":
            again = self._poll_headers(operation, target.namespace, query["api-version"])
            return Reply(202, None, {"Location": again["Location"]} | pause)
        if operation.error is not None:
            raise operation.error
        return Reply(200 if operation.output is not None else 204, operation.output)

    def _check_scope(self, target: Target) -> None:
        if target.subscription_id.lower() != self.world.subscription_id.lower():
            raise ArmError(
                404,
                "SubscriptionNotFound",
                f"The subscription '{target.subscription_id}' could not be found.",
            )
        group = target.resource_group
        if group is not None and group.lower() != self.world.resource_group.lower():
            raise ArmError(
                404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found."
            )

    def _check_version(self, target: Target, query: dict[str, str]) -> None:
        version = query.get("api-version")
        if version is None:
            raise ArmError(
                400, "MissingApiVersionParameter", "The api-version query parameter is required."
            )
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}(-preview)?", version):
            raise ArmError(
                400, "InvalidApiVersionParameter", f"The api-version '{version}' is invalid."
            )
        if target.kind == "operations":
            return
        kind = self._kinds.get(target.kind)
        known = kind.api_versions if kind else self._listings.api_versions(target)
        if version not in known:
            raise ArmError(
                400,
                "NoRegisteredProviderFound",
                f"No registered resource provider found for API version '{version}' for type "
                f"'{target.kind}'. The supported api-versions are '{', '.join(sorted(known))}'.",
            )

    def _check_rights(self, method: str, target: Target) -> None:
        if target.kind == "permissions":
            return
        action = self._action(method, target).lower()
        settings = self.world.settings
        allowed = any(fnmatchcase(action, pattern.lower()) for pattern in settings.actions)
        denied = any(fnmatchcase(action, pattern.lower()) for pattern in settings.not_actions)
        if not allowed or denied:
            raise ArmError(
                403,
                "AuthorizationFailed",
                f"The client does not have authorization to perform action '{action}' over scope "
                f"'/subscriptions/{self.world.subscription_id}'.",
            )
        if method == "GET":
            return
        kind = self._kinds.get(target.kind)
        arm_type = kind.arm_type if kind else f"{target.namespace}/{target.kind}"
        resource_id = self.world.resource_id(arm_type, *target.names)
        locks.refuse_locked(self.world, resource_id, action, deletes=method == "DELETE")

    def _action(self, method: str, target: Target) -> str:
        kind = self._kinds.get(target.kind)
        arm_type = kind.arm_type if kind else f"{target.namespace}/{target.kind}"
        if target.kind == "resourceGroups":
            arm_type = "Microsoft.Resources/subscriptions/resourceGroups"
        elif target.kind == "usages":
            arm_type = f"{target.namespace}/locations/usages"
        if target.action is None:
            return f"{arm_type}/{VERBS.get(method, 'action')}"
        return f"{arm_type}/{target.action}/{'read' if method == 'GET' else 'action'}"
