"""The fake page blobs of the benchmarks: what it takes, what it refuses, what it counts."""

import http.client
import re
from pathlib import Path

import pytest

from benchmarks.serving import Server
from tests.unit.compiled_fakes import need_fakes

BLOB = "/account/container/disk.vhd"
SIGNED = f"{BLOB}?sig=x"
VERSION = {"x-ms-version": "2021-08-06"}
MIB = 1 << 20


@pytest.fixture(scope="session")
def programs(tmp_path_factory):
    return tmp_path_factory.mktemp("programs")


@pytest.fixture(params=["drops", "stores"])
def server(request, programs, tmp_path):
    store = tmp_path / "store" if request.param == "stores" else None
    yield from started(programs, store=store)


@pytest.fixture
def storing(programs, tmp_path):
    yield from started(programs, store=tmp_path / "store")


def started(programs, **options):
    need_fakes(programs)
    with Server("page_blob", programs, **options) as found:
        yield found


def call(server, method, path=SIGNED, body=None, **headers):
    """``(status, error code, headers, body)``; a header's _ stands for -."""
    connection = server.connect()
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, {**VERSION, **given})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, answer.headers.get("x-ms-error-code", ""), answer.headers, content


def create(server, size=4 * MIB):
    return call(server, "PUT", x_ms_blob_type="PageBlob", x_ms_blob_content_length=str(size))


def put(server, start, content, *, end=None, **headers):
    end = start + len(content) if end is None else end
    given = {"x_ms_page_write": "update", "x_ms_range": f"bytes={start}-{end - 1}", **headers}
    return call(server, "PUT", f"{SIGNED}&comp=page", content, **given)


def clear(server, start, end):
    return put(server, start, b"", end=end, x_ms_page_write="clear", Content_Length="0")


def pages(server, more="", **headers):
    status, _, _, content = call(server, "GET", f"{SIGNED}&comp=pagelist{more}", **headers)
    assert status == 200
    found = re.findall(rb"<Start>(\d+)</Start><End>(\d+)</End>", content)
    marker = re.search(rb"<NextMarker>(\d+)</NextMarker>", content)
    return [(int(a), int(b) + 1) for a, b in found], marker and int(marker[1])


def test_what_was_put_is_listed_and_counted_and_what_was_cleared_is_not(server):
    assert create(server)[0] == 201

    assert put(server, 512, b"a" * 1024)[0] == 201
    assert put(server, MIB, b"b" * MIB)[0] == 201
    assert clear(server, MIB, MIB + 512)[0] == 201

    assert pages(server) == ([(512, 1536), (MIB + 512, 2 * MIB)], None)
    told = server.stat()
    assert told["body_bytes"] == MIB + 1024
    assert (told["writes"], told["clears"]) == (2, 1)
    assert told["page_bytes"] == MIB + 512
    assert told["most_in_flight"] == 1


def test_a_page_list_comes_in_pages_and_in_windows(server):
    create(server)
    for start in range(0, 5 * 1024, 1024):
        put(server, start, b"a" * 512)

    first, marker = pages(server, "&maxresults=2")
    rest, end = pages(server, f"&marker={marker}")

    assert first + rest == [(start, start + 512) for start in range(0, 5 * 1024, 1024)]
    assert end is None
    assert pages(server, x_ms_range="bytes=1024-2047")[0] == [(1024, 1536)]


def test_what_is_stored_is_read_back(storing):
    create(storing)
    put(storing, 1024, bytes(range(256)) * 4)
    clear(storing, 1536, 2048)

    status, _, headers, content = call(storing, "GET", x_ms_range="bytes=512-2047")

    assert status == 206
    assert headers["Content-Range"] == f"bytes 512-2047/{4 * MIB}"
    assert content == bytes(512) + bytes(range(256)) * 2 + bytes(512)
    assert storing.stat()["sent_bytes"] == 1536
    assert call(storing, "GET", Range="bytes=9999999-99999999")[:2] == (416, "InvalidRange")


def test_a_read_of_a_blob_that_was_written_since_is_refused(storing):
    create(storing)
    tag = call(storing, "HEAD")[2]["ETag"]
    assert call(storing, "GET", x_ms_range="bytes=0-511", If_Match=tag)[0] == 206

    put(storing, 0, b"a" * 512)

    refusal = call(storing, "GET", x_ms_range="bytes=0-511", If_Match=tag)
    assert refusal[:2] == (412, "ConditionNotMet")


def test_what_was_dropped_is_not_read_back(programs):
    for server in started(programs):
        create(server)
        put(server, 0, b"a" * 512)

        assert call(server, "GET", x_ms_range="bytes=0-511")[:2] == (501, "NotImplemented")


@pytest.mark.parametrize(
    ("start", "content", "how", "refusal"),
    [
        (100, b"a" * 512, {}, (416, "InvalidPageRange")),
        (0, b"a" * 511, {}, (416, "InvalidPageRange")),
        (4 * MIB, b"a" * 512, {}, (416, "InvalidPageRange")),
        (0, b"a" * 512, {"x_ms_range": "bytes=0-"}, (400, "InvalidHeaderValue")),
        (0, b"a" * 512, {"x_ms_range": "pages 1"}, (416, "InvalidPageRange")),
        (0, b"a" * 512, {"end": 1024}, (400, "InvalidHeaderValue")),
        (0, b"a" * 512, {"x_ms_page_write": "clear"}, (400, "InvalidHeaderValue")),
        (0, b"a" * 512, {"x_ms_page_write": "append"}, (400, "InvalidHeaderValue")),
        (0, b"a" * (4 * MIB + 512), {}, (413, "RequestBodyTooLarge")),
    ],
)
def test_a_put_that_azure_refuses_is_refused_and_leaves_nothing(
    server, start, content, how, refusal
):
    create(server, 4 * MIB if len(content) < 4 * MIB else 8 * MIB)

    assert put(server, start, content, **how)[:2] == refusal

    told = server.stat()
    assert (told["refused"], told["page_bytes"], told["body_bytes"]) == (1, 0, 0)


def test_a_connection_lives_on_after_a_refusal(server):
    create(server)
    connection: http.client.HTTPConnection = server.connect()

    for expected in (416, 201):
        start = 100 if expected == 416 else 0
        headers = {"x-ms-page-write": "update", "x-ms-range": f"bytes={start}-{start + 511}"}
        connection.request("PUT", f"{SIGNED}&comp=page", b"a" * 512, VERSION | headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == expected
    connection.close()


@pytest.mark.parametrize(
    ("headers", "refusal"),
    [
        ({}, (400, "InvalidHeaderValue")),
        ({"x_ms_blob_type": "BlockBlob"}, (400, "InvalidHeaderValue")),
        ({"x_ms_blob_type": "PageBlob"}, (400, "InvalidHeaderValue")),
        (
            {"x_ms_blob_type": "PageBlob", "x_ms_blob_content_length": "100"},
            (400, "InvalidHeaderValue"),
        ),
        (
            {"x_ms_blob_type": "PageBlob", "x_ms_blob_content_length": str((8 << 40) + 512)},
            (400, "InvalidHeaderValue"),
        ),
    ],
)
def test_a_blob_that_is_no_page_blob_is_not_created(server, headers, refusal):
    assert call(server, "PUT", **headers)[:2] == refusal
    assert call(server, "HEAD")[0] == 404


def test_a_request_needs_a_version_and_a_signature(server):
    connection = server.connect()
    connection.request("HEAD", SIGNED)
    answer = connection.getresponse()
    answer.read()
    assert answer.headers["x-ms-error-code"] == "MissingRequiredHeader"
    connection.close()

    assert call(server, "HEAD", BLOB)[:2] == (403, "AuthenticationFailed")
    assert call(server, "PUT", f"{SIGNED}&comp=page", b"")[:2] == (404, "BlobNotFound")


def test_a_blob_is_described_resized_kept_from_a_second_creation_and_removed(server):
    create(server, MIB)
    assert put(server, 0, b"a" * 512)[0] == 201

    _, _, headers, _ = call(server, "HEAD")
    assert (headers["x-ms-blob-type"], headers["Content-Length"]) == ("PageBlob", str(MIB))
    again = {"x_ms_blob_type": "PageBlob", "x_ms_blob_content_length": "512"}
    assert call(server, "PUT", If_None_Match="*", **again)[:2] == (409, "BlobAlreadyExists")
    more = {"x_ms_blob_content_length": str(2 * MIB)}
    assert call(server, "PUT", f"{SIGNED}&comp=properties", **more)[0] == 200
    assert put(server, MIB, b"a" * 512)[0] == 201
    assert call(server, "DELETE")[0] == 202
    assert call(server, "HEAD")[0] == 404


def test_a_body_without_a_length_is_refused(server):
    connection = server.connect()
    connection.request("PUT", f"{SIGNED}&comp=page", iter([b"a" * 512]), VERSION)
    assert connection.getresponse().status == 411
    connection.close()


def test_a_reset_forgets_blobs_and_counts(server):
    create(server)
    put(server, 0, b"a" * 512)

    server.reset()

    assert set(server.stat().values()) == {0}
    assert call(server, "HEAD")[0] == 404


def test_the_fake_speaks_tls_and_sleeps_as_long_as_it_is_told(programs):
    for server in started(programs, tls=True, delay_ms=50):
        assert server.url.startswith("https://localhost:")
        create(server)
        assert put(server, 0, b"a" * MIB)[0] == 201
        assert server.stat()["body_bytes"] == MIB


def test_a_program_is_built_once(programs):
    for _ in started(programs):
        built = sorted(Path(programs).glob("page_blob-*"))
        assert len(built) == 1
