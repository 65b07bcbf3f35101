"""Windows and BitLocker, as far as hives, headers and an NTFS that these tests write can show."""

import io
import struct
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyregf
import pytest

from coldferry.guest.evidence import Inspection
from coldferry.guest.hive import Damaged, Hive
from coldferry.guest.needs import GuestNeeds
from providers.aws.guest import GUEST as AWS
from providers.azure.guest import GUEST as AZURE
from tests.debian import lacking
from tests.guest.hives import hive
from tests.guest.ntfs import ntfs
from tests.guest.packages import run
from tests.guest.windows import (
    DATA_PARTITION,
    PLANTS,
    SERVICES,
    VERSION,
    Windows,
    esp,
    healthy,
    system_drive,
)
from tests.unit.guest_looks import codes, look, partitioned
from tests.unit.guest_trees import DictTree
from tests.unit.machines import a_machine

MIB = 1 << 20
MACHINE = a_machine(firmware="uefi", os_family="windows")
ANYWAY = ["windows-licence"]
"""No disk says that a licence is settled."""

SEVERE = {
    "windows-page-file/other-disk": "inform",
    "windows-hibernated/fast-startup": "inform",
    "source-agent/service": "inform",
}
SUBJECTS = {
    "windows-page-file/temporary-disk": "D:\\pagefile.sys",
    "windows-page-file/other-disk": "E:\\pagefile.sys",
    "windows-hibernated/hibernated": "disk0p2",
    "windows-hibernated/fast-startup": "disk0p2",
    "unclean-filesystem/dirty": "disk0p2",
    "source-agent/service": "AmazonSSMAgent",
}


def disk_of(guest: Windows, folder: Path) -> Path:
    drive = system_drive(folder / "c.img", guest)
    return partitioned(folder / "disk.raw", ("ef00", esp(folder / "esp.img")), ("0700", drive))


@pytest.fixture(scope="module")
def data_disk(tmp_path_factory) -> Path:
    """Drive E:, where Windows has one."""
    folder = tmp_path_factory.mktemp("data")
    disk = partitioned(folder / "data.raw", ("0700", ntfs(folder / "e.img", {"/a": b"b"})))
    run("sgdisk", "-u", f"1:{DATA_PARTITION}", disk)
    return disk


@pytest.fixture
def looked(tmp_path, data_disk) -> Callable[..., Inspection]:
    """A look at a Windows with two disks, after its halt."""

    def look_at_both(guest: Windows, **changes: Any) -> Inspection:
        asked = {"machine": MACHINE, "halted": True} | changes
        return look(disk_of(guest, tmp_path), data_disk, **asked)

    return look_at_both


def hive_of(content: bytes) -> Hive:
    return Hive(DictTree({"/hive": content}), "/hive")


@pytest.mark.parametrize(("needs", "left"), [(AZURE, AWS), (AWS, AZURE)])
def test_a_healthy_windows_leaves_its_licence_to_settle_and_nothing_else(needs, left, looked):
    found = looked(healthy(), needs=needs, left=left)

    assert codes(found) == ANYWAY
    assert found.findings[0].severity == "inform"


def test_windows_says_what_it_is(looked):
    evidence = looked(healthy()).evidence

    assert (evidence.os_family, evidence.architecture) == ("windows", "x86_64")
    assert evidence.os_name == "Windows Server 2022 Datacenter (build 20348)"
    assert (evidence.hostname, evidence.firmware) == ("win-01", "uefi")
    assert [(one.kind, one.label) for one in evidence.volumes] == [
        ("vfat", ""), ("ntfs", "Windows"), ("ntfs", ""),
    ]  # fmt: skip


def test_windows_11_calls_itself_windows_10(looked):
    guest = healthy()
    guest.software[VERSION] |= {"ProductName": "Windows 10 Pro", "CurrentBuild": "22631"}

    assert looked(guest).evidence.os_name == "Windows 11 Pro (build 22631)"


@pytest.mark.parametrize("name", sorted(PLANTS))
def test_a_planted_fault_of_windows_gives_exactly_its_finding(name, looked):
    guest = healthy()
    PLANTS[name](guest)
    found = looked(guest)
    told = next(one for one in found.findings if one.code not in ANYWAY)

    assert sorted(codes(found)) == sorted([*ANYWAY, name.partition("/")[0]])
    assert told.severity == SEVERE.get(name, "warn")
    assert told.subject == SUBJECTS.get(name, "storvsc")
    assert told.what.endswith(".") and told.do.endswith(".")


@pytest.mark.parametrize(("name", "told"), [("hibernated", 14), ("fast-startup", 0)])
def test_ntfs_3g_agrees_which_windows_is_hibernated(name, told, tmp_path):
    if lacking({"ntfs-3g.probe": "ntfs-3g"}):
        pytest.skip("there is no ntfs-3g.probe")
    guest = healthy()
    PLANTS[f"windows-hibernated/{name}"](guest)
    drive = system_drive(tmp_path / "c.img", guest)
    probe = ["ntfs-3g.probe", "--readwrite", str(drive)]

    assert subprocess.run(probe, capture_output=True, check=False).returncode == told


def test_what_was_settled_by_a_key_server_of_the_source_is_named(looked):
    guest = healthy()
    guest.software[rf"{VERSION}\SoftwareProtectionPlatform"] = {
        "KeyManagementServiceName": "169.254.169.250"
    }

    assert "169.254.169.250" in looked(guest).findings[-1].what


@pytest.mark.parametrize(
    "image",
    [
        "",
        r"\SystemRoot\system32\DRIVERS\storvsc.sys",
        r"\??\C:\Windows\System32\drivers\storvsc.sys",
    ],
)
def test_a_driver_s_file_is_found_however_its_path_is_written(image, looked):
    guest = healthy()
    guest.system[rf"{SERVICES}\storvsc"]["ImagePath"] = image

    assert codes(looked(guest)) == ANYWAY


def test_a_page_file_of_an_mbr_disk_is_known_by_its_signature(tmp_path):
    guest = healthy()
    PLANTS["windows-page-file/other-disk"](guest)
    guest.system["MountedDevices"]["\\DosDevices\\E:"] = struct.pack("<IQ", 0xC01DFE44, MIB)
    data = tmp_path / "mbr.raw"
    entry = struct.pack("<B3sB3sII", 0, b"", 0x07, b"", 2048, 2048)
    head = bytes(440) + struct.pack("<IH", 0xC01DFE44, 0) + entry + bytes(48) + b"\x55\xaa"
    data.write_bytes(head + bytes(3 * MIB))
    found = look(disk_of(guest, tmp_path), data, machine=MACHINE)

    assert "on disk1p1, not on the system's drive" in found.findings[0].what


def test_linux_needs_are_not_asked_of_windows(looked):
    needs = GuestNeeds(
        storage_drivers=("x",), network_drivers=("y",), datasource="Z", console="ttyS9",
        agents=("none",), swap_on_root_disk=False,
    )  # fmt: skip

    assert codes(looked(healthy(), needs=needs)) == ANYWAY


# -- BitLocker ----------------------------------------------------------------


def fixed(boot: bytes) -> bytes:
    sector = bytearray(512)
    sector[:3], sector[3:11], sector[510:] = boot, b"-FVE-FS-", b"\x55\xaa"
    struct.pack_into("<HB", sector, 11, 512, 8)
    sector[160:176] = uuid.UUID("4967d63b-2e29-4ad8-8399-f6a339e3d001").bytes_le
    struct.pack_into("<Q", sector, 176, MIB)
    return bytes(sector)


def to_go() -> bytes:
    sector = bytearray(512)
    sector[:3], sector[3:11], sector[510:] = b"\xeb\x58\x90", b"MSWIN4.1", b"\x55\xaa"
    sector[82:90] = b"FAT32   "
    sector[424:440] = uuid.UUID("4967d63b-2e29-4ad8-8399-f6a339e3d001").bytes_le
    struct.pack_into("<Q", sector, 440, MIB)
    return bytes(sector)


HEADERS = {
    "Windows Vista": fixed(b"\xeb\x52\x90"),
    "Windows 7 and later": fixed(b"\xeb\x58\x90"),
    "BitLocker To Go": to_go(),
}


def locked(folder: Path, header: bytes) -> Path:
    image = folder / "bitlocker.img"
    image.write_bytes(header.ljust(MIB, b"\0") + b"-FVE-FS-".ljust(MIB, b"\0"))
    return image


@pytest.mark.parametrize("made_by", HEADERS)
def test_a_bitlocker_volume_needs_somebody_at_boot(made_by, tmp_path):
    drive = locked(tmp_path, HEADERS[made_by])
    disk = partitioned(tmp_path / "disk.raw", ("ef00", esp(tmp_path / "esp.img")), ("0700", drive))
    found = look(disk, machine=MACHINE)

    assert [(one.code, one.subject) for one in found.findings] == [("bitlocker", "disk0p2")]
    assert "TPM" in found.findings[0].what
    assert [one.kind for one in found.evidence.volumes] == ["vfat", "bitlocker"]


@pytest.mark.parametrize("made_by", ["Windows 7 and later", "BitLocker To Go"])
def test_blkid_agrees_with_the_bitlocker_headers_that_these_tests_write(made_by, tmp_path):
    if lacking({"blkid": "util-linux"}):
        pytest.skip("there is no blkid")

    assert b'TYPE="BitLocker"' in run("blkid", "-p", locked(tmp_path, HEADERS[made_by]))


# -- hives --------------------------------------------------------------------

KEYS = {
    "Select": {"Current": 1},
    r"Many\Keys": {f"value {number}": number for number in range(300)},
    r"A\B\C": {
        "Text": "a\u00e4\u20ac", "Texts": ["one", "two"], "Bytes": bytes(range(256)) * 8,
        "Empty": "", "": "of the key itself",
    },
} | {rf"Services\Service {number}": {"Start": number % 5} for number in range(700)}  # fmt: skip


def test_libregf_reads_of_a_hive_what_is_read_here():
    ours = hive_of(hive(KEYS))
    theirs = pyregf.file()
    theirs.open_file_object(io.BytesIO(hive(KEYS)))
    for path, values in KEYS.items():
        key = theirs.get_key_by_path(f"\\{path.lower()}")
        told = {(one.name or ""): one for one in key.values}
        assert ours.has(path.lower())
        assert set(ours.values(path)) == set(told) == set(values)
        for name, value in ours.values(path).items():
            assert value == ours.value(path.upper(), name.upper()) == _as_libregf(told[name])


def _as_libregf(value):
    if value.type == 1:
        return value.data_as_string
    if value.type == 7:
        return tuple(value.data_as_multi_string)
    return value.data_as_integer if value.type == 4 else value.data


def test_hivex_agrees_with_the_hives_that_these_tests_write(tmp_path):
    if lacking({"hivexget": "libhivex-bin"}):
        pytest.skip("there is no hivexget")
    (tmp_path / "hive").write_bytes(hive(KEYS))
    words = ["hivexget", str(tmp_path / "hive"), r"Services\Service 7"]

    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == (
        '"Start"=dword:00000002\n'
    )


def test_of_a_large_hive_little_is_read():
    keys = {rf"Services\s{number:05}": {"blob": bytes(2000)} for number in range(5000)}
    tree = Counting({"/hive": hive(keys | {"Select": {"Current": 1}})})

    assert Hive(tree, "/hive").value("Select", "Current") == 1
    assert tree.read_bytes < 512 << 10


class Counting(DictTree):
    read_bytes = 0

    def read(self, path: str, limit_bytes: int = 1 << 20, offset: int = 0) -> bytes | None:
        found = super().read(path, limit_bytes, offset)
        self.read_bytes += len(found or b"")
        return found


def test_what_is_no_hive_is_damaged():
    with pytest.raises(Damaged):
        hive_of(b"regf" + bytes(8192))
    with pytest.raises(Damaged):
        hive_of(b"")
