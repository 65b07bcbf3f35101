"""A package as one file (.ova): assembled, proven, and known again by its first two members."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from coldferry.errors import BadInput, CorruptCopy
from providers.ovf.archive import members
from providers.ovf.writing import archive
from providers.ovf.writing.archive import Member, Place
from providers.ovf.writing.inflating import StreamReader
from providers.ovf.writing.records import PackedRecord

_READ_BYTES = 1 << 20
_LARGEST_TEXT_BYTES = 64 << 20


class PackedDisk(NamedTuple):
    """A disk's VMDK, and where it lies until it is in the package."""

    record: PackedRecord
    path: Path


@dataclass(frozen=True)
class Head:
    """A package's descriptor and manifest, read afresh."""

    descriptor: bytes
    manifest: bytes

    @property
    def digest(self) -> str:
        """Of both: the manifest has the digest of all else, so this stands for the whole."""
        return hashlib.sha256(self.manifest + self.descriptor).hexdigest()


def manifest(rows: Sequence[tuple[str, str]], algorithm: str = "SHA256") -> bytes:
    """``SHA256(file)= hex``, a line each: no blank before the bracket, or importers refuse it.

    Source: virt-v2v's pattern, which is VMware's form; the manifest itself is not listed.
    """
    return "".join(f"{algorithm}({name})= {digest}\n" for name, digest in rows).encode("ascii")


def listing(stem: str, descriptor: bytes, disks: Sequence[PackedRecord]) -> bytes:
    """The manifest of the whole package."""
    told = [(f"{stem}.ovf", hashlib.sha256(descriptor).hexdigest())]
    return manifest([*told, *((disk.name, disk.sha256) for disk in disks)])


def assemble(
    path: Path, stem: str, descriptor: bytes, disks: Sequence[PackedDisk]
) -> dict[str, Place]:
    """Write the whole package to ``path``; where each member is."""
    told = listing(stem, descriptor, [disk.record for disk in disks])
    members = [Member(f"{stem}.ovf", descriptor), Member(f"{stem}.mf", told)]
    members += [Member(disk.record.name, disk.path) for disk in disks]
    return {place.name: place for place in archive.write(path, members)}


def prove(path: Path, places: Mapping[str, Place], disks: Sequence[PackedRecord]) -> None:
    """Read every disk in the package: its digest, and what it holds once inflated again.

    From the disk, and not from what the system remembers of the writing, where it can be told
    to forget (posix_fadvise(2)). Raises CorruptCopy for one that is not what was put in.
    """
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        for disk in disks:
            place = places.get(disk.name)
            if place is None or digest_of(file.fileno(), place) != disk.sha256:
                raise _altered(path, disk)
            start, size = place.start, place.size_bytes
            if StreamReader(file.fileno(), start, size, disk.capacity_bytes).root() != disk.root:
                raise _altered(path, disk)


def read_head(path: Path) -> Head | None:
    """The first two members; None for what is no package of ours, or not there."""
    try:
        (first, told), (second, listed) = list(members(path).items())[:2]
        if not (first.endswith(".ovf") and second.endswith(".mf")):
            return None
        if max(told[1], listed[1]) > _LARGEST_TEXT_BYTES:
            return None
        with path.open("rb") as file:
            texts = [os.pread(file.fileno(), size, at) for at, size in (told, listed)]
    except (OSError, BadInput, ValueError):
        return None
    return Head(*texts)


def prove_head(path: Path, stem: str, descriptor: bytes, disks: Sequence[PackedRecord]) -> Head:
    """Read descriptor and manifest. Raises CorruptCopy where one is not what was put in."""
    head = read_head(path)
    if head is None or head != Head(descriptor, listing(stem, descriptor, disks)):
        raise CorruptCopy(
            f"Descriptor and manifest of {stem} are not what was written.",
            "Look at the disk that the folder is on, then run the same command again.",
        )
    return head


def digest_of(file: int, place: Place) -> str:
    """SHA-256 of a stretch of an open file, or of what is there of it."""
    found, at, end = hashlib.sha256(), place.start, place.start + place.size_bytes
    while at < end:
        some = os.pread(file, min(_READ_BYTES, end - at), at)
        if not some:
            break
        found.update(some)
        at += len(some)
    return found.hexdigest()


def place_of(path: Path, disk: PackedRecord) -> Place:
    """Where a disk is in one of our packages. Raises CorruptCopy where it is not there."""
    place = read_places(path).get(disk.name)
    if place is None:
        raise _altered(path, disk)
    return place


def _altered(path: Path, disk: PackedRecord) -> CorruptCopy:
    return CorruptCopy(
        f"{disk.name} in {path.name} is not what was copied.",
        "Look at the disk that the folder is on, then run the same command again.",
    )


def read_places(path: Path) -> dict[str, Place]:
    """Where each member of one of our packages is. Raises CorruptCopy for what is no tar."""
    try:
        return {name: Place(name, *place) for name, place in members(path).items()}
    except BadInput:
        raise CorruptCopy(f"{path.name} is no package any more.", "Look at the folder.") from None
