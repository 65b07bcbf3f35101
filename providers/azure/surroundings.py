"""What stands around an Azure VM and knows it by its id: listed, never carried.

Pages: "Virtual Machines - Get" (availability set, scale set, placement group,
extensions), "Network Interfaces - Get" (pools of load balancers and of
application gateways). Backup vaults, alert rules and DNS zones know a VM too,
and the VM does not know them: they are said to be unknown, not absent.
"""

from collections.abc import Iterable, Iterator

from coldferry.machine import UNKNOWN, Relation, RelationKind
from providers.azure.ids import Json, last, properties

_OF_THE_VM: tuple[tuple[str, RelationKind, str], ...] = (
    ("availabilitySet", "placement group", "availability set"),
    ("proximityPlacementGroup", "placement group", "proximity placement group"),
    ("virtualMachineScaleSet", "scaling group", "virtual machine scale set"),
)

_OF_AN_ADDRESS = (
    ("loadBalancerBackendAddressPools", "pool of a load balancer"),
    ("loadBalancerInboundNatRules", "inbound NAT rule of a load balancer"),
    ("applicationGatewayBackendAddressPools", "pool of an application gateway"),
)

_NOT_TOLD: tuple[tuple[RelationKind, str], ...] = (
    ("alarm", "alert rules are not listed with a VM: look in Azure Monitor"),
    ("backup plan", "backups are not listed with a VM: look in its Recovery Services vault"),
    ("dns record", "records are not listed with a VM: look in the DNS zones"),
)


def relations_of(vm: Json, nics: Iterable[Json]) -> tuple[Relation, ...]:
    """By kind and id; ``vm`` and ``nics`` are whole resources as Azure gives them."""
    found = [
        *_placed(properties(vm)),
        *_extensions(vm),
        *(one for nic in nics for one in _balanced(nic)),
        *(Relation(kind=kind, id=UNKNOWN, detail=why) for kind, why in _NOT_TOLD),
    ]
    return tuple(sorted(dict.fromkeys(found), key=lambda one: (one.kind, one.id)))


def _placed(said: Json) -> Iterator[Relation]:
    for key, kind, words in _OF_THE_VM:
        if resource_id := (said.get(key) or {}).get("id"):
            yield Relation(kind=kind, id=last(resource_id), detail=words)


def _extensions(vm: Json) -> Iterator[Relation]:
    for extension in vm.get("resources") or ():
        kind = properties(extension).get("type") or ""
        name = extension.get("name") or last(extension.get("id") or kind)
        yield Relation(kind="fleet manager", id=name, detail=f"VM extension {kind}".strip())


def _balanced(nic: Json) -> Iterator[Relation]:
    for configuration in properties(nic).get("ipConfigurations") or ():
        for key, words in _OF_AN_ADDRESS:
            for one in properties(configuration).get(key) or ():
                yield Relation(kind="load balancer", id=one["id"], detail=words)
