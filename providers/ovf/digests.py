r"""The manifest of a package: the digest of each of its files, and whether they hold.

Sources: DSP0243 section 5.1; ``SHA256(file)= hex`` as virt-v2v reads it. Some write a
space before the bracket.
"""

import hashlib
import re
from urllib.parse import unquote

from coldferry.errors import BadInput, Finding
from providers.ovf.archive import plain_name
from providers.ovf.package import Package
from providers.ovf.stored import Stored

_ROW = re.compile(r"(\w+) ?\((.+)\) ?= ?([0-9a-fA-F]+)")
_ALGORITHMS = {"SHA1": 40, "SHA256": 64, "SHA384": 96, "SHA512": 128}
_PIECE_BYTES = 1 << 20
_MOST_ROWS = 10_000


def rows_of(package: Package) -> dict[str, tuple[str, str]]:
    """Algorithm and hex digest by plain file name. Raises BadInput for a manifest that is none."""
    found = dict[str, tuple[str, str]]()
    text = (package.manifest or b"").decode("utf-8", "surrogateescape")
    for line in filter(None, (one.strip() for one in text.splitlines())):
        row = _ROW.fullmatch(line)
        if row is None or len(found) >= _MOST_ROWS:
            raise BadInput(f"The manifest of {package.name} has a line that is none: {line[:80]!r}")
        algorithm, name, digest = row[1].upper(), plain_name(row[2]), row[3].lower()
        if _ALGORITHMS.get(algorithm) != len(digest):
            raise BadInput(
                f"The manifest of {package.name} has a digest by {row[1]} of {len(digest) * 4} "
                "bits: only SHA1 and SHA-2 are read."
            )
        if found.setdefault(name, (algorithm, digest)) != (algorithm, digest):
            raise BadInput(f"The manifest of {package.name} has two digests of {name[:80]!r}.")
    return found


def check_descriptor(package: Package) -> None:
    """Raise BadInput when the descriptor is not the one that the manifest was made of."""
    said = _row_of(_spelled(package), package.descriptor_name)
    if said is not None and hashlib.new(said[0], package.descriptor).hexdigest() != said[1]:
        raise _differs(package, package.descriptor_name)


def check_files(package: Package, names: list[str]) -> None:
    """Read these files once and compare. Raises BadInput for the first that differs."""
    rows = _spelled(package)
    for name in names:
        if (said := _row_of(rows, name)) is not None:
            stored = package.open(name)
            try:
                found = _digest(stored, said[0])
            finally:
                stored.close()
            if found != said[1]:
                raise _differs(package, name)


def remarks(package: Package, names: list[str]) -> list[Finding]:
    """What no digest vouches for."""
    if package.manifest is None:
        return [
            Finding(
                "warn", "no-manifest", package.name,
                f"{package.name} has no manifest: that its files are as they were exported is not "
                "known.",
            )
        ]  # fmt: skip
    rows = _spelled(package)
    bare = [name for name in (package.descriptor_name, *names) if _row_of(rows, name) is None]
    return [
        Finding(
            "warn", "not-in-manifest", name,
            f"The manifest of {package.name} has no digest of {name}.",
        )
        for name in bare
    ]  # fmt: skip


def _spelled(package: Package) -> dict[str, tuple[str, str]]:
    """The rows by name, as it is and, where that is a URI, as it is meant."""
    rows = rows_of(package)
    return {plain_name(unquote(name)): row for name, row in rows.items()} | rows


def _row_of(rows: dict[str, tuple[str, str]], href: str) -> tuple[str, str] | None:
    """The row of the file that an href names, as it is or as a URI."""
    return rows.get(plain_name(href)) or rows.get(plain_name(unquote(href)))


def _digest(stored: Stored, algorithm: str) -> str:
    made = hashlib.new(algorithm)
    for at in range(0, stored.size_bytes, _PIECE_BYTES):
        made.update(stored.read(at, min(_PIECE_BYTES, stored.size_bytes - at)))
    return made.hexdigest()


def _differs(package: Package, name: str) -> BadInput:
    return BadInput(
        f"{name} in {package.name} is not the file that the manifest was made of: its digest "
        "differs.",
        "Put the whole package there again; an edited descriptor needs a new manifest, or none.",
    )
