"""QEMU as the hypervisor of a pretended cloud: disks started under emulation, their console read.

Never KVM: a device file may be there and start no guest. The disks are raw images whose format
is always named, so that nothing a guest wrote makes QEMU read another file.
"""

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Self

Firmware = Literal["bios", "uefi"]
Bus = Literal["virtio", "nvme", "ide", "virtio-scsi"]

PROGRAM = "qemu-system-x86_64"
OVMF = Path("/usr/share/OVMF")
_SEARCHED = f"{os.environ.get('PATH', '')}:/usr/bin:/usr/sbin:/sbin"
_BUSES: dict[Bus, tuple[str, str]] = {
    # What comes once, and what comes for each disk.
    "virtio": ("", "virtio-blk-pci,drive={0}"),
    "nvme": ("", "nvme,drive={0},serial={0}"),
    "ide": ("", "ide-hd,drive={0}"),
    "virtio-scsi": ("virtio-scsi-pci", "scsi-hd,drive={0}"),
}


def lacking(firmware: Firmware) -> list[str]:
    """The Debian packages without which nothing is started by this firmware."""
    wanted = {"qemu-system-x86": shutil.which(PROGRAM, path=_SEARCHED) is not None}
    if firmware == "uefi":
        wanted["ovmf"] = (OVMF / "OVMF_CODE_4M.fd").exists()
    return [package for package, there in wanted.items() if not there]


class Emulated:
    """One machine from its power on; leaving the block, or the thread's end, cuts its power.

    The disks (the root disk first) stay as they are unless ``kept``; a reboot is the end, as is
    a guest's own power off. It reaches no network, and nothing reaches it.
    """

    def __init__(
        self,
        disks: Sequence[Path],
        firmware: Firmware,
        bus: Bus = "virtio",
        *,
        kept: bool = False,
        memory_mib: int = 512,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._serial = Path(self._folder.name) / "serial"
        # Whoever started it may be killed: it must not run on.
        bound = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        words = [
            *bound, PROGRAM, "-accel", "tcg,thread=multi", "-cpu", "max", "-m", str(memory_mib),
            "-machine", "pc,graphics=off", "-nodefaults", "-display", "none", "-no-reboot",
            "-boot", "strict=on",  # from its first disk or not at all
            "-serial", f"file:{self._serial}",
            "-netdev", "user,id=n,restrict=on", "-device", "virtio-net-pci,netdev=n,romfile=",
        ]  # fmt: skip
        once, each = _BUSES[bus]
        words += ["-device", once] if once else []
        for number, disk in enumerate(disks):
            name = f"disk{number}"
            path = str(disk).replace(",", ",,")
            spared = "off" if kept else "on"
            words += ["-drive", f"file={path},format=raw,if=none,id={name},snapshot={spared}"]
            words += ["-device", each.format(name) + (",bootindex=0" if number == 0 else "")]
        if firmware == "uefi":
            variables = Path(self._folder.name) / "variables"
            shutil.copyfile(OVMF / "OVMF_VARS_4M.fd", variables)
            code = OVMF / "OVMF_CODE_4M.fd"
            words += ["-drive", f"if=pflash,format=raw,readonly=on,file={code}"]
            words += ["-drive", f"if=pflash,format=raw,file={variables}"]
        self._process = subprocess.Popen(
            words,
            env={"PATH": _SEARCHED, "TMPDIR": self._folder.name},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    @property
    def running(self) -> bool:
        """It has not powered itself off."""
        return self._process.poll() is None

    def console(self) -> str:
        """All that it has said on its first serial port so far."""
        return self._serial.read_text(errors="replace") if self._serial.exists() else ""

    def wait(
        self,
        timeout_s: float,
        until: Callable[[str], bool] = lambda _: False,
        off: threading.Event | None = None,
    ) -> None:
        """Return once it is off, what it said is enough, ``off`` is set, or the time is over."""
        wanted_off = off or threading.Event()
        deadline = time.monotonic() + timeout_s
        while self.running and time.monotonic() < deadline and not wanted_off.wait(0.2):
            if until(self.console()):
                return

    def cut(self) -> None:
        """Off at once; nothing for one that is."""
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        self.cut()
