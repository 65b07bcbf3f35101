"""The fake EBS direct of the benchmarks, over TLS: what it takes, refuses and counts."""

import base64
import hashlib
import json
import os
from urllib.parse import quote

import pytest

from benchmarks.serving import Server
from tests.unit.compiled_fakes import need_fakes

BLOCK = 512 * 1024
SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=x"}
SNAPSHOT = "/snapshots/snap-0000000000000001"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Three blocks of 300: 0, 7 and the last, half of which is beyond the file's end."""
    path = tmp_path_factory.mktemp("source") / "disk.raw"
    with path.open("wb") as file:
        file.truncate(299 * BLOCK + BLOCK // 2)
        for index in (0, 7, 299):
            file.seek(index * BLOCK)
            file.write(os.urandom(BLOCK // 2))
    return path


@pytest.fixture(scope="module")
def server(tmp_path_factory, source):
    programs = tmp_path_factory.mktemp("programs")
    need_fakes(programs)
    with Server("ebs_direct", programs, tls=True, file=source, verify=True) as found:
        yield found


@pytest.fixture(autouse=True)
def fresh(server):
    server.reset()


def call(server, method, path, body=None, **headers):
    """``(status, headers, body)``; a header's _ stands for -."""
    connection = server.connect()
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, {**SIGNED, **given})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, answer.headers, content


def reason(answered):
    status, _, content = answered
    return status, json.loads(content)["Reason"]


def b64(digest):
    return base64.b64encode(digest).decode()


def start(server, size_gib=1, token="a"):
    status, _, content = call(
        server, "POST", "/snapshots", json.dumps({"VolumeSize": size_gib, "ClientToken": token})
    )
    return status, json.loads(content)


def put(server, snapshot, index, block, **headers):
    given = {
        "x_amz_Data_Length": str(len(block)),
        "x_amz_Checksum": b64(hashlib.sha256(block).digest()),
        "x_amz_Checksum_Algorithm": "SHA256",
        **headers,
    }
    return call(server, "PUT", f"/snapshots/{snapshot}/blocks/{index}", block, **given)


def complete(server, snapshot, count, digests):
    given = {
        "x_amz_ChangedBlocksCount": str(count),
        "x_amz_Checksum": b64(hashlib.sha256(b"".join(digests)).digest()),
        "x_amz_Checksum_Algorithm": "SHA256",
        "x_amz_Checksum_Aggregation_Method": "LINEAR",
    }
    return call(server, "POST", f"/snapshots/completion/{snapshot}", b"", **given)


def test_a_snapshot_lists_what_the_file_has_and_gives_it_with_its_checksum(server, source):
    _, _, content = call(server, "GET", f"{SNAPSHOT}/blocks?maxResults=100")
    told = json.loads(content)
    assert (told["VolumeSize"], told["BlockSize"], "NextToken" in told) == (1, BLOCK, False)
    assert [row["BlockIndex"] for row in told["Blocks"]] == [0, 7, 299]

    token = quote(told["Blocks"][2]["BlockToken"], safe="")
    status, headers, block = call(server, "GET", f"{SNAPSHOT}/blocks/299?blockToken={token}")

    with source.open("rb") as file:
        file.seek(299 * BLOCK)
        assert block == file.read().ljust(BLOCK, b"\0")
    assert status == 200
    assert headers["x-amz-Checksum"] == b64(hashlib.sha256(block).digest())
    assert server.stat()["sent_bytes"] == BLOCK


def test_a_block_is_not_given_for_another_block_s_token(server):
    _, _, content = call(server, "GET", f"{SNAPSHOT}/blocks")
    token = quote(json.loads(content)["Blocks"][0]["BlockToken"], safe="")

    wrong = call(server, "GET", f"{SNAPSHOT}/blocks/7?blockToken={token}")
    assert reason(wrong) == (400, "INVALID_BLOCK_TOKEN")
    bare = call(server, "GET", f"{SNAPSHOT}/blocks/7")
    assert reason(bare) == (400, "INVALID_BLOCK_TOKEN")


def test_a_snapshot_takes_blocks_and_ends_with_their_count_and_checksum(server):
    status, told = start(server)
    snapshot = told["SnapshotId"]
    blocks = {index: os.urandom(BLOCK) for index in (5, 2)}
    assert (status, told["Status"], told["VolumeSize"]) == (201, "pending", 1)
    for index, block in blocks.items():
        assert put(server, snapshot, index, block)[0] == 201
    digests = [hashlib.sha256(blocks[index]).digest() for index in (2, 5)]

    assert complete(server, snapshot, 3, digests)[0] == 400
    assert complete(server, snapshot, 2, digests[::-1])[0] == 400
    assert complete(server, snapshot, 2, digests)[0] == 202

    assert put(server, snapshot, 1, blocks[2])[0] == 400
    counted = server.stat()
    assert (counted["writes"], counted["blocks"], counted["body_bytes"]) == (2, 2, 2 * BLOCK)


def test_a_block_that_comes_twice_is_two_writes_and_one_block(server):
    snapshot = start(server)[1]["SnapshotId"]
    for _ in range(2):
        put(server, snapshot, 0, b"a" * BLOCK)

    counted = server.stat()
    assert (counted["writes"], counted["blocks"]) == (2, 1)


@pytest.mark.parametrize(
    ("index", "block", "headers"),
    [
        (0, b"a" * (BLOCK - 1), {}),
        (0, b"a" * (BLOCK + 1), {}),
        (0, b"a" * BLOCK, {"x_amz_Data_Length": "4096"}),
        (0, b"a" * BLOCK, {"x_amz_Checksum": b64(hashlib.sha256(b"b").digest())}),
        (0, b"a" * BLOCK, {"x_amz_Checksum": "abc"}),
        (0, b"a" * BLOCK, {"x_amz_Checksum_Algorithm": "MD5"}),
        (2048, b"a" * BLOCK, {}),
        (-1, b"a" * BLOCK, {}),
    ],
)
def test_a_put_that_aws_refuses_is_refused(server, index, block, headers):
    snapshot = start(server)[1]["SnapshotId"]

    assert put(server, snapshot, index, block, **headers)[0] == 400
    assert server.stat()["blocks"] == 0


def test_a_client_token_starts_one_snapshot(server):
    first = start(server, 1, "a")[1]["SnapshotId"]

    assert start(server, 1, "a")[1]["SnapshotId"] == first
    assert start(server, 1, "b")[1]["SnapshotId"] != first
    assert start(server, 2, "a")[0] == 409
    assert start(server, 0, "c")[0] == 400


def test_a_snapshot_that_is_not_complete_is_not_read(server):
    snapshot = start(server)[1]["SnapshotId"]

    pending = call(server, "GET", f"/snapshots/{snapshot}/blocks")
    assert reason(pending) == (400, "INVALID_SNAPSHOT_ID")
    absent = call(server, "GET", "/snapshots/snap-00000000000000ff/blocks")
    assert reason(absent) == (404, "SNAPSHOT_NOT_FOUND")
    assert call(server, "GET", f"{SNAPSHOT}/blocks?maxResults=5")[0] == 400


def test_an_unsigned_call_is_refused(server):
    assert call(server, "GET", f"{SNAPSHOT}/blocks", Authorization="Basic x")[0] == 403


def test_a_long_list_comes_in_pages(tmp_path, tmp_path_factory):
    path = tmp_path / "dense.raw"
    path.write_bytes(b"a" * (250 * BLOCK))
    dense = Server("ebs_direct", tmp_path_factory.mktemp("programs"), file=path)
    found, more = [], ""
    with dense:
        while True:
            _, _, content = call(dense, "GET", f"{SNAPSHOT}/blocks?maxResults=100{more}")
            told = json.loads(content)
            found += [row["BlockIndex"] for row in told["Blocks"]]
            if "NextToken" not in told:
                break
            more = f"&pageToken={quote(told['NextToken'], safe='')}"
    assert found == list(range(250))
