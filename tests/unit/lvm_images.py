"""A physical volume of LVM with its group, written after the published format; no root needed."""

import itertools
import os
import struct
from collections.abc import Mapping
from pathlib import Path

MIB = 1 << 20
MEMBER = "ite1IWD3dXmM3W9CcEtBDlLlk328YYT5"
_FIRST_CRC = 0xF597A6CF


def volume_group(
    image: Path,
    group: str,
    volumes: Mapping[str, Path],
    *,
    extent_bytes: int,
    split: bool = False,
    text: str | None = None,
) -> Path:
    """The content of each volume in a row; ``split`` puts its second half before its first.

    ``text`` takes the place of the group's description.
    """
    sizes = {name: -(-path.stat().st_size // extent_bytes) for name, path in volumes.items()}
    size = MIB + sum(sizes.values()) * extent_bytes
    image.touch()
    os.truncate(image, size)
    sections, first = [], 0
    with image.open("r+b") as file:
        for name, path in volumes.items():
            content = path.read_bytes().ljust(sizes[name] * extent_bytes, b"\0")
            half = sizes[name] // 2 if split else sizes[name]
            rest = sizes[name] - half
            runs = [(0, half, first + rest)] + ([(half, rest, first)] if rest else [])
            for start, length, at in runs:
                file.seek(MIB + at * extent_bytes)
                file.write(content[start * extent_bytes :][: length * extent_bytes])
            sections.append(_volume(name, runs))
            first += sizes[name]
        said = text if text is not None else _description(
            group, size, extent_bytes, first, "".join(sections)
        )  # fmt: skip
        file.seek(0)
        file.write(_head(size, said.encode() + b"\0"))
    return image


def dashed(identifier: str) -> str:
    """As LVM writes an identifier in texts."""
    cuts = (0, 6, 10, 14, 18, 22, 26, 32)
    return "-".join(identifier[a:b] for a, b in itertools.pairwise(cuts))


def _head(size: int, text: bytes) -> bytes:
    """Label in the second sector, a metadata area at 4096, the text in its second sector."""
    area, area_bytes = 4096, MIB - 4096
    header = MEMBER.encode() + struct.pack("<Q", size)
    header += struct.pack("<QQQQ", MIB, 0, 0, 0) + struct.pack("<QQQQ", area, area_bytes, 0, 0)
    sector = bytearray(512)
    sector[:8] = b"LABELONE"
    struct.pack_into("<QII8s", sector, 8, 1, 0, 32, b"LVM2 001")
    sector[32 : 32 + len(header)] = header
    struct.pack_into("<I", sector, 16, _crc(bytes(sector[20:])))
    body = bytearray(512)
    body[4:20] = b"\x20LVM2\x20x[5A%r0N*>"
    struct.pack_into("<IQQ", body, 20, 1, area, area_bytes)
    struct.pack_into("<QQII", body, 40, 512, len(text), _crc(text), 0)
    struct.pack_into("<I", body, 0, _crc(bytes(body[4:])))
    return bytes(512) + bytes(sector) + bytes(area - 1024) + bytes(body) + text


def _crc(told: bytes) -> int:
    """LVM's own start value, and no inversion at the end."""
    crc = _FIRST_CRC
    for byte in told:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xEDB88320 if crc & 1 else 0)
    return crc


def _volume(name: str, runs: list[tuple[int, int, int]]) -> str:
    segments = "".join(
        f"segment{number} {{\nstart_extent = {start}\nextent_count = {length}\n"
        f'type = "striped"\nstripe_count = 1\nstripes = [\n"pv0", {at}\n]\n}}\n'
        for number, (start, length, at) in enumerate(runs, 1)
    )
    return (
        f'{name} {{\nid = "aaaaaa-aaaa-aaaa-aaaa-aaaa-aaaa-aaaaab"\n'
        f'status = ["READ", "WRITE", "VISIBLE"]\nflags = []\nsegment_count = {len(runs)}\n'
        f"{segments}}}\n"
    )


def _description(group: str, size: int, extent_bytes: int, extents: int, volumes: str) -> str:
    member = dashed(MEMBER)
    return (
        f'{group} {{\nid = "SRmu10-dPWO-Zb3Q-6fEg-Ct6Q-3B7s-f48LXa"\nseqno = 1\n'
        f'format = "lvm2" # informational\nstatus = ["RESIZEABLE", "READ", "WRITE"]\n'
        f"flags = []\nextent_size = {extent_bytes // 512}\nmax_lv = 0\nmax_pv = 0\n"
        f'metadata_copies = 0\n\nphysical_volumes {{\npv0 {{\nid = "{member}"\n'
        f'device = "/dev/sda1" # Hint only\nstatus = ["ALLOCATABLE"]\nflags = []\n'
        f"dev_size = {size // 512}\npe_start = {MIB // 512}\npe_count = {extents}\n}}\n}}\n\n"
        f"logical_volumes {{\n{volumes}}}\n\n}}\n"
        'contents = "Text Format Volume Group"\nversion = 1\n'
    )
