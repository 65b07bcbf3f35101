"""A package on disk: a descriptor with the files beside it, or an OVA with all of them inside."""

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from coldferry.errors import BadInput, NotMovable
from providers.ovf.access import SUFFIXES
from providers.ovf.archive import leaves, members, plain_name
from providers.ovf.elements import MOST_BYTES
from providers.ovf.sidecar import FOLDER
from providers.ovf.stored import Window

_MOST_MANIFEST_BYTES = 1 << 20
_ESCAPED = re.compile(r"[%/#\x00-\x1f\x7f\udc80-\udcff]")


@dataclass(frozen=True)
class Package:
    """One package as it was read a moment ago; only its disks are still to be read.

    ``places`` are offset and size of each member of an archive, by name.
    """

    path: Path
    descriptor_name: str
    descriptor: bytes
    manifest: bytes | None
    places: dict[str, tuple[int, int]] | None = field(repr=False)

    @property
    def name(self) -> str:
        """Its file's name."""
        return self.path.name

    def locate(self, href: str) -> tuple[Path, int, int]:
        """File, offset and size of what an href names, which must lie inside the package.

        Raises NotMovable saying what is wrong with it.
        """
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", href):
            raise NotMovable(
                f"{self.name} names {href[:80]!r}, which is not a file beside it: nothing is "
                "fetched for a package.",
                "Put that file beside the descriptor, and name it there.",
            )
        # An href is a URI (DSP0243, "References"): some exporters write my%20disk.vmdk.
        spelled = list(dict.fromkeys([href, unquote(href)]))
        if any(leaves(name) or FOLDER in Path(name).parts for name in spelled):
            raise NotMovable(f"{self.name} names {href[:80]!r}, which leads out of the package.")
        if self.places is not None:
            inside = [name for name in map(plain_name, spelled) if name in self.places]
            if not inside:
                raise self._missing(href)
            return (self.path.resolve(), *self.places[inside[0]])
        folder = self.path.parent.resolve()
        try:
            name = next((name for name in spelled if (folder / name).exists()), href)
            path = (folder / name).resolve(strict=True)
            found = path.stat()
        except (OSError, RuntimeError, ValueError):
            raise self._missing(href) from None
        if not path.is_relative_to(folder):
            raise NotMovable(
                f"{href[:80]!r} beside {self.name} is a link that leads out of the package."
            )
        if not stat.S_ISREG(found.st_mode):
            raise NotMovable(f"{href[:80]!r} beside {self.name} is no file.")
        return path, 0, found.st_size

    def open(self, href: str) -> Window:
        """What an href names, open. Raises NotMovable as :meth:`locate` does."""
        return Window(*self.locate(href))

    def stamp(self, hrefs: Sequence[str]) -> str:
        """What tells this content from another: sizes, times of change, descriptor, manifest.

        Raises NotMovable for a file that is not there.
        """
        said: list[object] = [
            hashlib.sha256(self.descriptor).hexdigest(),
            hashlib.sha256(self.manifest or b"").hexdigest(),
        ]
        for path in dict.fromkeys([self.path, *(self.locate(href)[0] for href in hrefs)]):
            found = path.stat()
            said.append([path.name, found.st_size, found.st_mtime_ns])
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]

    def _missing(self, href: str) -> NotMovable:
        return NotMovable(
            f"{self.name} names {href[:80]!r}, and there is no such file in the package.",
            "Put the whole package there again.",
        )


def escaped(word: str) -> str:
    """``word`` as a part of a machine's id, in which ``/`` and ``#`` mean something."""
    return _ESCAPED.sub(lambda found: f"%{ord(found[0]) & 0xFF:02X}", word)


def paths(folder: Path) -> Iterator[Path]:
    """The packages in a folder, by name. Raises BadInput for a folder that cannot be read."""
    try:
        found = sorted(folder.iterdir())
    except OSError as error:
        raise BadInput(
            f"The folder {folder} cannot be read: {error.strerror}.",
            "Correct the block's folder, or its rights.",
        ) from None
    return (path for path in found if path.suffix.lower() in SUFFIXES and path.is_file())


def read_package(path: Path) -> Package:
    """Read a package's descriptor and manifest. Raises BadInput for what is none."""
    if path.suffix.lower() == ".ova":
        return _archive(path)
    manifest = path.with_suffix(".mf")
    there = os.path.lexists(manifest)
    return Package(
        path=path,
        descriptor_name=path.name,
        descriptor=_read(path, 0, None, MOST_BYTES),
        manifest=_read(_beside(manifest), 0, None, _MOST_MANIFEST_BYTES) if there else None,
        places=None,
    )


def _beside(manifest: Path) -> Path:
    """A link out of the folder is not followed: its lines would be quoted in what is refused."""
    try:
        found = manifest.resolve(strict=True)
        if found.is_relative_to(manifest.parent.resolve()) and found.is_file():
            return found
    except (OSError, RuntimeError):
        pass  # it leads to nothing, or to itself
    raise BadInput(
        f"The manifest {manifest.name} is no file of the package.",
        "Put the whole package there again.",
    )


def _archive(path: Path) -> Package:
    places = members(path)
    descriptors = [name for name in places if name.lower().endswith(".ovf")]
    if len(descriptors) != 1:
        raise BadInput(
            f"{path.name} holds {len(descriptors)} descriptors (.ovf); an OVA has one.",
            "Export the machines anew, each by itself.",
        )
    name = descriptors[0]
    manifest = places.get(f"{name[:-4]}.mf")
    return Package(
        path=path,
        descriptor_name=name,
        descriptor=_read(path, *places[name], MOST_BYTES),
        manifest=_read(path, *manifest, _MOST_MANIFEST_BYTES) if manifest else None,
        places=places,
    )


def _read(path: Path, offset: int, length: int | None, most: int) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            size = os.fstat(descriptor).st_size if length is None else length
            if size > most:
                raise BadInput(f"{path.name} is larger than {most >> 20} MiB: that is no envelope.")
            return os.pread(descriptor, size, offset)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise BadInput(f"{path.name} cannot be read: {error.strerror}.") from None
