"""Starting and stopping a VM. Stopped means deallocated: it neither runs nor costs.

Page: "States and billing status of Azure Virtual Machines".
"""

import time

from coldferry.errors import Gone, Transient, UnknownMachine, WillNotStop
from coldferry.ports import PowerState
from providers.azure.client import Arm
from providers.azure.ids import Json, last, part, same
from providers.azure.kinds import VM

_STATES = {
    "running": PowerState.RUNNING,
    "starting": PowerState.STARTING,
    "stopping": PowerState.STOPPING,
    "deallocating": PowerState.STOPPING,
    "stopped": PowerState.STOPPED,
    "deallocated": PowerState.STOPPED,
}
_START_TIMEOUT_S = 900.0
_PAUSE_S = 1.0


def read_vm(arm: Arm, vm: str) -> Json:
    """A VM with its instance view, by name or full id. Raises UnknownMachine."""
    group = part(vm, "resourceGroups")
    named = part(vm, "subscriptions")
    if not named or same(named, arm.access.subscription_id):
        found = arm.find(VM, last(vm), group, expand="instanceView")
        if found is not None:
            return found
    raise UnknownMachine(
        f"There is no VM '{last(vm)}' in resource group '{group or arm.access.resource_group}'.",
        "Check its name, or give its full resource id.",
    )


def power_word(vm: Json) -> str:
    """Azure's own word: ``running``, ``deallocated``…; ``creating`` while there is none yet."""
    view = (vm.get("properties") or {}).get("instanceView") or {}
    for status in view.get("statuses") or ():
        kind, _, word = str(status.get("code") or "").partition("/")
        if kind.lower() == "powerstate":
            return word.lower()
    return "creating"


def state_of(vm: Json) -> PowerState:
    """The state in our five words; what Azure does not tell is never taken for stopped."""
    if (vm.get("properties") or {}).get("provisioningState") == "Deleting":
        return PowerState.GONE
    return _STATES.get(power_word(vm), PowerState.STARTING)


def start(arm: Arm, vm: str) -> None:
    """Return once Azure said running."""
    found = read_vm(arm, vm)
    name, group = found["name"], part(found["id"], "resourceGroups")
    if state_of(found) is not PowerState.RUNNING:
        arm.act(VM, "start", name, group)
    deadline = time.monotonic() + _START_TIMEOUT_S
    while state_of(read_vm(arm, vm)) is not PowerState.RUNNING:
        if time.monotonic() > deadline:
            raise Transient(f"VM '{name}' is not running {_START_TIMEOUT_S:.0f} s after its start.")
        time.sleep(_PAUSE_S)


def stop(arm: Arm, vm: str, *, force: bool, timeout_s: float) -> None:
    """Shut down, deallocate, and return once two reads in a row said deallocated.

    A VM with an ephemeral OS disk cannot be deallocated: it is powered off ("Ephemeral OS disks
    for Azure VMs"). ``force`` skips the guest's own shutdown. Raises WillNotStop at the deadline.
    """
    deadline = time.monotonic() + timeout_s

    def left_s() -> float:
        return max(0.0, deadline - time.monotonic())

    found = read_vm(arm, vm)
    name, group = found["name"], part(found["id"], "resourceGroups")
    off = power_word(found) in ("stopped", "deallocated", "deallocating")
    if not off:
        # Given with no time left to wait, too: it then goes on alone.
        off = arm.act(VM, "power_off", name, group, within_s=left_s(), skip_shutdown=force)
    rest = "stopped" if _is_ephemeral(found) else "deallocated"
    if off and rest == "deallocated" and power_word(found) != rest:
        arm.act(VM, "deallocate", name, group, within_s=left_s())
    seen = 0
    while True:
        word = power_word(read_vm(arm, vm))
        seen = seen + 1 if word == rest else 0
        if seen == 2:
            return
        if time.monotonic() > deadline:
            raise WillNotStop(
                f"VM '{name}' is {word}, not {rest}, after {timeout_s:.0f} s.",
                "Look at it in the portal; 'coldferry stop --force' cuts the power.",
            )
        if not seen:
            time.sleep(_PAUSE_S)


def _is_ephemeral(vm: Json) -> bool:
    storage = (vm.get("properties") or {}).get("storageProfile") or {}
    return bool((storage.get("osDisk") or {}).get("diffDiskSettings"))


def reboot(arm: Arm, vm: str) -> None:
    """Return once Azure took the order and carried it out."""
    found = read_vm(arm, vm)
    try:
        arm.act(VM, "restart", found["name"], part(found["id"], "resourceGroups"))
    except Gone:
        raise UnknownMachine(f"VM '{found['name']}' vanished before its restart.") from None
