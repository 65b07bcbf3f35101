"""What a person writes for the two ends of a copy."""

import os
from pathlib import Path

import pytest

from coldferry.endpoints import Endpoint, Kind, as_source, parse_source, parse_target
from coldferry.errors import BadInput

SIGNED = "https://acc.blob.example/disks/a.vhd?sv=2023&se=2030&sig=aHVzaA%3D%3D"


@pytest.mark.parametrize(
    ("word", "kind", "address"),
    [("/a/b.raw", Kind.FILE, "/a/b.raw"), ("vhd:/a/b.vhd", Kind.VHD, "vhd:/a/b.vhd"),
     ("vhd://a/b.vhd", Kind.VHD, "vhd:/a/b.vhd"), ("./vhd:x", Kind.FILE, None),
     ("https://h/c/b", Kind.PAGE_BLOB, "https://h/c/b"),
     ("http://h:10000/acc/c/b?snapshot=1", Kind.PAGE_BLOB, "http://h:10000/acc/c/b?snapshot=1"),
     ("ebs:eu-west-1/snap-0123456789abcdef0", Kind.SNAPSHOT,
      "ebs:eu-west-1/snap-0123456789abcdef0")],
)  # fmt: skip
def test_each_word_is_one_kind_of_disk(word, kind, address):
    found = parse_source(word, {})
    assert (found.kind, found.address) == (kind, address or f"{Path.cwd()}/vhd:x")


def test_a_signature_comes_from_the_environment_and_is_never_shown():
    found = parse_target("env:BLOB", {"BLOB": SIGNED})

    assert (found.address, found.url) == ("https://acc.blob.example/disks/a.vhd", SIGNED)
    assert "sig" not in repr(found)


def test_a_relative_path_and_a_link_are_the_same_disk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "disk").write_bytes(b"x")
    (tmp_path / "link").symlink_to("disk")

    words = ("disk", "./disk", "link", str(tmp_path / "disk"))
    assert {parse_source(word, {}).address for word in words} == {os.path.realpath("disk")}


@pytest.mark.parametrize(
    "word",
    [SIGNED, "https://h/c/b?SIG=x", "https://h/c/b?X-Amz-Signature=x", "http://u:p@h/c/b",
     "https://h", "https://h/c", "ftp://h/c/b", "env:", "env:1", "env:NOT_SET", "env:NO_URL",
     "ebs:eu-west-1", "ebs:/snap-00000000", "ebs:eu-west-1/vol-1", "ebs:EU/snap-00000000",
     "ebs:eu-west-1/new", "vhd:", ""],
)  # fmt: skip
def test_what_is_no_source_is_refused_without_repeating_a_secret(word):
    with pytest.raises(BadInput) as caught:
        parse_source(word, {"NO_URL": "hush"})

    assert "hush" not in str(caught.value)
    assert "aHVz" not in str(caught.value)


def test_a_snapshot_that_is_there_is_no_target():
    with pytest.raises(BadInput, match="cannot be written"):
        parse_target("ebs:eu-west-1/snap-00000000", {})


def test_a_new_snapshot_is_read_back_by_its_id():
    made = parse_target("ebs:eu-west-1/new", {})

    assert as_source(made, "snap-00000000") == Endpoint(
        Kind.SNAPSHOT, "ebs:eu-west-1/snap-00000000", region="eu-west-1", snapshot="snap-00000000"
    )
