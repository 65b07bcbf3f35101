"""One disk by itself: between files, page blobs and snapshots, as a person does it."""

import json
import os
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coldferry.endpoints import parse_source
from coldferry.errors import Drifted
from providers.endpoints import open_source
from sandbox.aws.server import AwsServer
from sandbox.azure.azurite import Azurite, ensure_azurite
from sandbox.azure.server import default_azurite_cache
from tests.journeys.copying import MIB, BlobStore, Copier, a_disk, aws_environment, secrets_in
from tests.unit.aws_world import KEY_ID, QUICK, SECRET

REPO = Path(__file__).parents[2]
BLOCK = 524_288
SIZE = 21 * MIB + 5


@pytest.fixture
def copier(tmp_path):
    return Copier(tmp_path / "home")


@pytest.fixture
def disk(tmp_path):
    """Data at both ends, within a grain, and over the border of two blocks."""
    return a_disk(tmp_path / "disk.raw", SIZE, 0, 3 * MIB + 77, 8 * MIB - 1000, SIZE - 100)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    azurite = Azurite(
        ensure_azurite(default_azurite_cache(REPO)), tmp_path_factory.mktemp("azurite")
    )
    azurite.start()
    try:
        yield BlobStore(azurite)
    finally:
        azurite.stop()


@pytest.fixture(scope="module")
def aws():
    server = AwsServer(KEY_ID, SECRET, QUICK)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def environment(aws: AwsServer) -> dict[str, str]:
    return aws_environment(
        {"access_key_id": KEY_ID, "secret_access_key": SECRET, "endpoint_url": aws.endpoint_url}
    )


def puts(aws: AwsServer) -> dict[str, Any]:
    return aws.faults.counts().get("ebs:PutSnapshotBlock", {"calls": 0, "body_bytes": 0})


def _recorded(copier: Copier) -> Callable[[], bool]:
    """Something is in a manifest."""
    return lambda: any(p.stat().st_size > 1000 for p in copier.home.rglob("manifest*"))


class TestFiles:
    def test_a_file_arrives_sparse_and_proven(self, copier, disk, tmp_path):
        answer = copier.copy(disk, tmp_path / "copy.raw")

        document = answer.document
        assert answer.exit_code == 0, answer
        assert (tmp_path / "copy.raw").read_bytes() == disk.read_bytes()
        assert (tmp_path / "copy.raw").stat().st_blocks * 512 < 2 * MIB
        assert document["size_bytes"] == SIZE
        assert 0 < document["data_bytes"] <= MIB  # whole blocks of 4 KiB
        assert document["data_bytes"] - 8 * 4096 < document["sent_bytes"] <= 2 * MIB
        assert document["peak_rss_bytes"] < 160 * MIB
        assert document["proof"]
        assert len(document["manifest_root"]) == 64
        assert sorted(path.name for path in tmp_path.glob("copy*")) == ["copy.raw"]

    def test_a_finished_copy_says_so_and_sends_nothing(self, copier, disk, tmp_path):
        first = copier.copy(disk, tmp_path / "copy.raw").document
        again = copier.copy(disk, tmp_path / "copy.raw").document

        assert (again["sent_bytes"], again["requests"], again["finished_before"]) == (0, 0, True)
        assert again["manifest_root"] == first["manifest_root"]

    def test_a_finished_copy_is_proven_later_when_asked(self, copier, disk, tmp_path):
        assert copier.copy(disk, tmp_path / "copy.raw", "--no-verify").document["proof"] is None
        again = copier.copy(disk, tmp_path / "copy.raw").document

        assert (again["sent_bytes"], bool(again["proof"])) == (0, True)

    def test_a_copy_that_turns_out_to_differ_is_made_anew(self, copier, disk, tmp_path):
        copy = tmp_path / "copy.raw"
        copier.copy(disk, copy, "--no-verify")
        before = copy.stat()
        with copy.open("r+b") as file:
            file.write(b"!")
        os.utime(copy, ns=(before.st_atime_ns, before.st_mtime_ns))
        found_out = copier.copy(disk, copy)
        assert (found_out.exit_code, found_out.error["code"]) == (5, "corrupt-copy")

        anew = copier.copy(disk, copy)
        assert (anew.exit_code, "begins anew" in anew.stderr) == (0, True)
        assert copy.read_bytes() == disk.read_bytes()

    def test_a_source_that_changed_is_copied_anew_and_that_is_said(self, copier, disk, tmp_path):
        copier.copy(disk, tmp_path / "copy.raw")
        a_disk(disk, SIZE, 5 * MIB, seed=2)
        answer = copier.copy(disk, tmp_path / "copy.raw")

        assert "begins anew" in answer.stderr
        assert (tmp_path / "copy.raw").read_bytes() == disk.read_bytes()

    def test_a_target_that_holds_other_data_is_refused_and_left(self, copier, disk, tmp_path):
        (tmp_path / "copy.raw").write_bytes(b"precious")
        answer = copier.copy(disk, tmp_path / "copy.raw")

        assert answer.exit_code == 4
        assert "did not write" in answer.sentences
        assert (tmp_path / "copy.raw").read_bytes() == b"precious"

    def test_a_finished_copy_that_somebody_changed_is_refused(self, copier, disk, tmp_path):
        copier.copy(disk, tmp_path / "copy.raw")
        (tmp_path / "copy.raw").write_bytes(b"precious")

        assert copier.copy(disk, tmp_path / "copy.raw").exit_code == 4

    def test_a_vhd_goes_both_ways_and_is_checked(self, copier, disk, tmp_path):
        whole = a_disk(tmp_path / "whole.raw", 20 * MIB, 0, 20 * MIB - 512)
        vhd = tmp_path / "disk.vhd"
        assert copier.copy(whole, f"vhd:{vhd}").exit_code == 0
        assert vhd.stat().st_size == 20 * MIB + 512
        assert copier.copy(f"vhd:{vhd}", tmp_path / "back.raw").exit_code == 0
        assert (tmp_path / "back.raw").read_bytes() == whole.read_bytes()

        footer = vhd.read_bytes()[-512:]
        vhd.write_bytes(vhd.read_bytes()[:-512] + footer[:70] + b"!" + footer[71:])
        answer = copier.copy(f"vhd:{vhd}", tmp_path / "other.raw")
        assert (answer.exit_code, "checksum" in answer.sentences) == (2, True)

    def test_a_killed_copy_goes_on_where_it_was(self, copier, tmp_path):
        size = 400 * MIB
        disk = tmp_path / "dense.raw"
        piece = random.Random(3).randbytes(MIB)
        with disk.open("wb") as file:
            for number in range(400):
                file.write(number.to_bytes(8, "big") + piece[8:])

        def half() -> bool:
            return any(p.stat().st_size > 20_000 for p in copier.home.rglob("manifest*"))

        copier.kill_when(half, disk, tmp_path / "copy.raw", "--no-verify")
        assert not (tmp_path / "copy.raw").exists(), "what bears a disk's name is a whole disk"
        document = copier.copy(disk, tmp_path / "copy.raw").document

        assert document["sent_bytes"] < size - 50 * MIB
        assert (tmp_path / "copy.raw").read_bytes() == disk.read_bytes()
        assert list(tmp_path.glob("*.part")) == []

    def test_a_copy_that_is_asked_to_end_ends_in_order_and_goes_on(self, copier, tmp_path):
        size = 400 * MIB
        disk = a_disk(tmp_path / "dense.raw", size, *range(0, size, MIB))
        process = copier.start(disk, tmp_path / "copy.raw")
        while not any(p.stat().st_size > 2000 for p in copier.home.rglob("manifest*")):
            assert process.poll() is None
        process.terminate()
        out, _ = process.communicate(timeout=30)
        assert (process.returncode, json.loads(out)["error"]["code"]) == (6, "cancelled")

        document = copier.copy(disk, tmp_path / "copy.raw").document
        assert document["proof"]
        assert document["sent_bytes"] < document["data_bytes"] * 1.5

    def test_a_terminal_is_shown_how_much_how_fast_and_how_long_yet(self, copier, tmp_path):
        source = tmp_path / "disk.raw"
        source.write_bytes(random.Random(3).randbytes(24 * MIB))
        shown = copier.on_a_terminal(source, tmp_path / "copy.raw", bytes_per_s=12 * MIB)

        assert re.search(r"[0-9.]+ MiB of 24 MiB, [0-9.]+ MiB/s, [0-9]+ s left", shown)

    def test_a_copy_that_ended_before_it_had_its_name_gets_it(self, copier, disk, tmp_path):
        copier.copy(disk, tmp_path / "copy.raw")
        (state,) = copier.home.rglob("state.json")
        attempt = json.loads(state.read_text())["attempt"]
        (tmp_path / "copy.raw").rename(tmp_path / f"copy.raw.{attempt}.part")
        answer = copier.copy(disk, tmp_path / "copy.raw")

        assert answer.document["finished_before"], answer
        assert (tmp_path / "copy.raw").read_bytes() == disk.read_bytes()

    @pytest.mark.parametrize(
        ("target", "code", "word"),
        [("disk.raw", 2, "same disk"), ("hard.raw", 2, "same disk"), (".", 2, "is a folder"),
         ("none/copy.raw", 2, "cannot be made"), ("small.raw", 4, "are needed")],
    )  # fmt: skip
    def test_a_target_that_cannot_be_is_refused(self, copier, disk, tmp_path, target, code, word):
        (tmp_path / "hard.raw").hardlink_to(disk)
        with (tmp_path / "small.raw").open("wb") as file:
            file.truncate(MIB)
        answer = copier.copy(disk, tmp_path / target)

        assert (answer.exit_code, word in answer.sentences) == (code, True), answer


class TestPageBlobs:
    def test_a_missing_blob_is_created_and_comes_back_as_it_went(
        self, copier, store, disk, tmp_path
    ):
        url = store.url("there.vhd")
        answer = copier.copy(disk, "env:TARGET", TARGET=url)
        assert answer.exit_code == 0, answer
        held = store.content("there.vhd")
        assert len(held) == -(-SIZE // 512) * 512
        assert held[:SIZE] == disk.read_bytes()

        back = copier.copy("env:SOURCE", tmp_path / "back.raw", SOURCE=url)
        assert back.exit_code == 0, back
        assert (tmp_path / "back.raw").read_bytes() == held
        assert back.document["manifest_root"] == answer.document["manifest_root"]

        again = copier.copy(disk, "env:TARGET", TARGET=store.url("there.vhd"))
        assert (again.document["sent_bytes"], again.document["requests"]) == (0, 0)
        assert not any(word in copier.kept() for word in secrets_in(url))
        said = str(answer) + str(back) + str(again)
        assert not any(word.decode() in said for word in secrets_in(url))

    def test_a_killed_copy_to_a_blob_goes_on(self, copier, store, tmp_path):
        size = 48 * MIB
        disk = a_disk(tmp_path / "dense.raw", size, 0, length=size)

        target = store.url("killed.vhd")
        copier.kill_when(_recorded(copier), disk, "env:TARGET", TARGET=target)
        document = copier.copy(disk, "env:TARGET", "--no-verify", TARGET=target).document

        assert document["sent_bytes"] < size
        assert store.content("killed.vhd") == disk.read_bytes()

    def test_what_is_of_no_use_in_a_blob_is_emptied_first(self, copier, store, tmp_path):
        disk = a_disk(tmp_path / "dense.raw", 48 * MIB, 0, length=48 * MIB)
        target = store.url("spoilt.vhd")
        copier.kill_when(_recorded(copier), disk, "env:TARGET", TARGET=target)
        (path,) = copier.home.rglob("state.json")
        path.write_text(json.dumps({**json.loads(path.read_text()), "source_identity": ""}))
        a_disk(disk, 48 * MIB, 47 * MIB, seed=5)
        answer = copier.copy(disk, "env:TARGET", TARGET=target)

        assert (answer.exit_code, "begins anew" in answer.stderr) == (0, True), answer
        assert store.content("spoilt.vhd") == disk.read_bytes()

    def test_a_blob_that_holds_other_data_is_refused_and_left(self, copier, store, disk):
        blob = store.blob("taken.vhd")
        blob.create_page_blob(32 * MIB)
        blob.upload_page(b"x" * 512, 0, 512)
        answer = copier.copy(disk, "env:TARGET", TARGET=store.url("taken.vhd"))

        assert (answer.exit_code, "did not write" in answer.sentences) == (4, True)
        assert store.content("taken.vhd")[:512] == b"x" * 512

    def test_an_empty_blob_that_is_large_enough_is_used(self, copier, store, disk):
        store.blob("empty.vhd").create_page_blob(32 * MIB)
        store.blob("small.vhd").create_page_blob(MIB)

        assert copier.copy(disk, "env:TARGET", TARGET=store.url("empty.vhd")).exit_code == 0
        assert store.content("empty.vhd").rstrip(b"\0") == disk.read_bytes().rstrip(b"\0")
        small = copier.copy(disk, "env:TARGET", TARGET=store.url("small.vhd"))
        assert (small.exit_code, "are needed" in small.sentences) == (4, True)

    def test_a_blob_that_is_written_to_meanwhile_is_found_out(self, store):
        blob = store.blob("moving.vhd")
        blob.create_page_blob(MIB)
        blob.upload_page(b"x" * 512, 0, 512)
        endpoint = parse_source("env:SOURCE", {"SOURCE": store.url("moving.vhd")})
        with open_source(endpoint) as source:
            buffer = memoryview(bytearray(512))
            source.reader.read_into(0, buffer)
            source.check_unchanged()
            blob.upload_page(b"y" * 512, 0, 512)
            with pytest.raises(Drifted):
                source.reader.read_into(0, buffer)
            with pytest.raises(Drifted):
                list(source.reader.extents(0, MIB))
            with pytest.raises(Drifted):
                source.check_unchanged()

    def test_a_changed_source_is_copied_anew_into_the_same_blob(self, copier, store, disk):
        target = store.url("anew.vhd")
        copier.copy(disk, "env:TARGET", TARGET=target)
        a_disk(disk, SIZE, 5 * MIB, seed=2)
        answer = copier.copy(disk, "env:TARGET", TARGET=target)

        assert answer.exit_code == 0, answer
        assert "begins anew" in answer.stderr
        assert store.content("anew.vhd")[:SIZE] == disk.read_bytes()

    def test_a_signature_on_the_command_line_is_refused(self, copier, store, disk):
        url = store.url("never.vhd")
        answer = copier.copy(disk, url)

        assert answer.exit_code == 2
        assert "env:NAME" in answer.sentences
        assert not any(word.decode() in str(answer) for word in secrets_in(url))

    def test_a_signature_that_does_not_allow_it_is_refused_without_showing_it(
        self, copier, store, disk
    ):
        url = store.url("readonly.vhd", permission="r")
        answer = copier.copy(disk, "env:TARGET", TARGET=url)

        assert answer.exit_code == 4, answer
        assert "signature" in answer.sentences
        assert not any(word.decode() in str(answer) for word in secrets_in(url))

    def test_a_source_that_is_not_there_is_named(self, copier, store, tmp_path):
        answer = copier.copy("env:SOURCE", tmp_path / "x.raw", SOURCE=store.url("nothing.vhd"))

        assert (answer.exit_code, "nothing.vhd" in answer.sentences) == (4, True)
        assert not (tmp_path / "x.raw").exists()


class TestSnapshots:
    def test_a_file_becomes_a_snapshot_and_comes_back(self, copier, aws, disk, tmp_path):
        aws.faults.reset_counts()
        answer = copier.copy(disk, "ebs:eu-west-1/new", **environment(aws))
        assert answer.exit_code == 0, answer
        snapshot = answer.document["target"]
        content = disk.read_bytes()
        blocks = sum(any(content[at : at + BLOCK]) for at in range(0, len(content), BLOCK))
        assert puts(aws) == {"calls": blocks, "faulted": 0, "body_bytes": blocks * BLOCK}
        assert answer.document["sent_bytes"] == blocks * BLOCK
        assert answer.document["peak_rss_bytes"] < 160 * MIB

        source = f"ebs:eu-west-1/{snapshot}"
        back = copier.copy(source, tmp_path / "back.raw", **environment(aws))
        assert back.exit_code == 0, back
        held = (tmp_path / "back.raw").read_bytes()
        assert (len(held), held[:SIZE]) == (1 << 30, content)
        assert back.document["manifest_root"] == answer.document["manifest_root"]

        aws.faults.reset_counts()
        again = copier.copy(disk, "ebs:eu-west-1/new", **environment(aws))
        assert (again.document["target"], again.document["sent_bytes"]) == (snapshot, 0)
        assert puts(aws)["calls"] == 0
        assert SECRET.encode() not in copier.kept()

    def test_a_killed_copy_goes_on_in_the_same_snapshot(self, copier, aws, tmp_path):
        size = 48 * MIB
        disk = a_disk(tmp_path / "dense.raw", size, 0, length=size)

        copier.kill_when(_recorded(copier), disk, "ebs:eu-west-1/new", **environment(aws))
        aws.faults.reset_counts()
        document = copier.copy(disk, "ebs:eu-west-1/new", **environment(aws)).document

        assert document["sent_bytes"] < size
        assert aws.faults.counts()["ebs:CompleteSnapshot"]["faulted"] == 0
        assert "ebs:StartSnapshot" not in aws.faults.counts()
        assert document["proof"]

    def test_a_snapshot_that_turns_out_to_differ_is_made_anew(self, copier, aws, disk):
        aws.faults.add([{"operation": "ebs:GetSnapshotBlock", "corrupt": True, "times": 99}])
        found_out = copier.copy(disk, "ebs:eu-west-1/new", **environment(aws))
        aws.faults.clear()
        assert (found_out.exit_code, found_out.error["code"]) == (5, "corrupt-copy")

        anew = copier.copy(disk, "ebs:eu-west-1/new", **environment(aws))
        assert (anew.exit_code, bool(anew.document["proof"])) == (0, True), anew
        assert "begins anew" in anew.stderr

    def test_a_snapshot_of_another_region_is_not_found(self, copier, aws, disk, tmp_path):
        made = copier.copy(disk, "ebs:eu-west-1/new", **environment(aws)).document["target"]
        answer = copier.copy(f"ebs:us-east-1/{made}", tmp_path / "x.raw", **environment(aws))

        assert (answer.exit_code, made in answer.sentences) == (4, True), answer
