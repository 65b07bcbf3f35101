"""What a new machine takes of an account's quotas and of its subnets. Pure.

Page: "Amazon EC2 On-Demand Instances: quotas" (vCPUs by the family of a type; running machines
count). Storage and snapshots are none: the catalogue does not list what is used of them.
"""

from collections import Counter
from collections.abc import Iterator

from coldferry.offered import origin_mark
from coldferry.plan import Plan
from coldferry.rations import Ration
from providers.aws.catalogue import Catalogue


def rations(plan: Plan, catalogue: Catalogue, scope: str) -> list[Ration]:
    """Of each quota what the machine needs; of what its migration has made nothing."""
    return [*_vcpus(plan, catalogue, scope), *_addresses(plan, catalogue)]


def _vcpus(plan: Plan, catalogue: Catalogue, scope: str) -> Iterator[Ration]:
    kind = catalogue.type(str(plan.value("instance_type")))
    usage = catalogue.quotas.get(kind.quota) if kind is not None else None
    if kind is not None and usage is not None:
        mine = origin_mark(plan.machine)
        made = any(one.origin == mine for one in catalogue.instances)
        yield Ration(
            place=scope, what=f"On-Demand vCPUs ({kind.quota}) in {catalogue.region}",
            needed=0 if made else kind.vcpus, left=usage.left,
        )  # fmt: skip


def _addresses(plan: Plan, catalogue: Catalogue) -> Iterator[Ration]:
    mine = origin_mark(plan.machine)
    chosen = Counter(
        str(plan.value(f"nics[{index}].subnet_id")) for index in range(len(plan.machine.nics))
    )
    for subnet in catalogue.subnets:
        if joining := chosen[subnet.id]:
            own = sum(owner == mine for owner in subnet.used.values())
            yield Ration(
                place=subnet.id, what=f"addresses in {subnet.short}",
                needed=max(0, joining - own), left=subnet.free(),
            )  # fmt: skip
