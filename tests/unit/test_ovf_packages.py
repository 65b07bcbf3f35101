"""Archives, manifests and images as strangers make them, and what is kept beside a package."""

import gzip
import json
import os
import random
import tarfile
import time
import tracemalloc
from contextlib import suppress

import pytest

from coldferry.errors import (
    BadInput,
    ColdferryError,
    Conflict,
    Denied,
    Drifted,
    Failed,
    NotMovable,
    Refused,
)
from coldferry.migration import Marks, State
from coldferry.plan import devices_of
from coldferry.ports import PowerState
from providers.ovf.access import OvfAccess
from providers.ovf.archive import members
from providers.ovf.cloud import OvfCloud
from tests.conformance.cases import MIGRATION
from tests.unit.ovf_packages import (
    DISK,
    FILE,
    SIZE,
    STREAM,
    content,
    descriptor,
    dynamic_vhd,
    fixed_vhd,
    holes,
    manifest,
    ova,
    read_all,
    stream_optimized,
    write,
)

CONTENT = content()
IMAGE = stream_optimized(CONTENT)


@pytest.fixture
def cloud(tmp_path):
    return OvfCloud(OvfAccess(folder=str(tmp_path)))


def frozen_of(cloud, vm):
    devices = devices_of(cloud.describe(vm))
    return cloud.freeze(vm, MIGRATION, devices)


def bytes_of(cloud, vm="web.ova"):
    """The first disk, as it is read when it is frozen; what is promised as zeros is zeros."""
    with cloud.open_frozen(frozen_of(cloud, vm)[0]) as reader:
        found = read_all(reader)
        for hole in holes(reader):
            assert not any(found[hole.offset : hole.offset + hole.length])
    return found


def refusals(cloud, vm="web.ova"):
    return " ".join(one.what for one in cloud.unmovable(vm) if one.severity == "refuse")


VHD = DISK.replace(STREAM, "http://go.microsoft.com/fwlink/?LinkId=137171#vhd")
RAW = DISK.replace(STREAM, "raw")


@pytest.mark.parametrize(
    ("disk", "image"),
    [
        (DISK, IMAGE),
        (VHD, fixed_vhd(CONTENT)),
        (VHD, dynamic_vhd(CONTENT)),
        (VHD, dynamic_vhd(CONTENT, stale=b"left ")),
        (RAW, CONTENT),
    ],
    ids=["vmdk", "fixed vhd", "dynamic vhd", "dynamic vhd with stale sectors", "raw"],
)
def test_a_disk_is_read_where_it_lies_inside_the_archive(cloud, tmp_path, disk, image):
    text = descriptor(disks=disk)
    ova(tmp_path / "web.ova", {"web.ovf": text, "disk1.vmdk": image})
    before = sorted(tmp_path.iterdir())

    assert bytes_of(cloud) == CONTENT
    assert sorted(tmp_path.iterdir()) == [tmp_path / ".coldferry", *before]


def test_an_empty_disk_reads_as_zeros_and_holds_nothing(cloud, tmp_path):
    disks = DISK + '<Disk ovf:diskId="d2" ovf:capacity="1048576"/>'
    second = "ovf:/disk/d2"
    text = descriptor(disks=disks).replace("ovf:/disk/d1", second)
    ova(tmp_path / "web.ova", {"web.ovf": text, "disk1.vmdk": IMAGE})

    with cloud.open_frozen(frozen_of(cloud, "web.ova")[0]) as reader:
        assert [one.length for one in holes(reader)] == [1 << 20]
        assert read_all(reader) == bytes(1 << 20)


@pytest.mark.parametrize("chunk", [None, 100_000, len(IMAGE)])
@pytest.mark.parametrize("packed", [False, True])
def test_compressed_and_chunked_files_are_read(cloud, tmp_path, chunk, packed):
    stored = gzip.compress(IMAGE, 1) if packed else IMAGE
    told = ' ovf:compression="gzip"' if packed else f' ovf:size="{len(stored)}"'
    files: dict[str, bytes | str] = {"disk1.vmdk": stored}
    if chunk:
        told += f' ovf:chunkSize="{chunk}"'
        pieces = [stored[at : at + chunk] for at in range(0, len(stored), chunk)]
        files = {f"disk1.vmdk.{n:09d}": piece for n, piece in enumerate(pieces)}
    text = descriptor(files=FILE.replace("/>", f"{told}/>"))
    ova(tmp_path / "web.ova", {"web.ovf": text, **files})

    assert bytes_of(cloud) == CONTENT


def test_a_chunk_that_is_missing_is_told(cloud, tmp_path):
    text = descriptor(files=FILE.replace("/>", f' ovf:size="{len(IMAGE)}" ovf:chunkSize="9000"/>'))
    ova(tmp_path / "web.ova", {"web.ovf": text, "disk1.vmdk.000000000": IMAGE[:9000]})

    assert "000000001" in refusals(cloud)


def test_a_gzip_bomb_is_refused_soon_and_in_little_memory(cloud, tmp_path):
    """300 MiB of zeros where a disk of 4 MiB is said to be."""
    with gzip.open(tmp_path / "bomb", "wb", compresslevel=1) as bomb:
        for _ in range(300):
            bomb.write(bytes(1 << 20))
    text = descriptor(files=FILE.replace("/>", ' ovf:compression="gzip"/>'), disks=RAW)
    ova(tmp_path / "web.ova", {"web.ovf": text, "disk1.vmdk": (tmp_path / "bomb").read_bytes()})
    began = time.monotonic()
    tracemalloc.start()
    frozen = frozen_of(cloud, "web.ova")[0]
    with pytest.raises(NotMovable, match="inflates to more"), cloud.open_frozen(frozen):
        pass
    _, most_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert time.monotonic() - began < 10
    assert most_bytes < 64 << 20


@pytest.mark.parametrize("told", ['ovf:compression="gzip"', 'ovf:compression="xz"'])
def test_what_is_not_compressed_as_is_said_is_refused(cloud, tmp_path, told):
    text = descriptor(files=FILE.replace("/>", f" {told}/>"))
    ova(tmp_path / "web.ova", {"web.ovf": text, "disk1.vmdk": IMAGE})
    frozen = frozen_of(cloud, "web.ova")[0]

    with pytest.raises(NotMovable), cloud.open_frozen(frozen):
        pass


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (b"", "no header"),
        (b"KDMV", "no header"),
        (b"# Disk DescriptorFile\ncreateType=monolithicFlat", "descriptor of other files"),
        (stream_optimized(CONTENT, parent="1234abcd"), "differs from another disk"),
        (stream_optimized(CONTENT, lie_about="capacity"), "sectors"),
        (IMAGE[: len(IMAGE) // 2], "no header"),
        (IMAGE.replace(b"streamOptimized", b"twoGbMaxExtent "), "twoGbMaxExtent"),
    ],
)
def test_a_vmdk_that_is_none_that_can_be_read_alone_is_refused(cloud, tmp_path, image, words):
    ova(tmp_path / "web.ova", {"web.ovf": descriptor(), "disk1.vmdk": image})

    assert words in refusals(cloud)


@pytest.mark.parametrize("lie", ["grain", "marker", "table"])
def test_a_grain_that_is_damaged_or_leads_astray_ends_the_reading(cloud, tmp_path, lie):
    image = stream_optimized(CONTENT, lie_about=lie)
    ova(tmp_path / "web.ova", {"web.ovf": descriptor(), "disk1.vmdk": image})

    with pytest.raises((Failed, NotMovable)):
        bytes_of(cloud)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (CONTENT, "no footer"),
        (dynamic_vhd(CONTENT, kind=4), "differs from another disk"),
        (dynamic_vhd(CONTENT)[512 * 40 :], "header"),
        (fixed_vhd(CONTENT)[512:], "footer"),
    ],
)
def test_a_vhd_that_is_none_or_leans_on_another_is_refused(cloud, tmp_path, image, words):
    ova(tmp_path / "web.ova", {"web.ovf": descriptor(disks=VHD), "disk1.vmdk": image})

    assert words in refusals(cloud)


@pytest.mark.parametrize("algorithm", ["SHA1", "SHA256"])
def test_a_manifest_holds_and_a_flipped_byte_is_found_before_a_disk_is_read(
    cloud, tmp_path, algorithm
):
    text = descriptor()
    rows = manifest({"web.ovf": text.encode(), "disk1.vmdk": IMAGE}, algorithm)
    files = {"web.ovf": text, "web.mf": rows, "disk1.vmdk": IMAGE}
    ova(tmp_path / "web.ova", files)
    assert cloud.unmovable("web.ova") == []
    assert bytes_of(cloud) == CONTENT

    ova(tmp_path / "web.ova", files | {"disk1.vmdk": IMAGE[:70000] + b"?" + IMAGE[70001:]})
    (found,) = cloud.preflight_source("web.ova", None)
    assert "manifest was made of" in found.what
    with pytest.raises(BadInput, match="digest differs"):
        frozen_of(cloud, "web.ova")

    ova(tmp_path / "web.ova", files | {"web.ovf": text.replace("web-01", "web-02")})
    with pytest.raises(BadInput, match="digest differs"):
        cloud.describe("web.ova")


@pytest.mark.parametrize(
    "rows", [b"hello", b"MD5(web.ovf)= d41d8cd98f00b204e9800998ecf8427e", b"\0"]
)
def test_a_manifest_that_is_none_is_refused(cloud, tmp_path, rows):
    ova(tmp_path / "web.ova", {"web.ovf": descriptor(), "web.mf": rows, "disk1.vmdk": IMAGE})

    with pytest.raises(BadInput):
        cloud.describe("web.ova")


def member(name, kind=tarfile.REGTYPE, link=""):
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, link
    return made


@pytest.mark.parametrize(
    "hostile",
    [
        member("../evil"),
        member("/etc/evil"),
        member("a/../../evil"),
        member("disk1.vmdk", tarfile.SYMTYPE, "/etc/passwd"),
        member("disk1.vmdk", tarfile.LNKTYPE, "web.ovf"),
        member("disk1.vmdk", tarfile.CHRTYPE),
        member("folder", tarfile.DIRTYPE),
        member("web.ovf"),
        member("second.ovf"),
        member("sparse", tarfile.GNUTYPE_SPARSE),
    ],
    ids=lambda one: f"{one.name} {one.type.decode()}",
)
def test_a_member_that_is_no_plain_file_of_the_package_is_refused(cloud, tmp_path, hostile):
    ova(tmp_path / "web.ova", {"web.ovf": descriptor()})
    with tarfile.open(tmp_path / "web.ova", "a", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(hostile)

    with pytest.raises(BadInput):
        cloud.describe("web.ova")
    assert cloud.machines() == []


@pytest.mark.parametrize(
    "data",
    [b"", b"no tar", bytes(10240), gzip.compress(bytes(10240))],
    ids=["empty", "text", "zeros", "gzip"],
)
def test_what_is_no_archive_is_refused(cloud, tmp_path, data):
    (tmp_path / "web.ova").write_bytes(data)

    with pytest.raises(BadInput):
        cloud.describe("web.ova")


def test_an_archive_that_is_cut_off_is_refused(cloud, tmp_path):
    ova(tmp_path / "web.ova", {"web.ovf": descriptor(), "disk1.vmdk": IMAGE})
    whole = (tmp_path / "web.ova").read_bytes()
    (tmp_path / "web.ova").write_bytes(whole[: len(whole) // 2])

    with pytest.raises(BadInput, match="cut off"):
        cloud.describe("web.ova")


def test_a_long_name_without_an_end_is_not_read_into_memory(tmp_path):
    """A header that says: the next member's name has eight gigabytes. The file is sparse."""
    huge = member("././@LongLink", tarfile.GNUTYPE_LONGNAME)
    huge.size = 8 << 30
    path = tmp_path / "web.ova"
    path.write_bytes(huge.tobuf(tarfile.GNU_FORMAT))
    os.truncate(path, 9 << 30)

    with pytest.raises(BadInput):
        members(path)


# -- beside the package ------------------------------------------------------


@pytest.fixture
def package(tmp_path):
    write(tmp_path, {"web.ovf": descriptor(), "disk1.vmdk": IMAGE})
    return tmp_path


def test_a_package_never_runs(cloud, package):
    assert cloud.power("web.ovf") is PowerState.STOPPED
    for order in (cloud.start, cloud.reboot):
        with pytest.raises(Refused, match="has no power"):
            order("web.ovf")


def test_a_package_that_changes_between_freeze_and_read_is_refused(cloud, package):
    (frozen,) = frozen_of(cloud, "web.ovf")
    write(package, {"disk1.vmdk": IMAGE + bytes(512)})

    assert cloud.started_since("web.ovf", [frozen])
    assert cloud.ran_since("web.ovf", MIGRATION) is True
    with pytest.raises(Drifted), cloud.open_frozen(frozen):
        pass


def test_marks_stand_in_a_small_file_beside_the_package_and_hold_for_its_machine_only(
    cloud, package
):
    marks = Marks(MIGRATION, State.HALTED, "stopped")
    cloud.mark("web.ovf", marks)
    place = package / ".coldferry" / "web.ovf.json"

    assert list(json.loads(place.read_text())["marks"]) == ["web.ovf"]
    write(package, {"copy.ovf": descriptor()})
    place.rename(place.with_name("copy.ovf.json"))
    assert cloud.marks("web.ovf") is None
    assert cloud.marks("copy.ovf") is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"marks": {"web.ovf": 1}}', "null"])
def test_a_file_of_marks_that_is_not_ours_counts_for_nothing(cloud, package, text):
    (package / ".coldferry").mkdir()
    write(package / ".coldferry", {"web.ovf.json": text})

    assert cloud.marks("web.ovf") is None
    assert (list(cloud.marked()), cloud.owned()) == ([], [])
    with pytest.raises(Conflict, match="is not written over"):
        cloud.mark("web.ovf", Marks(MIGRATION, State.HALTED, "stopped"))
    assert (package / ".coldferry" / "web.ovf.json").read_text() == text


def test_marks_are_not_written_through_a_link(cloud, package, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (package / ".coldferry").symlink_to(elsewhere)

    with pytest.raises(Denied):
        cloud.mark("web.ovf", Marks(MIGRATION, State.HALTED, "stopped"))
    assert list(elsewhere.iterdir()) == []


def test_only_packages_that_can_be_described_are_listed_and_a_doctor_names_the_others(
    cloud, package
):
    write(package, {"broken.ovf": "<", "notes.txt": "x", "odd#name%.ovf": descriptor()})
    os.mkfifo(package / "pipe.ovf")

    assert cloud.machines() == ["odd%23name%25.ovf", "web.ovf"]
    said = [check for check in cloud.diagnose() if not check.ok]
    assert [check.name for check in said] == ["package"]
    assert "broken.ovf" in said[0].what


def test_a_folder_that_is_not_there_is_told(tmp_path):
    cloud = OvfCloud(OvfAccess(folder=str(tmp_path / "none")))

    with pytest.raises(BadInput):
        cloud.machines()
    assert [check.ok for check in cloud.diagnose()] == [False]
    with pytest.raises(BadInput):
        OvfCloud(OvfAccess())


def test_bytes_turned_anywhere_are_refused_or_read_and_never_a_defect(cloud, tmp_path):
    """Any error is one of ours, whatever is flipped in archive, descriptor or image."""
    dice = random.Random(5)
    ova(tmp_path / "web.ova", {"web.ovf": descriptor(), "disk1.vmdk": IMAGE})
    whole = (tmp_path / "web.ova").read_bytes()
    for _ in range(60):
        turned = bytearray(whole)
        for _ in range(dice.randrange(1, 6)):
            turned[dice.randrange(dice.choice((4096, 16384, len(whole))))] = dice.randrange(256)
        (tmp_path / "web.ova").write_bytes(turned)
        with suppress(ColdferryError):
            assert len(bytes_of(cloud)) == SIZE
