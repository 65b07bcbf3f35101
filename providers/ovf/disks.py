"""The files behind a machine's disks, and their bytes as disks.

A format is what the descriptor names, never what bytes look like: a disk's bytes
belong to its guest. The file must then be of that format.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Literal

from coldferry.disk import DiskReader
from coldferry.errors import NotMovable
from providers.ovf.envelope import File
from providers.ovf.machine_disks import PackagedDisk
from providers.ovf.package import Package
from providers.ovf.plain_images import Nothing, Raw
from providers.ovf.stored import Inflated, Joined, Stored, Window
from providers.ovf.vhd import read_vhd
from providers.ovf.vmdk import Vmdk

Format = Literal["vmdk", "vhd", "raw"]

_MOST_CHUNKS = 100_000
_SPARE_BYTES = 64 << 20
"""What a format may add to its disk's bytes, beside a 32nd of them: tables, markers."""

_READERS: dict[Format, Callable[[Stored, str], DiskReader]] = {
    "vmdk": Vmdk,
    "vhd": read_vhd,
    "raw": Raw,
}


def format_of(said: str, href: str) -> Format:
    """The format that a descriptor names: by its address, else by the file's suffix.

    Raises NotMovable for one that is not read.
    """
    suffix = PurePosixPath(href.lower().removesuffix(".gz")).suffix.lstrip(".")
    for word in (said.lower(), suffix):
        for name in ("vhdx", "qcow", "vdi", "iso"):
            if name in word:
                raise NotMovable(
                    f"The disk in {href!r} is {name.upper()}, which is not read.",
                    "Convert it to streamOptimized VMDK, VHD or raw, and name that.",
                )
        if "vmdk" in word:
            return "vmdk"
        if "vhd" in word:
            return "vhd"
        if "raw" in word or word in ("img", "dd") or word.endswith("/byte"):
            return "raw"
    raise NotMovable(
        f"The disk in {href!r} is of the format {said[:80]!r}, which is not read.",
        "Convert it to streamOptimized VMDK, VHD or raw, and name that.",
    )


def names_of(package: Package, file: File) -> list[str]:
    """The names of all files that a reference stands for: its chunks, or itself.

    Raises NotMovable for a chunk that is not there.
    """
    if not file.chunk_bytes:
        return [file.href]
    names: list[str] = []
    while len(names) < _MOST_CHUNKS:  # DSP0243 7.1: nine digits, from zero
        name = f"{file.href}.{len(names):09d}"
        size_bytes = package.locate(name)[2]
        names.append(name)
        done = (len(names) - 1) * file.chunk_bytes + size_bytes
        # Only the last is shorter; where the whole is told, it ends by that.
        if size_bytes != file.chunk_bytes or (not file.compression and done == file.size_bytes):
            return names
        if file.size_bytes is None and not _there(package, f"{file.href}.{len(names):09d}"):
            return names
    raise NotMovable(f"{file.href!r} is in more than {_MOST_CHUNKS} chunks, which are not read.")


def check_size(package: Package, file: File) -> None:
    """Raise NotMovable when a file is not as long as its descriptor says."""
    if file.compression or file.size_bytes is None:
        return  # exporters disagree on which of both sizes a compressed one is told with
    found = sum(package.locate(name)[2] for name in names_of(package, file))
    if found != file.size_bytes:
        raise NotMovable(
            f"{file.href!r} has {found} bytes where {package.name} says {file.size_bytes}.",
            "It is cut off or another file: put the whole package there again.",
        )


@contextmanager
def opened(package: Package, disk: PackagedDisk) -> Iterator[DiskReader]:
    """A disk's bytes, where they lie.

    Raises NotMovable for a file that is not what the descriptor says, or a disk in it that is
    not as large.
    """
    if disk.file is None:
        yield Nothing(disk.size_bytes)
        return
    format_ = format_of(disk.format, disk.file.href)
    check_size(package, disk.file)
    stored = _stored(package, disk.file, disk.size_bytes)
    try:
        reader = _READERS[format_](stored, disk.file.href)
        if not disk.size_bytes - disk.rounding_bytes < reader.size_bytes <= disk.size_bytes:
            raise NotMovable(
                f"The disk in {disk.file.href!r} has {reader.size_bytes} bytes where "
                f"{package.name} says {disk.size_bytes}.",
                "Export the machine anew.",
            )
        yield reader
    finally:
        stored.close()


def _stored(package: Package, file: File, disk_bytes: int) -> Stored:
    windows: list[Window] = []
    try:
        windows += (package.open(name) for name in names_of(package, file))
        whole: Stored = windows[0] if len(windows) == 1 else Joined(windows)
        if not file.compression or file.compression == "identity":
            return whole
        if file.compression != "gzip":
            raise NotMovable(
                f"{file.href!r} is compressed by {file.compression[:40]!r}: only gzip is read.",
                "Export the machine anew.",
            )
        return Inflated(whole, disk_bytes + disk_bytes // 32 + _SPARE_BYTES, file.href)
    except BaseException:
        for one in windows:
            one.close()
        raise


def _there(package: Package, name: str) -> bool:
    try:
        package.locate(name)
    except NotMovable:
        return False
    return True
