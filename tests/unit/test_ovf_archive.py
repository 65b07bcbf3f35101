"""Archives are the same for the same members, and are read by Python's own reader."""

import tarfile

import pytest

from providers.ovf.writing import archive
from providers.ovf.writing.archive import Member


def test_the_same_members_give_the_same_bytes_in_their_order(tmp_path):
    (tmp_path / "disk").write_bytes(b"d" * 70_000)
    members = [Member("a.ovf", b"first"), Member("a.mf", b"x" * 512),
               Member("b.vmdk", tmp_path / "disk")]  # fmt: skip
    places = archive.write(tmp_path / "one.ova", members)
    archive.write(tmp_path / "two.ova", members)

    written = (tmp_path / "one.ova").read_bytes()
    assert written == (tmp_path / "two.ova").read_bytes()
    with tarfile.open(tmp_path / "one.ova") as tar:
        found = tar.getmembers()
        assert [one.name for one in found] == ["a.ovf", "a.mf", "b.vmdk"]
        assert {(one.uid, one.gid, one.uname, one.mtime, one.mode) for one in found} == {
            (0, 0, "", 0, 0o644)
        }
        assert [tar.extractfile(one).read() for one in found] == [
            b"first", b"x" * 512, b"d" * 70_000
        ]  # fmt: skip
        assert [one.offset_data for one in found] == [place.start for place in places]


@pytest.mark.parametrize("size", [(8 << 30) - 1, 8 << 30, 5 << 40])
def test_a_member_of_any_size_has_a_header_that_says_it(tmp_path, size):
    header = archive.header("large.vmdk", size)
    sparse = tmp_path / "sparse.tar"
    with sparse.open("wb") as file:
        file.write(header)
        file.truncate(512 + -(-size // 512) * 512 + 1024)

    with tarfile.open(sparse) as tar:
        (found,) = tar.getmembers()
    assert (found.name, found.size) == ("large.vmdk", size)
    assert header[257:263] == (b"ustar\0" if size < 8 << 30 else b"ustar ")
