"""What would lose data, or call a wrong copy good, is found out by ``coldferry copy``."""

import os
import shutil
import signal
import subprocess
import time

import pytest

from tests.debian import ensure
from tests.journeys.copying import MIB, Copier, a_disk


@pytest.fixture
def copier(tmp_path):
    return Copier(tmp_path / "home")


@pytest.fixture
def disk(tmp_path):
    return a_disk(tmp_path / "disk.raw", 16 * MIB, 3_000_000, length=2_000_000)


@pytest.fixture
def device(tmp_path):
    """Shows a file as a loop device; all are gone at the end."""
    if shutil.which("losetup") is None:
        pytest.skip("there is no losetup")
    made = []

    def show(path):
        words = ["losetup", "--find", "--show", str(path)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip("loop devices cannot be made here")
        made.append(done.stdout.strip())
        return made[-1]

    yield show
    for name in made:
        subprocess.run(["losetup", "--detach", name], check=True)


def change(path, at):
    """One byte, behind the back of whoever looks at the time of modification."""
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 0xFF]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_loop_device_of_the_source_itself_is_the_same_disk(copier, disk, device):
    before = disk.read_bytes()
    for words in ((disk, device(disk)), (device(disk), disk)):
        answer = copier.copy(*words)
        assert (answer.exit_code, "same disk" in answer.sentences) == (2, True)

    assert disk.read_bytes() == before


def test_a_finished_device_is_read_again_before_it_is_called_finished(
    copier, disk, device, tmp_path
):
    backing = a_disk(tmp_path / "backing.raw", 16 * MIB)
    name = device(backing)
    assert copier.copy(disk, name).exit_code == 0
    again = copier.copy(disk, name)
    assert (again.exit_code, again.document["finished_before"]) == (0, True)

    subprocess.run(["dd", "if=/dev/urandom", f"of={name}", "bs=512", "seek=6000", "count=1",
                    "conv=notrunc,fsync"], check=True, capture_output=True)  # fmt: skip
    changed = copier.copy(disk, name)
    assert (changed.exit_code, "was changed since" in changed.sentences) == (4, True)


def test_a_source_whose_time_was_put_back_is_copied_anew(copier, disk, tmp_path):
    copier.copy(disk, tmp_path / "copy.raw")
    change(disk, 3_000_070)
    answer = copier.copy(disk, tmp_path / "copy.raw")

    assert (answer.exit_code, answer.document["finished_before"]) == (0, False)
    assert (tmp_path / "copy.raw").read_bytes() == disk.read_bytes()


@pytest.mark.parametrize("spoil", ["removed", "cut", "turned"])
def test_a_lost_manifest_does_not_make_a_good_copy_a_bad_one(copier, disk, tmp_path, spoil):
    copier.copy(disk, tmp_path / "copy.raw", "--no-verify")
    (manifest,) = copier.home.rglob("manifest")
    if spoil == "removed":
        manifest.unlink()
    elif spoil == "cut":
        os.truncate(manifest, manifest.stat().st_size // 2)
    else:
        change(manifest, manifest.stat().st_size // 2)
    answer = copier.copy(disk, tmp_path / "copy.raw")

    assert (answer.exit_code, answer.document["sent_bytes"]) == (0, 0), answer
    assert answer.document["proof"]
    assert "manifest is lost" in answer.stderr


def test_qemu_sees_the_whole_disk_in_a_vhd(copier, tmp_path):
    if not ensure("qemu-img", "qemu-utils"):
        pytest.skip("there is no qemu-img")
    whole = a_disk(tmp_path / "whole.raw", 20 * MIB, 0, 20 * MIB - 512)
    copier.copy(whole, f"vhd:{tmp_path / 'disk.vhd'}")

    words = ["qemu-img", "compare", "-f", "raw", "-F", "vpc", whole, tmp_path / "disk.vhd"]
    assert subprocess.run(words, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("name", ["limits.json", "state.json"])
def test_a_pipe_where_a_file_is_expected_is_not_waited_for(copier, disk, tmp_path, name):
    copier.copy(disk, tmp_path / "copy.raw")
    path = next(copier.home.rglob(name), copier.home / name)
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    answer = copier.copy(disk, tmp_path / "other.raw" if name[0] == "l" else tmp_path / "copy.raw")

    assert answer.exit_code in (2, 4), answer


def test_a_copy_that_was_told_to_end_says_that_it_can_go_on(copier, tmp_path):
    disk = a_disk(tmp_path / "dense.raw", 32 * MIB, 0, length=32 * MIB)
    copier.home.mkdir(mode=0o700)
    (copier.home / "limits.json").write_text('{"clouds": {"files": {"bytes_per_s": 4000000}}}')
    process = copier.start(disk, tmp_path / "copy.raw")
    time.sleep(1.5)
    process.send_signal(signal.SIGTERM)
    out, aside = process.communicate(timeout=60)

    assert (process.returncode, '"resumable": true' in out) == (6, True), aside


@pytest.mark.parametrize("before", [" ", "vhd:", "file "])
def test_a_signature_with_something_before_it_is_refused_and_not_shown(copier, disk, before):
    answer = copier.copy(disk, f"{before}http://127.0.0.1:9/c/two?sig=hushhush")

    assert answer.exit_code == 2
    assert "hushhush" not in f"{answer.document}{answer.stderr}"
    assert b"hushhush" not in b"".join(p.read_bytes() for p in copier.home.rglob("*.json"))


@pytest.mark.parametrize("mark", ["#", ";"])
def test_a_signature_anywhere_in_an_address_is_refused(copier, disk, mark):
    answer = copier.copy(disk, f"http://127.0.0.1:9/c/two{mark}sig=hushhush")

    assert (answer.exit_code, "hushhush" in f"{answer.document}") == (2, False)


def test_the_root_folder_is_no_disk(copier, disk):
    assert copier.copy(disk, "/").exit_code == 2
