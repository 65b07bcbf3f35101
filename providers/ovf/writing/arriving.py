"""The machine that a package is of: the plan's, with every verdict carried out."""

from typing import Any

from coldferry.leaves import pattern_of
from coldferry.machine import UNKNOWN, Machine, Origin
from coldferry.plan import Plan
from coldferry.translation import Verdict

_GONE: dict[str, Any] = {
    "tenancy": UNKNOWN,
    "zone": UNKNOWN,
    "licence.platform": UNKNOWN,
    "nics[].mac": UNKNOWN,
}
"""What stands for a value that was dropped, where None cannot."""

_LISTS = ("ephemeral_disks", "network_filesystems", "relations")
"""Of which nothing is in a package."""


def arriving(plan: Plan, origin: Origin) -> Machine:
    """What comes back when the package is described again; ``origin`` is where it stands then."""
    data = plan.machine.model_dump()
    for field in plan.translation.fields:
        if field.verdict is Verdict.EQUIVALENT and field.target is not None:
            _put(data, field.path, field.target)
        elif field.verdict in (Verdict.DROPPED, Verdict.IMPOSSIBLE):
            absent = _GONE.get(pattern_of(field.path))
            _put(data, field.path, absent if field.target is None else field.target)
    data["origin"] = origin.model_dump()
    data.update(dict.fromkeys(_LISTS, ()), user_data=None)
    data["licence"]["product_codes"] = data["licence"]["product_codes"] or ()
    for index, nic in enumerate(data["nics"]):
        nic.update(id=f"nic{index}", security_groups=())
    data["disks"] = [data["disks"][device.index] for device in plan.devices]
    for number, disk in enumerate(data["disks"]):
        disk["id"] = f"vmdisk{number}"
    return Machine.model_validate(data)


def _put(data: dict[str, Any], path: str, value: Any) -> None:
    """Set the leaf at ``path``; one inside a part that is not there is not set."""
    *parents, last = path.replace("[", ".").replace("]", "").split(".")
    at: Any = data
    for word in parents:
        at = at[int(word)] if word.isdigit() else at[word]
        if at is None:
            return
    at[last] = value
