"""Where one disk is copied from and to, as a person writes it on the command line.

================================  =====================================================
``PATH``                          a raw file, or a block device
``vhd:PATH``                      a fixed VHD
``https://…``, ``http://…``       a page blob
``ebs:REGION/snap-…``             a snapshot to read
``ebs:REGION/new``                a snapshot to make
``env:NAME``                      the address in the environment variable NAME
================================  =====================================================

An address with a signature in it is taken from the environment only: a command
line is in every process list, and in the shell's history.
"""

import os
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

from coldferry.disk import DiskReader, DiskWriter
from coldferry.errors import BadInput

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SNAPSHOT = re.compile(r"ebs:([a-z]{2,}(?:-[a-z0-9]+)+)/(new|snap-[0-9a-f]{8,32})")
_SIGNED = re.compile(r"(?i)://.*\bsig=", re.DOTALL)
_SCHEME = re.compile(r"(?!vhd:)[A-Za-z][A-Za-z0-9+.-]*://")
_KEPT = frozenset({"snapshot", "versionid"})
"""What of an address's query names the blob; all the rest may sign it."""


class Kind(StrEnum):
    """What is at an endpoint."""

    FILE = "raw file"
    VHD = "fixed VHD"
    PAGE_BLOB = "page blob"
    SNAPSHOT = "snapshot"
    NEW_SNAPSHOT = "new snapshot"


@dataclass(frozen=True)
class Endpoint:
    """``address`` names it in sentences and in the state: it never holds a signature."""

    kind: Kind
    address: str
    path: Path = Path()
    url: str = field(default="", repr=False)
    """With its signature."""

    region: str = ""
    snapshot: str = ""


@dataclass
class Attempt:
    """One try at a copy, kept in the state. ``key`` (16 hex digits) is in what it makes."""

    key: str
    notes: dict[str, str] = field(default_factory=dict)
    """What a rerun has to know of it: a snapshot's id."""

    replaces: str = ""
    """The stamp of the finished target that this one takes the place of."""


class Source(Protocol):
    """An open source. ``identity`` tells its content from what it holds at another time."""

    reader: DiskReader
    identity: str

    def check_unchanged(self) -> None:
        """Raises Drifted when it was written to since it was opened."""


class Target(Protocol):
    """An open target, begun or adopted."""

    writer: DiskWriter

    def read_back(self) -> AbstractContextManager[DiskReader]:
        """An independent look at what was committed."""

    def stamp(self) -> str:
        """What tells later whether it is still as it was left; publishing does not change it."""

    def publish(self) -> None:
        """Give it the name that it was asked to have; it is whole, and proven where asked for."""

    def discard(self) -> None:
        """Remove what was written, as far as it can be."""


class Found(StrEnum):
    """What became of a finished target since."""

    AS_LEFT = "as left"
    CHANGED = "changed"
    GONE = "gone"
    UNTOLD = "untold"
    """Such a target does not tell when it was written to: only reading it does."""


def parse_source(word: str, environment: Mapping[str, str] = os.environ) -> Endpoint:
    """Raises BadInput for what no disk can be read from."""
    found = _parse(word, environment, "SOURCE")
    if found.kind is Kind.NEW_SNAPSHOT:
        raise BadInput(
            "A new snapshot is something to write, not to read.",
            "Name the one to read: ebs:REGION/snap-….",
        )
    return found


def parse_target(word: str, environment: Mapping[str, str] = os.environ) -> Endpoint:
    """Raises BadInput for what no disk can be written to."""
    found = _parse(word, environment, "TARGET")
    if found.kind is Kind.SNAPSHOT:
        raise BadInput(
            "A snapshot that is there cannot be written.", "Make another one: ebs:REGION/new."
        )
    return found


def as_source(target: Endpoint, ref: str) -> Endpoint:
    """What was written to ``target``, to be read; ``ref`` is what the commit answered."""
    if target.kind is not Kind.NEW_SNAPSHOT:
        return target
    address = f"ebs:{target.region}/{ref}"
    return Endpoint(Kind.SNAPSHOT, address, region=target.region, snapshot=ref)


def _parse(word: str, environment: Mapping[str, str], role: str) -> Endpoint:
    if _SIGNED.search(word) and not _SCHEME.match(word):
        raise BadInput(
            f"{role} holds an address with a signature, and something before it.",
            "Put the address into an environment variable, and give that: env:NAME.",
        )
    if word.startswith("env:"):
        return _from_environment(word.removeprefix("env:"), environment, role)
    if word.startswith("ebs:"):
        return _snapshot(word, role)
    if _SCHEME.match(word):
        return _page_blob(word, role, named=False)
    kind = Kind.VHD if word.startswith("vhd:") else Kind.FILE
    path = word.removeprefix("vhd:")
    if not path or "\0" in path:
        raise BadInput(f"{role} names no file.", "Give a path.")
    if os.path.realpath(path) == "/":
        raise BadInput(f"{role} is a folder.", "Name a disk's file in it.")
    whole = Path(os.path.realpath(path))
    return Endpoint(kind, f"vhd:{whole}" if kind is Kind.VHD else str(whole), path=whole)


def _from_environment(name: str, environment: Mapping[str, str], role: str) -> Endpoint:
    if not _VARIABLE.fullmatch(name):
        raise BadInput(
            f"{role} names no environment variable.",
            "Write env:NAME, with the address in the variable NAME.",
        )
    url = environment.get(name, "").strip()
    if not url:
        raise BadInput(
            f"The environment variable {name} is not set.", f"Put the address into {name}."
        )
    return _page_blob(url, f"The address in {name}", named=True)


def _page_blob(url: str, which: str, *, named: bool) -> Endpoint:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or len(parts.path.strip("/").split("/")) < 2 or not url.isprintable():
        raise BadInput(
            f"{which} is no page blob's address.", "It reads https://HOST/CONTAINER/BLOB."
        )
    if parts.username or parts.password:
        raise BadInput(f"{which} holds a user's name or password, which no page blob takes.")
    asked = parse_qsl(parts.query, keep_blank_values=True)
    signed = any(name.lower() not in _KEPT for name, _ in asked) or _SIGNED.search(url)
    if not named and (signed or parts.fragment):
        raise BadInput(
            f"{which} is an address with a signature: every process list would show it.",
            "Put it into an environment variable, and give that: env:NAME.",
        )
    return Endpoint(Kind.PAGE_BLOB, _unsigned(parts, asked), url=url)


def _unsigned(parts: SplitResult, asked: list[tuple[str, str]]) -> str:
    kept = urlencode([(name, value) for name, value in asked if name.lower() in _KEPT])
    return urlunsplit((parts.scheme, parts.netloc, parts.path, kept, ""))


def _snapshot(word: str, role: str) -> Endpoint:
    found = _SNAPSHOT.fullmatch(word)
    if found is None:
        raise BadInput(
            f"{role} is no snapshot's address.", "It reads ebs:REGION/snap-… or ebs:REGION/new."
        )
    region, snapshot = found.groups()
    if snapshot == "new":
        return Endpoint(Kind.NEW_SNAPSHOT, word, region=region)
    return Endpoint(Kind.SNAPSHOT, word, region=region, snapshot=snapshot)
