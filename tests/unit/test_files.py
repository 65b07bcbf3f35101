"""Disks in files: what is a hole, what is busy, what was written to meanwhile."""

import fcntl
import os
import random
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from coldferry.disk import Extent
from coldferry.endpoints import Attempt
from coldferry.errors import BadInput, Conflict, DiskSealed, Drifted, Refused
from coldferry.vhd import disk_bytes, footer
from providers.files.reading import FileReader
from providers.files.writing import FileWriter, part_of

MIB = 1 << 20
KEY = Attempt("0123456789abcdef")


@pytest.fixture
def sparse(tmp_path) -> Path:
    """8 MiB with data in the second MiB and at the very end."""
    path = tmp_path / "sparse.raw"
    with path.open("wb") as file:
        file.truncate(8 * MIB)
        file.seek(MIB)
        file.write(random.Random(1).randbytes(MIB))
        file.seek(8 * MIB - 100)
        file.write(b"z" * 100)
    return path


def writer(path: Path, size: int, *, vhd: bool = False, fresh: bool = True) -> FileWriter:
    return FileWriter(path, size, KEY, vhd=vhd, fresh=fresh)


class TestReading:
    def test_holes_are_told_and_windows_fit_together(self, sparse):
        reader = FileReader(sparse)
        whole = list(reader.extents(0, 8 * MIB))
        windows = [e for at in range(0, 8 * MIB, MIB // 2) for e in reader.extents(at, MIB // 2)]

        assert whole[:3] == [
            Extent(0, MIB, data=False),
            Extent(MIB, MIB),
            Extent(2 * MIB, 6 * MIB - 4096, data=False),
        ]
        assert whole[3] == Extent(8 * MIB - 4096, 4096)
        assert sum(e.length for e in windows) == 8 * MIB
        assert sum(e.length for e in windows if e.data) == MIB + 4096
        reader.close()

    def test_nothing_but_a_hole_is_one_extent(self, tmp_path):
        (tmp_path / "hole").touch()
        os.truncate(tmp_path / "hole", 5000)
        reader = FileReader(tmp_path / "hole")

        assert list(reader.extents(0, 5000)) == [Extent(0, 5000, data=False)]
        reader.close()

    def test_any_range_is_read_into_the_caller_s_memory(self, sparse):
        reader, content = FileReader(sparse), sparse.read_bytes()
        for offset, length in ((0, 10), (MIB - 5, 2 * MIB), (8 * MIB - 200, 200), (5, 0)):
            buffer = bytearray(length)
            reader.read_into(offset, memoryview(buffer))
            assert buffer == content[offset : offset + length]
        reader.close()

    def test_a_file_that_shrinks_is_an_error_not_zeros(self, sparse):
        reader = FileReader(sparse)
        os.truncate(sparse, 4 * MIB)
        with pytest.raises(Drifted, match="shorter"):
            reader.read_into(4 * MIB - 10, memoryview(bytearray(20)))
        with pytest.raises(Drifted):
            reader.check_unchanged()
        reader.close()

    def test_a_file_that_grows_or_is_written_to_is_found_out(self, sparse):
        reader = FileReader(sparse)
        reader.check_unchanged()
        with sparse.open("r+b") as file:
            file.write(b"!")
        with pytest.raises(Drifted, match="written to"):
            reader.check_unchanged()
        reader.close()

    def test_what_is_no_disk_is_refused(self, tmp_path):
        (tmp_path / "empty").touch()
        os.mkfifo(tmp_path / "pipe")
        for name in ("nothing", "empty", "pipe", "."):
            with pytest.raises(BadInput):
                FileReader(tmp_path / name)


class TestWriting:
    def test_a_file_has_its_name_only_when_it_is_finished(self, tmp_path):
        path = tmp_path / "new.raw"
        made = writer(path, MIB + 3)
        made.write(MIB, memoryview(b"end"))
        assert not path.exists()
        assert made.commit() == str(path)
        made.publish()
        made.close()

        assert path.read_bytes() == bytes(MIB) + b"end"
        assert path.stat().st_blocks * 512 < MIB
        assert (made.requests, made.sent_bytes) == (1, 3)

    def test_zero_overwrites_what_was_written(self, tmp_path):
        made = writer(tmp_path / "new.raw", MIB)
        made.write(0, memoryview(b"x" * MIB))
        made.zero(4096, 100_001)
        made.commit()
        made.publish()
        made.close()

        content = (tmp_path / "new.raw").read_bytes()
        assert content == b"x" * 4096 + bytes(100_001) + b"x" * (MIB - 104_097)

    def test_a_resume_keeps_what_was_written_and_a_fresh_one_does_not(self, tmp_path):
        path = tmp_path / "new.raw"
        first = writer(path, MIB)
        first.write(0, memoryview(b"kept"))
        first.close()
        second = writer(path, MIB, fresh=False)
        assert second.identity == first.identity
        assert part_of(path, KEY.key).read_bytes()[:4] == b"kept"
        second.close()
        writer(path, MIB).close()

        assert not any(part_of(path, KEY.key).read_bytes())

    def test_a_finished_disk_takes_no_more(self, tmp_path):
        made = writer(tmp_path / "new.raw", MIB)
        made.commit()
        assert made.commit() == str(tmp_path / "new.raw")
        with pytest.raises(DiskSealed):
            made.write(0, memoryview(b"x"))
        made.close()

    def test_what_does_not_fit_is_refused(self, tmp_path):
        made = writer(tmp_path / "new.raw", MIB)
        with pytest.raises(Conflict):
            made.write(MIB - 1, memoryview(b"xx"))
        made.close()

    def test_a_file_with_data_is_refused_when_it_appears_meanwhile_too(self, tmp_path):
        path = tmp_path / "new.raw"
        made = writer(path, MIB)
        made.commit()
        path.write_bytes(b"precious")
        with pytest.raises(Refused, match="did not write"):
            made.publish()
        with pytest.raises(Refused, match="did not write"):
            writer(path, MIB)
        made.close()
        assert path.read_bytes() == b"precious"

    def test_an_empty_file_keeps_its_size_and_must_be_large_enough(self, tmp_path):
        path = tmp_path / "there.raw"
        path.touch()
        os.truncate(path, 2 * MIB)
        made = writer(path, MIB)
        assert made.size_bytes == 2 * MIB
        made.close()
        with pytest.raises(Refused, match="are needed"):
            writer(path, 3 * MIB)

    def test_a_file_that_another_process_uses_is_refused(self, tmp_path):
        path = tmp_path / "there.raw"
        with path.open("wb") as file:
            file.truncate(MIB)
            lock = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, 100, 1, 0)
            fcntl.fcntl(file, fcntl.F_OFD_SETLK, lock)  # as a running qemu does
            with pytest.raises(Refused, match="in use"):
                writer(path, MIB)


@pytest.fixture
def device(tmp_path) -> Iterator[Path]:
    """A loop device of 4 MiB."""
    backing = tmp_path / "backing"
    backing.touch()
    os.truncate(backing, 4 * MIB)
    words = ["losetup", "--find", "--show", str(backing)]
    if shutil.which("losetup") is None:
        pytest.skip("there is no losetup")
    made = subprocess.run(words, capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip("loop devices cannot be made here")
    yield Path(made.stdout.strip())
    subprocess.run(["losetup", "--detach", made.stdout.strip()], check=True)


class TestDevices:
    def test_an_empty_device_is_written_in_place_and_read(self, device):
        made = writer(device, 2 * MIB)
        made.write(MIB, memoryview(b"data" * 1024))
        made.commit()
        made.publish()
        made.close()
        reader = FileReader(device)
        content = bytearray(4 * MIB)
        reader.read_into(0, memoryview(content))
        assert list(reader.extents(0, 4 * MIB)) == [Extent(0, 4 * MIB)]
        reader.close()

        assert content == bytes(MIB) + b"data" * 1024 + bytes(3 * MIB - 4096)

    def test_a_device_that_holds_data_is_refused_and_left(self, device):
        device.write_bytes(b"precious")
        with pytest.raises(Refused, match="did not write"):
            writer(device, 2 * MIB)
        assert device.read_bytes()[:8] == b"precious"

    def test_a_fresh_copy_leaves_nothing_behind_what_it_looked_at(self, device):
        with device.open("r+b") as file:
            file.seek(3 * MIB)
            file.write(b"old")
        writer(device, 2 * MIB).close()
        assert not any(device.read_bytes())

    def test_a_device_that_is_in_use_or_too_small_is_refused(self, device):
        with pytest.raises(Refused, match="are needed"):
            writer(device, 5 * MIB)
        held = os.open(device, os.O_RDWR | os.O_EXCL)  # as a mount holds it
        with pytest.raises(Refused, match="in use"):
            writer(device, 2 * MIB)
        os.close(held)


class TestVhd:
    def test_the_footer_is_written_last_and_checked_when_read(self, tmp_path):
        path = tmp_path / "new.vhd"
        made = writer(path, MIB + 1, vhd=True)
        made.write(0, memoryview(b"boot"))
        assert made.size_bytes == MIB + 512
        assert not any(part_of(path, KEY.key).read_bytes()[-512:])
        made.commit()
        made.publish()
        made.close()

        reader = FileReader(path, vhd=True)
        assert (reader.size_bytes, path.stat().st_size) == (MIB + 512, MIB + 1024)
        reader.close()

    @pytest.mark.parametrize(
        ("at", "word"), [(0, "no VHD footer"), (60, "checksum"), (300, "checksum")]
    )
    def test_an_altered_footer_is_refused(self, at, word):
        found = bytearray(footer(MIB, "x"))
        found[at] ^= 1
        with pytest.raises(BadInput, match=word):
            disk_bytes(bytes(found), MIB + 512, "a.vhd")

    def test_a_footer_of_another_size_or_kind_is_refused(self):
        with pytest.raises(BadInput, match="the file holds"):
            disk_bytes(footer(MIB, "x"), MIB + 1024, "a.vhd")
        dynamic = bytearray(footer(MIB, "x"))
        dynamic[63] = 3
        dynamic[64:68] = bytes(4)
        dynamic[64:68] = struct.pack(">I", ~sum(dynamic) & 0xFFFFFFFF)
        with pytest.raises(BadInput, match="dynamic"):
            disk_bytes(bytes(dynamic), MIB + 512, "a.vhd")
