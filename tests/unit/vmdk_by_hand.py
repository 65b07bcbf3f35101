"""A second reader of streamOptimized VMDKs, of none of our code.

It reads front to back, as a stream, and believes nothing but the markers; then it holds the
tables against what it saw.

Source: "Virtual Disk Format 5.0" (VMware).
"""

import struct
import zlib

SECTOR = 512
GRAIN = 64 << 10


def read_stream(data: bytes) -> dict[int, bytes]:
    """Each grain that is there, by its number. Raises AssertionError for what is off."""
    assert len(data) % SECTOR == 0
    first = data[:SECTOR]
    magic, version, flags, capacity, grain, at, length, entries = struct.unpack_from(
        "<4sIIQQQQI", first
    )
    assert (magic, version, flags, grain, entries) == (b"KDMV", 3, 0x30001, 128, 512)
    redundant, directory, overhead = struct.unpack_from("<QQQ", first, 48)
    assert (redundant, directory) == (0, 0xFFFFFFFFFFFFFFFF)
    assert first[72:79] == b"\x00\n \r\n\x01\x00"
    assert not any(first[79:])
    text = data[at * SECTOR : (at + length) * SECTOR].rstrip(b"\0").decode("ascii")
    assert 'createType="streamOptimized"' in text
    assert f"RDONLY {capacity} SPARSE" in text
    assert not any(data[(at + length) * SECTOR : overhead * SECTOR])

    grains, places, tables, seen = {}, {}, {}, None
    sector = overhead
    while True:
        value, size, kind = struct.unpack_from("<QII", data, sector * SECTOR)
        if size:
            assert seen is None, "a grain after the directory"
            start = sector * SECTOR + 12
            grains[value // 128] = zlib.decompress(data[start : start + size])
            assert value % 128 == 0 and value < capacity
            places[value // 128] = sector
            end = start + size
            sector = -(-end // SECTOR)
            assert not any(data[end : sector * SECTOR])
            continue
        assert not any(data[sector * SECTOR + 16 : (sector + 1) * SECTOR])
        if kind == 0:
            break
        body = data[(sector + 1) * SECTOR : (sector + 1 + value) * SECTOR]
        if kind == 1:
            tables[sector + 1] = struct.unpack("<512I", body)
        elif kind == 2:
            seen = sector + 1, struct.unpack(f"<{len(body) // 4}I", body)
        else:
            assert kind == 3 and seen is not None
            assert body[:56] == first[:56] and body[64:] == first[64:]
            assert struct.unpack_from("<Q", body, 56)[0] == seen[0]
        sector += 1 + value
    assert (sector + 1) * SECTOR == len(data), "something follows the end of the stream"
    assert list(grains) == sorted(grains)
    _hold(seen[1], tables, places, capacity)
    return grains


def _hold(directory, tables, places, capacity) -> None:
    count = -(-capacity // (128 * 512))
    assert not any(directory[count:])
    told = {}
    for number, at in enumerate(directory[:count]):
        if at:
            rows = enumerate(tables.pop(at))
            told |= {number * 512 + index: place for index, place in rows if place}
    assert told == places
    assert tables == {}


def content(data: bytes, size_bytes: int) -> bytes:
    """The whole disk; all grains of it are whole ones."""
    disk = bytearray(-(-size_bytes // GRAIN) * GRAIN)
    for number, grain in read_stream(data).items():
        assert len(grain) == GRAIN and any(grain)
        disk[number * GRAIN : (number + 1) * GRAIN] = grain
    assert not any(disk[size_bytes:])
    return bytes(disk[:size_bytes])
