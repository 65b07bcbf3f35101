"""A guest started under QEMU's own emulation; never KVM, which may be there and not work."""

from collections.abc import Callable
from pathlib import Path

from sandbox.hypervisor import Bus, Emulated, Firmware, lacking
from tests.debian import give_up, install


def boot(
    image: Path,
    firmware: Firmware,
    bus: Bus = "virtio",
    *,
    data: Path | None = None,
    kept: bool = False,
    timeout_s: float = 300,
) -> list[str]:
    """What the guest said of itself until it was off; its disks stay as they are unless ``kept``.

    ``data`` is a second disk. An empty list means that it said nothing of itself.
    """
    lines = console_of(image, firmware, bus, data=data, kept=kept, timeout_s=timeout_s)
    marked = (line.partition("@@GUEST@@ ") for line in lines.splitlines())
    return [said.strip() for _, mark, said in marked if mark]


def console_of(
    image: Path,
    firmware: Firmware,
    bus: Bus = "virtio",
    *,
    data: Path | None = None,
    kept: bool = False,
    timeout_s: float = 300,
    until: Callable[[str], bool] = lambda _: False,
) -> str:
    """All that its first serial port showed until it was off, or what it said was enough.

    Skips the test where QEMU cannot be had.
    """
    if absent := lacking(firmware):
        install(*absent)
        if absent := lacking(firmware):
            give_up(f"a guest cannot be started without {', '.join(absent)}")
    disks = [image] if data is None else [image, data]
    with Emulated(disks, firmware, bus, kept=kept) as machine:
        machine.wait(timeout_s, until)
        return machine.console()
