"""Packages written by hand for tests: descriptors from parts, images and archives byte by byte."""

import hashlib
import io
import random
import struct
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from coldferry.disk import DiskReader, Extent
from coldferry.vhd import footer

MIB = 1 << 20
SIZE = 4 * MIB
ENVELOPE_1 = "http://schemas.dmtf.org/ovf/envelope/1"
STREAM = "http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"
_RASD = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"

CPU = "<Item><rasd:InstanceID>1</rasd:InstanceID><rasd:ResourceType>3</rasd:ResourceType>\
<rasd:VirtualQuantity>2</rasd:VirtualQuantity></Item>"
CONTROLLER = "<Item><rasd:InstanceID>3</rasd:InstanceID><rasd:ResourceSubType>lsilogic\
</rasd:ResourceSubType><rasd:ResourceType>6</rasd:ResourceType></Item>"
FILE = '<File ovf:id="f1" ovf:href="disk1.vmdk"/>'
DISK = f'<Disk ovf:diskId="d1" ovf:fileRef="f1" ovf:capacity="{SIZE}" ovf:format="{STREAM}"/>'


def memory(quantity: object = 4096, units: str = "byte * 2^20", attributes: str = "") -> str:
    return (
        f"<Item {attributes}><rasd:AllocationUnits>{units}</rasd:AllocationUnits>"
        "<rasd:InstanceID>2</rasd:InstanceID><rasd:ResourceType>4</rasd:ResourceType>"
        f"<rasd:VirtualQuantity>{quantity}</rasd:VirtualQuantity></Item>"
    )


def disk_item(instance: int, on_parent: object, resource: str, parent: object = 3) -> str:
    return (
        f"<Item><rasd:AddressOnParent>{on_parent}</rasd:AddressOnParent>"
        f"<rasd:HostResource>{resource}</rasd:HostResource>"
        f"<rasd:InstanceID>{instance}</rasd:InstanceID><rasd:Parent>{parent}</rasd:Parent>"
        "<rasd:ResourceType>17</rasd:ResourceType></Item>"
    )


NIC = "<Item><rasd:Address>02:00:00:AA:bb:01</rasd:Address><rasd:Connection>VM Network\
</rasd:Connection><rasd:InstanceID>9</rasd:InstanceID><rasd:ResourceType>10</rasd:ResourceType>\
</Item>"
FIRST = disk_item(5, 0, "ovf:/disk/d1")
ITEMS = CPU + memory() + CONTROLLER + FIRST + NIC


def system(items: str = ITEMS, more: str = "", name: str = "web-01", id_: str = "vm") -> str:
    return (
        f'<VirtualSystem ovf:id="{id_}"><Info>A machine</Info><Name>{name}</Name>'
        f"{more}<VirtualHardwareSection><Info>Hardware</Info>"
        "<System><vssd:VirtualSystemType>vmx-11</vssd:VirtualSystemType></System>"
        f"{items}</VirtualHardwareSection></VirtualSystem>"
    )


def descriptor(
    files: str = FILE,
    disks: str = DISK,
    systems: str | None = None,
    more: str = "",
    space: str = ENVELOPE_1,
) -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Envelope xmlns="{space}" xmlns:ovf="{space}" '
        f'xmlns:rasd="{_RASD}" xmlns:vssd="urn:vssd" xmlns:vmw="http://www.vmware.com/schema/ovf">'
        f"<References>{files}</References><DiskSection><Info>Disks</Info>{disks}</DiskSection>"
        f"{more}{system() if systems is None else systems}</Envelope>"
    )


def content(seed: int = 1, size_bytes: int = SIZE) -> bytes:
    """Both ends of a disk, and a stretch that no grain begins or ends with."""
    dice, made = random.Random(seed), bytearray(size_bytes)
    made[:1000] = dice.randbytes(1000)
    made[MIB + 512 : MIB + 200_000] = dice.randbytes(200_000 - 512)
    made[-512:] = dice.randbytes(512)
    return bytes(made)


def stream_optimized(
    disk: bytes, *, lie_about: str = "", parent: str = "ffffffff", words: bytes = b""
) -> bytes:
    """A streamOptimized VMDK as "Virtual Disk Format 5.0" has it: grains, tables, footer, end.

    ``lie_about`` is the one field that is wrong: ``grain``, ``marker``, ``table`` or ``capacity``.
    ``words`` stand in its descriptor instead of ours.
    """
    said = f'# Disk DescriptorFile\nparentCID={parent}\ncreateType="streamOptimized"\n'.encode()
    told = max(20, -(-len(words) // 512))
    made = io.BytesIO()
    made.write(bytes(512) + (words or said).ljust(told * 512, b"\0"))
    made.write(bytes(max(0, 128 * 512 - made.tell())))
    grain, table = 65536, [0] * 512
    for index in range(-(-len(disk) // grain)):
        piece = disk[index * grain : (index + 1) * grain]
        if piece != bytes(len(piece)):
            table[index] = made.tell() // 512
            packed = zlib.compress(piece if lie_about != "grain" else piece + b"x" * grain, 1)
            lba = index * 128 + (lie_about == "marker")
            _padded(made, struct.pack("<QI", lba, len(packed)) + packed)
    if lie_about == "table":
        table[0] = 1 << 30
    _padded(made, struct.pack("<QII", 4, 0, 1))
    table_at = made.tell() // 512
    made.write(struct.pack("<512I", *table))
    _padded(made, struct.pack("<QII", 1, 0, 2))
    directory_at = made.tell() // 512
    _padded(made, struct.pack("<I", table_at))
    _padded(made, struct.pack("<QII", 1, 0, 3))
    sectors = len(disk) // 512 * (1 << 40 if lie_about == "capacity" else 1)
    made.write(_header(sectors, directory_at, told))
    made.write(bytes(512))
    made.seek(0)
    made.write(_header(sectors, (1 << 64) - 1, told))
    return made.getvalue()


def monolithic_sparse(disk: bytes, shared: str = "") -> bytes:
    """A VMDK as a desktop writes it, not compressed, with two tables.

    ``shared`` is what two entries have together: a ``grain``, or a ``table``.
    """
    grain, entries = 65536, len(disk) // 65536 // 2
    places, grains = list[int](), io.BytesIO()
    for at in range(0, len(disk), grain):
        piece = disk[at : at + grain]
        held = piece != bytes(len(piece))
        places.append(128 + grains.tell() // 512 if held else 0)
        grains.write(piece if held else b"")
    if shared == "grain":
        places[-1] = places[0]
    directory = (2, 2 if shared == "table" else 3)
    header = struct.pack(
        "<4sIIQQQQIQQQBccccH", b"KDMV", 1, 1, len(disk) // 512, 128, 0, 0, entries, 0, 1, 128,
        0, b"\n", b" ", b"\r", b"\n", 0,
    )  # fmt: skip
    tables = [struct.pack(f"<{entries}I", *places[at : at + entries]) for at in (0, entries)]
    head = b"".join(
        part.ljust(512, b"\0") for part in (header, struct.pack("<2I", *directory), *tables)
    )
    return head.ljust(128 * 512, b"\0") + grains.getvalue()


def _header(sectors: int, directory: int, told: int) -> bytes:
    return struct.pack(
        "<4sIIQQQQIQQQBccccH", b"KDMV", 3, 0x30001, sectors, 128, 1, told, 512, 0, directory, 128,
        0, b"\n", b" ", b"\r", b"\n", 1,
    ).ljust(512, b"\0")  # fmt: skip


def _padded(made: io.BytesIO, data: bytes) -> None:
    made.write(data + bytes(-len(data) % 512))


def fixed_vhd(disk: bytes) -> bytes:
    return disk + footer(len(disk), "a test")


def dynamic_vhd(disk: bytes, *, kind: int = 3, stale: bytes = b"") -> bytes:
    """A dynamic VHD of blocks of 64 KiB; ``stale`` is what lies in sectors that nobody wrote."""
    block, places, blocks = 65536, list[int](), io.BytesIO()
    entries = -(-len(disk) // block)
    table_at = 512 + 1024
    data_at = table_at + -(-entries * 4 // 512) * 512
    for index in range(entries):
        piece = disk[index * block : (index + 1) * block].ljust(block, b"\0")
        if piece == bytes(block):
            places.append(0xFFFFFFFF)
            continue
        places.append((data_at + blocks.tell()) // 512)
        written, data = bytearray(16), bytearray(piece)
        for sector in range(128):
            if any(piece[sector * 512 : sector * 512 + 512]):
                written[sector >> 3] |= 0x80 >> (sector & 7)
            elif stale:
                data[sector * 512 : sector * 512 + 512] = (stale * 512)[:512]
        blocks.write(written.ljust(512, b"\0") + data)
    header = struct.pack(">8sQQIII", b"cxsparse", (1 << 64) - 1, table_at, 1 << 16, entries, block)
    header = _summed(header.ljust(1024, b"\0"), 36)
    last = bytearray(footer(len(disk), "a test"))
    last[16:24], last[60:64], last[64:68] = (
        struct.pack(">Q", 512),
        struct.pack(">I", kind),
        bytes(4),
    )
    end = _summed(bytes(last), 64)
    table = struct.pack(f">{entries}I", *places).ljust(data_at - table_at, b"\xff")
    return end + header + table + blocks.getvalue() + end


def _summed(found: bytes, at: int) -> bytes:
    return found[:at] + struct.pack(">I", ~sum(found) & 0xFFFFFFFF) + found[at + 4 :]


def manifest(files: dict[str, bytes], algorithm: str = "SHA256") -> bytes:
    rows = (
        f"{algorithm}({name})= {hashlib.new(algorithm, data).hexdigest()}\n"
        for name, data in files.items()
    )
    return "".join(rows).encode()


def write(folder: Path, files: dict[str, bytes | str]) -> None:
    for name, data in files.items():
        path = folder / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)


def ova(path: Path, files: dict[str, bytes | str]) -> None:
    """An archive of these, in this order, as an exporter writes it."""
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files.items():
            raw = data.encode() if isinstance(data, str) else data
            member = tarfile.TarInfo(name)
            member.size = len(raw)
            archive.addfile(member, io.BytesIO(raw))


def read_all(reader: DiskReader) -> bytes:
    """Every byte, in pieces that no grain begins or ends with."""
    found = bytearray(reader.size_bytes)
    for at in range(0, reader.size_bytes, 300_001):
        reader.read_into(at, memoryview(found)[at : at + 300_001])
    return bytes(found)


def holes(reader: DiskReader) -> Iterator[Extent]:
    """What is promised to be zeros; everything is told once, in order."""
    at = 0
    for extent in reader.extents(0, reader.size_bytes):
        assert extent.offset == at
        at += extent.length
        if not extent.data:
            yield extent
    assert at == reader.size_bytes
