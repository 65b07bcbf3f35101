"""A real guest: Debian's kernel and boot loader on a disk, whole or with planted faults.

It starts from a BIOS, from UEFI, or from both, says on its first serial port
what came up, and powers itself off. The same recipe gives the same bytes.
"""

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal

from tests.guest.boot_plants import BOOT_PLANTS
from tests.guest.disk import make_ext4, write_disk
from tests.guest.healthy import healthy
from tests.guest.packages import alone, cache_folder, installed
from tests.guest.plants import PLANTS
from tests.guest.recipe import Compression, Firmware
from tests.guest.tools import Maker, add_tools
from tests.untouched import stamp, watch

__all__ = ["BOOT_PLANTS", "PLANTS", "build", "build_data"]

_KEPT_S = 24 * 3600


def build(
    name: str = "web-01",
    *,
    firmware: Firmware = "both",
    table: Literal["gpt", "dos"] = "gpt",
    plant: tuple[str, ...] = (),
    compression: Compression = "zstd",
    microcode: bool = False,
    tools: Maker | None = None,
) -> Path:
    """The raw image of one guest; it is shared between tests, so copy it before writing to it.

    ``plant`` names faults of :data:`PLANTS` or :data:`BOOT_PLANTS`. ``tools`` adds a shell and
    Debian's own program that makes an initramfs, for use in a chroot. Skips the test where
    packages cannot be had.
    """

    def write(image: Path, work: Path) -> None:
        guest = healthy(name, firmware, compression)
        guest.table, guest.microcode = table, microcode
        if tools is not None:
            add_tools(guest, tools)
        for fault in plant:
            (PLANTS | BOOT_PLANTS)[fault](guest)
        write_disk(guest, image, work)

    wanted = repr((name, firmware, table, plant, compression, microcode, tools))
    return _kept(name, wanted, write)


def build_data(name: str = "web-01") -> Path:
    """The raw image of the guest's second disk: the file system that it mounts at /srv/data."""

    def write(image: Path, work: Path) -> None:
        (work / "files").mkdir()
        (work / "files/ledger.bin").write_bytes(guest.noise("ledger", 1 << 20))
        make_ext4(work / "files", image, 16 << 20, guest.uuid("data"), "data")

    guest = healthy(name, "both")
    return _kept(f"{name}-data", "data", write)


def _kept(name: str, wanted: str, write: Callable[[Path, Path], None]) -> Path:
    """What was made once is there; ``write`` is given the image's path and an empty folder."""
    kept = cache_folder() / f"{name}-{_digest(wanted)}.raw"
    note = _note(kept)
    with alone(kept.stem):
        if kept.exists() and note.exists():
            os.utime(note)
        else:
            _forget_old_images()
            making = Path(tempfile.mkdtemp(dir=cache_folder(), prefix="making-"))
            try:
                image = making / "disk.raw"
                write(image, making)
                image.chmod(0o444)
                with image.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                image.rename(kept)
                note.write_text(json.dumps({"digest": digest, "seen": stamp(kept)}))
            finally:
                shutil.rmtree(making)
        told = json.loads(note.read_text())
    watch(kept, digest=told["digest"], seen=tuple(told["seen"]))
    return kept


def _note(image: Path) -> Path:
    """What it held when it was made, and when somebody last asked for it."""
    return image.with_suffix(".json")


def _forget_old_images() -> None:
    """An image that nobody asked for since yesterday is of code that has changed since."""
    for note in cache_folder().glob("*.json"):
        with suppress(FileNotFoundError):
            if time.time() - note.stat().st_mtime > _KEPT_S:
                note.unlink()
                note.with_suffix(".raw").unlink()
    for image in cache_folder().glob("*.raw"):
        with suppress(FileNotFoundError):
            if not _note(image).exists() and time.time() - image.stat().st_mtime > _KEPT_S:
                image.unlink()


def _digest(wanted: str) -> str:
    """Of what was asked for, of the packages, and of the code that builds."""
    told = hashlib.sha256(f"{wanted}{installed()}".encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        told.update(source.read_bytes())
    return told.hexdigest()[:16]
