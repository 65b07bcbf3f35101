"""What our tags on a VM say.

Pages: "Virtual Machines - Update" (its tags are replaced as a whole), "Use tags to organize your
Azure resources" (names without regard to case).
"""

from collections.abc import Iterator

from coldferry.errors import Refused
from coldferry.migration import ATTEMPT_TAG, POWER_TAG, Marks
from providers.azure.client import Arm
from providers.azure.ids import Json, part, same, tag
from providers.azure.kinds import VM
from providers.azure.power import read_vm


def read_marks(arm: Arm, vm: str) -> Marks | None:
    """The marks as of now; None without any. Raises UnknownMachine."""
    return _marks_of(read_vm(arm, vm))


def write_marks(arm: Arm, vm: str, marks: Marks) -> None:
    """Set both tags, and leave all others as a fresh read found them. Idempotent."""
    found = read_vm(arm, vm)
    if not is_here(arm, found):
        raise Refused(
            f"VM '{found['name']}' is in another resource group than "
            f"'{arm.access.resource_group}', which the block names.",
            "Use a block that names its resource group.",
        )
    ours = {ATTEMPT_TAG.lower(), POWER_TAG.lower()}
    before: dict[str, str] = found.get("tags") or {}
    tags = {key: value for key, value in before.items() if key.lower() not in ours}
    tags[ATTEMPT_TAG] = marks.tag(found["name"])
    if marks.power_before is not None:
        tags[POWER_TAG] = marks.power_before
    if tags != before:
        arm.set_tags(VM, found["name"], tags)


def marked_machines(arm: Arm) -> Iterator[tuple[str, Marks]]:
    """``(full id, marks)`` of every VM in the resource group that bears an attempt's tag."""
    for found in arm.in_group(VM):
        marks = _marks_of(found)
        if marks is not None:  # a tag that a stranger wrote, or a copied one, is none
            yield str(found["id"]), marks


def is_here(arm: Arm, vm: Json) -> bool:
    """The VM is in the block's resource group: only there its marks are found again."""
    return same(part(str(vm["id"]), "resourceGroups"), arm.access.resource_group)


def _marks_of(vm: Json) -> Marks | None:
    return Marks.parse(tag(vm, ATTEMPT_TAG) or "", tag(vm, POWER_TAG), str(vm["name"]))
