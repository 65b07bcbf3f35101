"""Others write to the folder meanwhile: links and pipes in the way, no room, two runs at once."""

import errno
import gzip
import os
import subprocess
import sys
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from coldferry.errors import BadInput, Conflict, Denied, Drifted, Failed, NotMovable
from coldferry.migration import Marks, State
from coldferry.plan import devices_of
from providers.ovf.access import OvfAccess
from providers.ovf.cloud import OvfCloud
from providers.ovf.stored import Inflated, Window
from providers.ovf.writing.target import OvfTarget
from tests.conformance.cases import MIGRATION as SOURCE_MIGRATION
from tests.unit.ovf_folders import MIB, MIGRATION, a_package, a_plan, copied, left_in
from tests.unit.ovf_packages import (
    DISK,
    SIZE,
    STREAM,
    content,
    descriptor,
    manifest,
    monolithic_sparse,
    ova,
    read_all,
    write,
)

HIDDEN = ".coldferry"


@pytest.fixture
def elsewhere(tmp_path_factory):
    """What nobody gave us to write to: a folder with a file in it."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / MIGRATION).mkdir()
    (folder / MIGRATION / "disk0.raw").write_bytes(b"another's")
    return folder


@pytest.mark.parametrize("linked", [HIDDEN, f"{HIDDEN}/{MIGRATION}"])
def test_nothing_is_written_or_removed_through_a_link(tmp_path, elsewhere, linked):
    goal = elsewhere if linked == HIDDEN else elsewhere / MIGRATION
    (tmp_path / linked).parent.mkdir(exist_ok=True)
    (tmp_path / linked).symlink_to(goal)
    cloud = OvfTarget(tmp_path)
    plan = a_plan(cloud)

    with pytest.raises(Conflict, match="is a link"):
        copied(cloud, plan)
    with pytest.raises(Conflict, match="is a link"):
        cloud.discard(MIGRATION)
    assert left_in(elsewhere) == [f"{MIGRATION}/disk0.raw"]
    assert (elsewhere / MIGRATION / "disk0.raw").read_bytes() == b"another's"


@pytest.mark.parametrize("name", [".disk0.json.new", "package.ova", ".package.json.new"])
def test_a_link_in_the_place_of_a_file_is_not_written_through(tmp_path, elsewhere, name):
    cloud = OvfTarget(tmp_path)
    plan = a_plan(cloud)
    (tmp_path / HIDDEN / MIGRATION).mkdir(parents=True)
    (tmp_path / HIDDEN / MIGRATION / name).symlink_to(elsewhere / MIGRATION / "disk0.raw")

    with pytest.raises(Failed):
        cloud.allocate(plan, copied(cloud, plan))
    assert (elsewhere / MIGRATION / "disk0.raw").read_bytes() == b"another's"
    assert not list(tmp_path.glob("*.ova"))


@pytest.mark.timeout(20)
def test_a_pipe_in_the_place_of_a_package_is_waited_for_by_nobody(tmp_path):
    cloud, plan, package = a_package(tmp_path)
    package.unlink()
    os.mkfifo(package)

    assert cloud.arrived(MIGRATION) is None
    assert [one.code for one in cloud.compare(plan, package.name)] == ["package"]
    with pytest.raises(NotMovable):
        Window(package, 0, 512)
    cloud.discard(MIGRATION)
    assert package.is_fifo()


def test_a_lasting_copy_that_was_cut_off_is_made_anew_and_leaves_nothing(tmp_path):
    cloud, _, package = a_package(tmp_path)
    kept = tmp_path / HIDDEN / "kept" / MIGRATION
    kept.mkdir(parents=True)
    (kept / ".disk0.vmdk.new").write_bytes(b"half of it")
    (kept / ".disk7.vmdk.new").write_bytes(b"half of it")

    assert len(cloud.keep(MIGRATION)) == 2
    assert len(cloud.erase_kept(MIGRATION)) == 2
    assert not kept.exists()
    assert package.exists()


CODE = """
import resource, sys
from pathlib import Path

from coldferry.errors import Failed
from providers.ovf.writing.target import OvfTarget
from tests.unit.ovf_folders import a_plan, copied

folder, most = Path(sys.argv[1]), int(sys.argv[2])
cloud = OvfTarget(folder)
plan = a_plan(cloud)
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
try:
    cloud.allocate(plan, copied(cloud, plan))
except Failed as error:
    print(error.what, "|", error.do)
"""


@pytest.mark.parametrize("most", [100, 150_000, 350_000], ids=["records", "a disk", "the package"])
def test_where_the_room_ends_it_says_so_and_goes_on_once_there_is_some(tmp_path, most):
    """A file may not grow beyond ``most`` bytes, as on a disk that is full."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, tmp_path, str(most)], cwd=Path(__file__).parents[2],
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "cannot be written: File too large" in done.stdout
    assert "Make room" in done.stdout
    assert not list(tmp_path.glob("*.ova"))
    cloud = OvfTarget(tmp_path)
    plan = a_plan(cloud)
    package = tmp_path / cloud.allocate(plan, copied(cloud, plan))
    assert cloud.compare(plan, package.name) == []
    names = left_in(tmp_path)
    assert not [name for name in names if name.endswith((".raw", ".vmdk", ".new"))], names


def test_two_runs_of_one_migration_at_once_make_one_package(tmp_path):
    clouds = [OvfTarget(tmp_path), OvfTarget(tmp_path)]
    plan = a_plan(clouds[0])
    disks = copied(clouds[0], plan)
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda cloud: cloud.allocate(plan, disks), clouds))

    assert made == ["web-01.ova"] * 2
    assert clouds[0].compare(plan, made[0]) == []
    assert list(tmp_path.glob("*.ova")) == [tmp_path / "web-01.ova"]


def test_of_two_migrations_to_one_name_one_gets_it_and_the_other_takes_nothing_away(tmp_path):
    cloud = OvfTarget(tmp_path)
    plans = [a_plan(cloud), a_plan(cloud)]
    plans[1] = plans[1].model_copy(update={"migration": f"{MIGRATION[:-1]}2"})
    disks = [copied(cloud, plan) for plan in plans]

    def make(number):
        try:
            return cloud.allocate(plans[number], disks[number])
        except Conflict:
            return None

    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(make, (0, 1)))

    assert sorted(made, key=str) == [None, "web-01.ova"]
    won = made.index("web-01.ova")
    before = (tmp_path / "web-01.ova").read_bytes()
    cloud.discard(plans[1 - won].migration)
    assert (tmp_path / "web-01.ova").read_bytes() == before
    assert cloud.compare(plans[won], "web-01.ova") == []


@pytest.mark.parametrize("taken", [False, True], ids=["free", "taken at the last moment"])
def test_without_links_a_name_that_somebody_took_meanwhile_stays_theirs(
    tmp_path, monkeypatch, taken
):
    cloud = OvfTarget(tmp_path)
    plan = a_plan(cloud)
    disks = copied(cloud, plan)

    def file_system_without_links(path, goal, *, follow_symlinks):
        assert (path.name, goal, follow_symlinks) == ("package.ova", tmp_path / "web-01.ova", False)
        if taken:
            goal.write_bytes(b"another's")
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))  # link(2)

    monkeypatch.setattr(os, "link", file_system_without_links)
    if taken:
        with pytest.raises(Conflict, match="appeared meanwhile"):
            cloud.allocate(plan, disks)
        assert (tmp_path / "web-01.ova").read_bytes() == b"another's"
    else:
        assert cloud.compare(plan, cloud.allocate(plan, disks)) == []


# -- what is read ------------------------------------------------------------


@pytest.fixture
def source(tmp_path):
    return OvfCloud(OvfAccess(folder=str(tmp_path)))


def frozen_of(source, vm):
    return source.freeze(vm, SOURCE_MIGRATION, devices_of(source.describe(vm)))


def test_a_package_that_changes_while_it_is_read_is_told_afterwards(source, tmp_path):
    raw = descriptor(disks=DISK.replace(STREAM, "raw")).encode()
    ova(tmp_path / "web.ova", {"web.ovf": raw, "disk1.vmdk": content()})
    frozen = frozen_of(source, "web.ova")
    with source.open_frozen(frozen[0]) as reader:
        reader.read_into(0, memoryview(bytearray(MIB)))
        ova(tmp_path / "web.ova", {"web.ovf": raw, "disk1.vmdk": content(2)})
        read_all(reader)

    assert source.started_since("web.ova", frozen)


def test_a_package_that_is_written_to_while_it_is_held_against_its_manifest_is_refused(
    source, tmp_path
):
    data, text = content(), descriptor(disks=DISK.replace(STREAM, "raw"))
    files = {"web.ovf": text.encode(), "disk1.vmdk": data}
    write(tmp_path, files | {"web.mf": manifest(files)})
    devices, ends = devices_of(source.describe("web.ovf")), threading.Event()

    def write_again_and_again():
        now = 0
        while not ends.wait(0.0005):
            os.utime(tmp_path / "disk1.vmdk", ns=(now := now + 1, now))

    writer = threading.Thread(target=write_again_and_again)
    writer.start()
    try:
        with pytest.raises(Drifted, match="held against its manifest"):
            source.freeze("web.ovf", SOURCE_MIGRATION, devices)
    finally:
        ends.set()
        writer.join()
    assert source.owned() == []
    assert len(frozen_of(source, "web.ovf")) == 1


@pytest.mark.parametrize("row", ["", '{"attempt": "somebody\'s", "power_before": null}'])
def test_marks_that_cannot_be_read_are_not_written_over(source, tmp_path, row):
    write(tmp_path, {"web.ovf": descriptor(), "disk1.vmdk": content()})
    place = tmp_path / HIDDEN / "web.ovf.json"
    text = f'{{"marks": {{"web.ovf": {row}}}, "frozen": [], "checked": {{}}}}'
    if row:
        place.parent.mkdir()
        place.write_text(text)
    else:
        place.mkdir(parents=True)

    with pytest.raises((Conflict, Denied), match=r"is not written over|cannot be read"):
        source.mark("web.ovf", Marks(SOURCE_MIGRATION, State.HALTED, "stopped"))
    assert source.marks("web.ovf") is None
    assert place.is_dir() or place.read_text() == text


@pytest.mark.parametrize("row", ["my disk.vmdk", "my%20disk.vmdk", "./my%20disk.vmdk"])
@pytest.mark.parametrize("href", ["my disk.vmdk", "my%20disk.vmdk", "./my disk.vmdk"])
def test_a_digest_is_held_against_its_file_however_either_is_spelled(source, tmp_path, row, href):
    raw = descriptor(disks=DISK.replace(STREAM, "raw")).replace("disk1.vmdk", href).encode()
    rows = {"./web.ovf": raw, row: content()}
    write(tmp_path, {"web.ovf": raw, "my disk.vmdk": content(), "web.mf": manifest(rows)})
    assert source.unmovable("web.ovf") == []
    assert source.preflight_source("web.ovf", None) == []

    write(tmp_path, {"my disk.vmdk": content(2)})
    assert [one.code for one in source.preflight_source("web.ovf", None)] == ["manifest"]
    write(tmp_path, {"web.ovf": raw + b"\n"})
    with pytest.raises(BadInput, match="digest differs"):
        source.describe("web.ovf")


def test_a_descriptor_without_a_digest_is_told_of(source, tmp_path):
    raw = descriptor(disks=DISK.replace(STREAM, "raw")).encode()
    files = {"disk1.vmdk": content()}
    write(tmp_path, {"web.ovf": raw, "web.mf": manifest(files), **files})

    said = source.unmovable("web.ovf")
    assert [(one.code, one.subject) for one in said] == [("not-in-manifest", "web.ovf")]


def test_a_package_that_is_cut_off_while_it_is_read_ends_the_reading(source, tmp_path):
    raw = descriptor(disks=DISK.replace(STREAM, "raw")).encode()
    ova(tmp_path / "web.ova", {"web.ovf": raw, "disk1.vmdk": content()})
    frozen = frozen_of(source, "web.ova")
    with source.open_frozen(frozen[0]) as reader:
        os.truncate(tmp_path / "web.ova", MIB)
        with pytest.raises(Failed, match="cut off or was changed"):
            read_all(reader)


@pytest.mark.parametrize("shared", ["grain", "table"])
def test_grains_that_lie_at_one_place_are_no_disk(source, tmp_path, shared):
    text = descriptor(disks=DISK.replace("streamOptimized", "sparse"))
    write(tmp_path, {"web.ovf": text, "disk1.vmdk": monolithic_sparse(content())})
    (frozen,) = frozen_of(source, "web.ovf")
    with source.open_frozen(frozen) as reader:
        assert read_all(reader) == content()

    write(tmp_path, {"disk1.vmdk": monolithic_sparse(content(), shared=shared)})
    (frozen,) = frozen_of(source, "web.ovf")
    with (
        pytest.raises(NotMovable, match="two of its grains lie at one place"),
        source.open_frozen(frozen) as reader,
    ):
        list(reader.extents(0, SIZE))


def test_gzip_of_nothing_again_and_again_is_refused_soon(tmp_path):
    path = tmp_path / "disk1.vmdk.gz"
    path.write_bytes(gzip.compress(b"") * 100_000)
    began = time.monotonic()
    with pytest.raises(NotMovable, match="is damaged"):
        Inflated(Window(path, 0, path.stat().st_size), MIB, path.name)

    assert time.monotonic() - began < 5


def test_what_is_kept_of_an_inflation_stays_small(tmp_path):
    """A quarter of a GiB that deflates to 1 MiB; what was fed is not kept beside it."""
    path = tmp_path / "disk1.raw.gz"
    with gzip.open(path, "wb", compresslevel=1) as packed:
        for _ in range(256):
            packed.write(bytes(MIB))
    tracemalloc.start()
    found = Inflated(Window(path, 0, path.stat().st_size), 256 * MIB, path.name)
    _, most_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert found.size_bytes == 256 * MIB
    assert most_bytes < 8 * MIB
