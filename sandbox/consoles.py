"""Consoles of a pretended cloud's machines: what QEMU prints when it starts their stored disks.

Nothing that a guest writes reaches those: what is shown here is the console, not a running
machine. The bus is NVMe: EC2's own, and the nearest that QEMU has to Hyper-V's, which cannot be
shown.
"""

import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sandbox.hypervisor import Emulated, Firmware, lacking

_LONGEST_S = 3600.0
_STOP_WITHIN_S = 30.0


class Removed(Exception):
    """A stored disk is not there any more."""


class StoredDisk(Protocol):
    """A disk that a cloud keeps."""

    def save(self, image: Path) -> None:
        """Write all of it to a raw file, holes where it has none. Raises Removed."""


@dataclass
class _Screen:
    off: threading.Event = field(default_factory=threading.Event)
    text: str = ""
    thread: threading.Thread | None = None
    machine: Emulated | None = None


class Consoles:
    """One for each machine that was started, by any word for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._screens: dict[str, _Screen] = {}

    def start(self, machine: str, disks: Sequence[StoredDisk], firmware: Firmware) -> None:
        """Start it anew; answers at once."""
        self.stop(machine)
        screen = _Screen()
        # Its own thread: QEMU dies with the thread that started it.
        screen.thread = threading.Thread(
            target=self._show, args=(screen, list(disks), firmware), daemon=True
        )
        with self._lock:
            self._screens[machine] = screen
        screen.thread.start()

    def started(self, machine: str) -> bool:
        """It has one, also once it is off."""
        with self._lock:
            return machine in self._screens

    def text(self, machine: str) -> str:
        """What it has said since it was started last; it stays once the machine is off."""
        with self._lock:
            screen = self._screens.get(machine)
        if screen is None:
            return ""
        running = screen.machine
        return screen.text if running is None else running.console() or screen.text

    def stop(self, machine: str) -> None:
        """Cut its power."""
        with self._lock:
            screen = self._screens.get(machine)
        if screen is not None and screen.thread is not None:
            screen.off.set()
            screen.thread.join(_STOP_WITHIN_S)

    def forget(self, machine: str) -> None:
        """Cut its power, and throw away what it said."""
        self.stop(machine)
        with self._lock:
            self._screens.pop(machine, None)

    def close(self) -> None:
        """All of them."""
        for machine in list(self._screens):
            self.forget(machine)

    def _show(self, screen: _Screen, disks: Sequence[StoredDisk], firmware: Firmware) -> None:
        if absent := lacking(firmware):
            screen.text = (
                "This sandbox has no hypervisor, and started nothing: "
                f"{', '.join(absent)} is not installed.\n"
            )
            return
        with tempfile.TemporaryDirectory() as folder:
            images = [Path(folder) / f"disk{number}.raw" for number in range(len(disks))]
            try:
                for image, disk in zip(images, disks, strict=True):
                    disk.save(image)
            except Removed:  # with its machine, meanwhile
                screen.text = "This sandbox could not read the stored disks.\n"
                return
            with Emulated(images, firmware, "nvme") as machine:
                screen.machine = machine
                machine.wait(_LONGEST_S, off=screen.off)
                screen.text = machine.console()
                screen.machine = None
