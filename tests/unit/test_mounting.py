"""What a guest should mount: lines that are read as they were meant, whatever strangers named."""

import shutil
import subprocess

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from coldferry.guest.evidence import NO_EVIDENCE, Evidence, Mount
from coldferry.machine import NetworkFilesystem
from coldferry.mounting import advice, cloud_init, fstab_line, is_of
from coldferry.plan import Share, shares_of
from tests.unit.machines import a_machine

EFS = NetworkFilesystem(id="fs-0123", kind="efs", address="10.0.0.5", mounted="unknown")
BY_EFS = Mount(source="fs-0123:/www", path="/srv/web files", kind="efs", options=("tls", "_netdev"))


def share(word: str | None, filesystem: NetworkFilesystem = EFS) -> Share:
    machine = a_machine(network_filesystems=(filesystem,))
    return shares_of(machine, {"network_filesystems[0].id": word})[0]


def evidence(*mounts: Mount) -> Evidence:
    return Evidence(mounts=mounts)


def unescaped(field: str) -> str:
    """As getmntent(3) reads it."""
    raw = field.encode("utf-8", "surrogatepass")
    out, at = bytearray(), 0
    while at < len(raw):
        if raw[at : at + 1] == b"\\" and raw[at + 1 : at + 4].isdigit():
            out.append(int(raw[at + 1 : at + 4], 8))
            at += 4
        else:
            out.append(raw[at])
            at += 1
    return out.decode("utf-8", "surrogatepass")


def test_a_remote_one_is_mounted_by_its_address_late_and_with_its_own_export():
    (told,) = advice(share("remote"), evidence(BY_EFS))

    assert told.line == (
        "10.0.0.5:/www /srv/web\\040files nfs4 nfsvers=4.1,rsize=1048576,wsize=1048576,hard,"
        "timeo=600,retrans=2,noresvport,nofail,_netdev 0 0"
    )
    assert told.instead_of == "fs-0123:/www /srv/web\\040files efs tls,_netdev"
    assert "not" in told.do and "VPN" in told.do


def test_cloud_init_is_given_the_same_six_fields():
    (told,) = advice(share("remote"), evidence(BY_EFS))
    document = yaml.safe_load(told.cloud_init)

    assert told.cloud_init.startswith("#cloud-config\n")
    assert document["mounts"] == [told.line.split(" ")]


def test_another_address_and_port_of_a_person_s_stand_in_the_line():
    (told,) = advice(share("remote@nas.example:12049"), evidence(BY_EFS))

    assert told.line.startswith("nas.example:/www ")
    assert ",port=12049,nofail" in told.line


def test_where_no_mount_was_seen_the_path_is_a_proposal_and_says_so():
    (told,) = advice(share("remote"), NO_EVIDENCE)

    assert told.line.startswith("10.0.0.5:/ /mnt/fs-0123 nfs4 ")
    assert "was not seen" in told.do


def test_nofail_keeps_the_guest_s_own_line_and_adds_to_its_options():
    (told,) = advice(share("nofail"), evidence(BY_EFS))

    assert told.line == "fs-0123:/www /srv/web\\040files efs tls,nofail,_netdev 0 0"
    assert told.cloud_init == ""


def test_a_line_that_is_late_already_is_left_alone():
    late = BY_EFS.model_copy(update={"options": ("nofail",)})
    (told,) = advice(share("nofail"), evidence(late))

    assert (told.line, told.instead_of) == ("", "")


def test_one_that_is_removed_says_which_line_goes():
    (told,) = advice(share("remove"), evidence(BY_EFS))

    assert (told.line, told.instead_of.split(" ")[0]) == ("", "fs-0123:/www")


def test_each_mount_of_it_is_told_and_no_other_one_s():
    other = Mount(source="10.0.0.50:/x", path="/x", kind="nfs4")
    second = Mount(source="10.0.0.5:/y", path="/y", kind="nfs4")

    assert [one.path for one in advice(share("remote"), evidence(BY_EFS, other, second))] == [
        BY_EFS.path, "/y"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "same"),
    [
        ("fs-0123:/", True),
        ("fs-0123.efs.eu-west-1.amazonaws.com:/", True),
        ("10.0.0.5:/x", True),
        ("10.0.0.55:/x", False),
        ("fs-01234:/", False),
        ("//fs-0123.example/share", True),
        ("/dev/sdb", False),
        (":/", False),
    ],
)
def test_a_mount_is_known_by_its_host_as_a_whole(source: str, same: bool):
    assert is_of(Mount(source=source, path="/x", kind="nfs"), EFS) is same


@pytest.mark.parametrize("address", ["-o x", "10.0.0.5 /etc/passwd", "a\nb", "$(x)", "`x`"])
def test_an_address_that_is_none_makes_no_line(address: str):
    hostile = EFS.model_copy(update={"address": address})
    (told,) = advice(share("remote", hostile), evidence(BY_EFS))

    assert (told.line, told.cloud_init) == ("", "")


@given(st.lists(st.text(min_size=1), min_size=6, max_size=6))
def test_any_six_fields_are_one_line_that_is_read_as_the_same_six(fields: list[str]):
    line = fstab_line(fields)

    assert "\n" not in line and not line.startswith("#")
    assert list(map(unescaped, line.split(" "))) == fields


@given(st.lists(st.text(min_size=1), min_size=6, max_size=6))
def test_any_six_fields_are_one_entry_of_cloud_init_s(fields: list[str]):
    document = yaml.safe_load(cloud_init(fields))

    assert list(document) == ["mounts"]
    assert [list(map(unescaped, entry)) for entry in document["mounts"]] == [fields]


@pytest.mark.skipif(shutil.which("findmnt") is None, reason="there is no findmnt here")
def test_util_linux_reads_the_line_as_it_was_meant(tmp_path):
    (told,) = advice(share("remote"), evidence(BY_EFS))
    table = tmp_path / "fstab"
    table.write_text(f"{told.line}\n")
    said = subprocess.run(
        ["findmnt", "--tab-file", table, "--noheadings", "--raw", "--output", "SOURCE,FSTYPE"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    target = subprocess.run(
        ["findmnt", "--tab-file", table, "--noheadings", "--output", "TARGET", "--list"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert said.stdout.split() == ["10.0.0.5:/www", "nfs4"]
    assert target.stdout.strip() == "/srv/web files"
