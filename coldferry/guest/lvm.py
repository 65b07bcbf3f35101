"""LVM's logical volumes from the description of their group, as stretches of the disks.

libvslvm would do this, but (20260901) it refuses a logical volume of two
segments on one disk, which every volume that was grown has.

Source: lvm2's "LVM2 Metadata Format"; lvm.conf's text: sections in braces,
``name = value``, where a value is a number, a string or a list of both.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from coldferry.guest.window import Bytes, Joined, Piece, Window

_TOKEN = re.compile(r'#[^\n]*|\s+|"((?:[^"\\]|\\.)*)"|([\w.+-]+)|([{}=\[\],])')
_DEEPEST = 16
_MOST_SEGMENTS = 10_000
_SECTOR = 512

Section = Mapping[str, Any]


@dataclass(frozen=True)
class LogicalVolume:
    """``content`` None where it is of a kind that is not put together here: ``trouble`` says so."""

    group: str
    name: str
    uuid: str
    size_bytes: int
    content: Bytes | None
    members: tuple[str, ...]
    """UUIDs of the physical volumes that it lies on."""
    trouble: str = ""


def group_of(text: str) -> tuple[str, Section]:
    """Name and description of the volume group in a text. Raises OSError when it is none."""
    parsed = parse(text)
    for name, section in parsed.items():
        if isinstance(section, dict) and "physical_volumes" in section:
            return name, section
    raise OSError("Its volume group has no description here.")


def logical_volumes(
    name: str, group: Section, members: Mapping[str, Bytes]
) -> Iterator[LogicalVolume]:
    """Every visible volume of a group; ``members`` maps a physical volume's UUID to its bytes."""
    extent = _number(group.get("extent_size")) * _SECTOR
    places: dict[str, tuple[str, int]] = {}
    for alias, said in _sections(group.get("physical_volumes")):
        places[alias] = str(said.get("id", "")), _number(said.get("pe_start")) * _SECTOR
    for volume, said in _sections(group.get("logical_volumes")):
        if "VISIBLE" not in (said.get("status") or ()):
            continue
        yield _volume(name, volume, said, extent, places, members)


def _volume(
    group: str,
    name: str,
    said: Section,
    extent: int,
    places: Mapping[str, tuple[str, int]],
    members: Mapping[str, Bytes],
) -> LogicalVolume:
    pieces: list[Piece] = []
    used: set[str] = set()
    trouble = ""
    segments = [one for key, one in _sections(said) if key.startswith("segment")]
    size = sum(_number(one.get("extent_count")) for one in segments) * extent
    for segment in sorted(segments, key=lambda one: _number(one.get("start_extent"))):
        stripes = segment.get("stripes") or []
        if segment.get("type") != "striped" or not isinstance(stripes, list):
            trouble = f"it is of the kind {segment.get('type')}, which is not put together here"
            break
        of_stripe = list(zip(stripes[::2], stripes[1::2], strict=False))
        used |= {places[alias][0] for alias, _ in of_stripe if alias in places}
        missing = [a for a, _ in of_stripe if places.get(a, ("", 0))[0] not in members]
        if missing or not of_stripe:
            trouble = "a disk of its group is not among the machine's"
            break
        runs = [
            (members[places[alias][0]], places[alias][1] + _number(start) * extent)
            for alias, start in of_stripe
        ]
        length = _number(segment.get("extent_count")) * extent
        unit = _number(segment.get("stripe_size")) * _SECTOR if len(runs) > 1 else length
        if unit <= 0 or length // unit > _MOST_SEGMENTS:
            trouble = "it is striped too finely to be put together here"
            break
        for number, at in enumerate(range(0, length, unit)):
            under, offset = runs[number % len(runs)]
            row = number // len(runs) * unit
            pieces.append(Piece(under, offset + row, min(unit, length - at)))
    content = None if trouble or not pieces else Joined(pieces)
    return LogicalVolume(
        group, name, str(said.get("id", "")), size, content, tuple(sorted(used)), trouble
    )


def window(volume: LogicalVolume) -> Window | None:
    """The volume as parser libraries take it."""
    return None if volume.content is None else Window(volume.content, 0, volume.size_bytes)


def parse(text: str) -> dict[str, Any]:
    """Sections as dictionaries, lists as lists, numbers as numbers. Raises OSError."""
    tokens = _tokens(text)
    found, closed = _section(tokens, 0)
    if closed:
        raise OSError("The description of its volume group is no such thing.")
    return found


def _section(tokens: Iterator[tuple[str, Any]], depth: int) -> tuple[dict[str, Any], bool]:
    if depth > _DEEPEST:
        raise OSError("The description of its volume group is nested too deep.")
    found: dict[str, Any] = {}
    for kind, key in tokens:
        if (kind, key) == ("mark", "}"):
            return found, True
        follows = next(tokens, ("mark", ""))
        if kind != "word" or follows not in (("mark", "{"), ("mark", "=")):
            raise OSError("The description of its volume group is no such thing.")
        found[key] = _section(tokens, depth + 1)[0] if follows[1] == "{" else _value(tokens)
    return found, False


def _value(tokens: Iterator[tuple[str, Any]]) -> Any:
    kind, value = next(tokens, ("mark", ""))
    if (kind, value) != ("mark", "["):
        return value
    items = []
    for kind, item in tokens:
        if (kind, item) == ("mark", "]"):
            break
        if kind != "mark":
            items.append(item)
    return items


def _tokens(text: str) -> Iterator[tuple[str, Any]]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise OSError("The description of its volume group is no such thing.")
        at = found.end()
        quoted, word, mark = found.groups()
        if quoted is not None:
            yield "text", quoted
        elif word is not None:
            yield "word", int(word) if re.fullmatch(r"-?\d{1,19}", word) else word
        elif mark is not None:
            yield "mark", mark


def _sections(said: Any) -> Iterator[tuple[str, Section]]:
    if isinstance(said, dict):
        yield from ((str(key), one) for key, one in said.items() if isinstance(one, dict))


def _number(said: Any) -> int:
    return said if isinstance(said, int) and said > 0 else 0
