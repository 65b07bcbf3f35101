"""Starting, stopping, restarting, each returning when libvirt has said so.

Pages: ``virDomainGetState``, ``virDomainShutdown`` ("the guest OS may ignore the request"),
``virDomainDestroy`` (libvirt.org).
"""

import time
from typing import Any

from coldferry.errors import Conflict, UnknownMachine, WillNotStop
from coldferry.ports import PowerState
from providers.libvirt.connection import Host, library, speaking
from providers.libvirt.xml_text import quoted

_PAUSE_S = 0.25
_ASK_AGAIN_S = 2.0
"""A guest that has not come up yet does not hear the power button: it is pressed again."""


def domain(host: Host, vm: str) -> Any:
    """Libvirt's object. Raises UnknownMachine."""
    unknown = UnknownMachine(f"There is no machine '{vm}' at {host.scope}.", "'virsh list --all'.")
    with speaking("find the machine", vm, unknown):
        return host.connection().lookupByName(vm)


def state_of(handle: Any) -> PowerState:
    """The state as of now; a machine that is paused or crashed holds its disks, so it runs."""
    lib = library()
    with speaking("look at the machine", handle.name()):
        said = handle.state(0)[0]
    if said == lib.VIR_DOMAIN_SHUTOFF:
        return PowerState.STOPPED
    return PowerState.STOPPING if said == lib.VIR_DOMAIN_SHUTDOWN else PowerState.RUNNING


def start(host: Host, vm: str) -> None:
    """Return once it runs. A managed save is refused: it would go on where it was saved."""
    handle = domain(host, vm)
    with speaking("start the machine", vm):
        if handle.isActive():
            return
        if handle.hasManagedSaveImage(0):
            raise Conflict(f"{vm} was saved with its memory.",
                           f"Give that up: virsh managedsave-remove {quoted(vm)}")  # fmt: skip
        handle.create()


def stop(host: Host, vm: str, *, force: bool, timeout_s: float) -> None:
    """Return once libvirt said shut off twice in a row. Raises WillNotStop; never undefines."""
    handle = domain(host, vm)
    deadline = time.monotonic() + timeout_s
    asked_at, stopped_before = 0.0, False
    while True:
        stopped = state_of(handle) is PowerState.STOPPED
        if stopped and stopped_before:
            return
        stopped_before = stopped
        now = time.monotonic()
        if not stopped and now - asked_at >= _ASK_AGAIN_S:
            _order(handle, force=force)
            asked_at = now
        if not stopped and now >= deadline:
            raise WillNotStop(
                f"{vm} is {state_of(handle)}, not stopped, after {timeout_s:.0f} s.",
                "Look at what holds up its shutdown, then run the same command again; "
                "'coldferry stop --force' cuts the power.",
                resumable=True,
            )
        time.sleep(_PAUSE_S)


def reboot(host: Host, vm: str) -> None:
    """Return once libvirt took the order."""
    with speaking("restart the machine", vm):
        domain(host, vm).reboot(0)


def _order(handle: Any, *, force: bool) -> None:
    """Press the button, or cut the power. That it stopped meanwhile is no error."""
    lib = library()
    try:
        handle.destroy() if force else handle.shutdown()
    except lib.libvirtError as error:
        if error.get_error_code() != lib.VIR_ERR_OPERATION_INVALID:
            with speaking("stop the machine", handle.name()):
                raise
