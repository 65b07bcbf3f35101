"""A guest started under QEMU's own emulation; never KVM, which may be there and not work."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Literal

import pytest

from tests.debian import SEARCHED, lacking

OVMF = Path("/usr/share/OVMF")
Bus = Literal["virtio", "nvme", "ide", "virtio-scsi"]
_DEVICES = {
    "virtio": ["virtio-blk-pci,drive=root"],
    "nvme": ["nvme,drive=root,serial=root"],
    "ide": ["ide-hd,drive=root"],
    "virtio-scsi": ["virtio-scsi-pci", "scsi-hd,drive=root"],
}


def boot(
    image: Path,
    firmware: Literal["bios", "uefi"],
    bus: Bus = "virtio",
    *,
    data: Path | None = None,
    kept: bool = False,
    timeout_s: float = 300,
) -> list[str]:
    """What the guest said of itself until it was off; its disks stay as they are unless ``kept``.

    ``data`` is a second disk, on virtio. An empty list means that it said nothing. Skips the
    test where QEMU cannot be had.
    """
    programs = {"qemu-system-x86_64": "qemu-system-x86"}
    if absent := lacking(programs):
        pytest.skip(f"a guest cannot be started without {', '.join(absent)}")
    spared = "off" if kept else "on"
    with tempfile.TemporaryDirectory() as folder:
        serial = Path(folder) / "serial"
        words = [
            "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-m", "512",
            "-machine", "pc", "-nodefaults", "-display", "none", "-no-reboot",
            "-serial", f"file:{serial}",
            "-drive", f"file={image},format=raw,if=none,id=root,snapshot={spared}",
            "-netdev", "user,id=n,restrict=on", "-device", "virtio-net-pci,netdev=n",
        ]  # fmt: skip
        if data is not None:
            words += ["-drive", f"file={data},format=raw,if=none,id=data,snapshot=on"]
        for device in (*_DEVICES[bus], *(["virtio-blk-pci,drive=data"] if data else [])):
            words += ["-device", device]
        if firmware == "uefi":
            if not OVMF.exists() and lacking({"no-such-program": "ovmf"}) and not OVMF.exists():
                pytest.skip("a guest cannot be started by UEFI without ovmf")
            variables = Path(folder) / "variables"
            shutil.copyfile(OVMF / "OVMF_VARS_4M.fd", variables)
            code = OVMF / "OVMF_CODE_4M.fd"
            words += ["-drive", f"if=pflash,format=raw,readonly=on,file={code}"]
            words += ["-drive", f"if=pflash,format=raw,file={variables}"]
        machine = subprocess.Popen(words, env={"PATH": SEARCHED}, stderr=subprocess.PIPE)
        try:
            machine.wait(timeout_s)
        except subprocess.TimeoutExpired:
            machine.kill()
            machine.wait()
        told = serial.read_text(errors="replace") if serial.exists() else ""
    lines = (line.partition("@@GUEST@@ ") for line in told.splitlines())
    return [said.strip() for _, mark, said in lines if mark]
