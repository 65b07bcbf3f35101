"""Network security groups.

Source: REST reference of Network Security Groups, "Network security groups"
(priority 100 to 4096, unique per direction; the default rules).
"""

from collections.abc import Callable

from azure.mgmt.network import models

from sandbox.azure import checks
from sandbox.azure.errors import ArmError
from sandbox.azure.kinds import Call, succeed
from sandbox.azure.network_kind import NetworkKind
from sandbox.azure.world import Json, Resource

RULE_NAME = checks.NETWORK_NAME
DEFAULT_RULES = (
    ("AllowVnetInBound", "VirtualNetwork", "VirtualNetwork", "Allow", 65000, "Inbound"),
    ("AllowAzureLoadBalancerInBound", "AzureLoadBalancer", "*", "Allow", 65001, "Inbound"),
    ("DenyAllInBound", "*", "*", "Deny", 65500, "Inbound"),
    ("AllowVnetOutBound", "VirtualNetwork", "VirtualNetwork", "Allow", 65000, "Outbound"),
    ("AllowInternetOutBound", "*", "Internet", "Allow", 65001, "Outbound"),
    ("DenyAllOutBound", "*", "*", "Deny", 65500, "Outbound"),
)
# Each rule names one of the two forms.
PAIRS = (
    ("sourceAddressPrefix", "sourceAddressPrefixes", "sourceApplicationSecurityGroups"),
    (
        "destinationAddressPrefix",
        "destinationAddressPrefixes",
        "destinationApplicationSecurityGroups",
    ),
    ("sourcePortRange", "sourcePortRanges"),
    ("destinationPortRange", "destinationPortRanges"),
)


class SecurityGroups(NetworkKind):
    """``Microsoft.Network/networkSecurityGroups``."""

    arm_type = "Microsoft.Network/networkSecurityGroups"
    kind = "networkSecurityGroups"
    model = models.NetworkSecurityGroup
    patch_model = models.TagsObject

    def put(self, call: Call, old: Resource | None) -> Callable[[], Json | None]:
        """Create or replace a group with all its rules."""
        properties: Json = dict(call.body.get("properties") or {})
        rules = properties.get("securityRules") or []
        _check_rules(rules)
        group_id = self.world.resource_id(self.arm_type, call.target.name)
        properties["securityRules"] = [_shown(group_id, "securityRules", rule) for rule in rules]
        properties["defaultSecurityRules"] = [
            _shown(group_id, "defaultSecurityRules", rule) for rule in _default_rules()
        ]
        properties["provisioningState"] = "Updating"
        made = {"location": call.body["location"], "tags": call.body.get("tags") or {}}
        return succeed(self.new(call, made | {"properties": properties}))

    def delete(self, resource: Resource) -> Callable[[], Json | None]:
        """Delete a group that neither an interface nor a subnet uses."""
        for kind in ("networkInterfaces", "subnets"):
            for user in self.world.of_kind(kind):
                group = user.properties.get("networkSecurityGroup") or {}
                if group.get("id", "").lower() == resource.id.lower():
                    raise ArmError(
                        400,
                        "InUseNetworkSecurityGroupCannotBeDeleted",
                        f"Network security group {resource.name} cannot be deleted because it is "
                        f"in use by {user.id}.",
                    )

        def finish() -> Json | None:
            self.world.remove(resource)
            return None

        return finish


def _check_rules(rules: list[Json]) -> None:
    taken: dict[tuple[str, int], str] = {}
    names: set[str] = set()
    for rule in rules:
        name = rule.get("name") or ""
        checks.check_name(name, RULE_NAME)
        if name.lower() in names:
            raise ArmError(400, "SecurityRuleConflict", f"The rule name '{name}' is given twice.")
        names.add(name.lower())
        properties = rule.get("properties") or {}
        priority, direction = properties.get("priority"), properties.get("direction")
        if not isinstance(priority, int) or not 100 <= priority <= 4096:
            raise ArmError(
                400,
                "SecurityRuleInvalidPriority",
                f"Security rule has invalid priority. Priority: {priority} for rule {name} is "
                "invalid. Value provided should be in the range 100-4096.",
            )
        other = taken.setdefault((str(direction), priority), name)
        if other != name:
            raise ArmError(
                400,
                "SecurityRuleConflict",
                f"Security rule {name} conflicts with rule {other}. Rules cannot have the same "
                "Priority and Direction.",
            )
        for forms in PAIRS:
            if sum(bool(properties.get(form)) for form in forms) != 1:
                raise ArmError(
                    400,
                    "SecurityRuleParameterMissing",
                    f"Security rule {name} must name exactly one of {', '.join(forms)}.",
                )


def _default_rules() -> list[Json]:
    return [
        {
            "name": name,
            "properties": {
                "protocol": "*",
                "sourcePortRange": "*",
                "destinationPortRange": "*",
                "sourceAddressPrefix": source,
                "destinationAddressPrefix": destination,
                "access": access,
                "priority": priority,
                "direction": direction,
            },
        }
        for name, source, destination, access, priority, direction in DEFAULT_RULES
    ]


def _shown(group_id: str, collection: str, rule: Json) -> Json:
    properties = (rule.get("properties") or {}) | {"provisioningState": "Succeeded"}
    rule_id = f"{group_id}/{collection}/{rule['name']}"
    return {"id": rule_id, "name": rule["name"], "properties": properties}
