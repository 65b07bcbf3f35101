"""Pages of a page blob by hand: counted, retried, renewed, checked."""

import random
import ssl

import pytest

from coldferry.disk import Extent
from coldferry.errors import Conflict, Denied, Gone, ProviderError, Transient, Unreachable
from providers.azure.page_reader import PageReader
from providers.azure.pages import PageBlob
from tests.unit.answering_http import Scripted, scripted

MIB = 1 << 20
CREATED = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"


class Place:
    """A place whose signature is another one each time it is asked for."""

    subject = "disk 'web-01'"
    action = "Microsoft.Compute/disks/beginGetAccess/action"
    denied = ""
    trust: ssl.SSLContext | None = None

    def __init__(self, server: Scripted, *, renews: bool = True) -> None:
        self._server, self._renews = server, renews
        self.asked = 0

    def url(self) -> str:
        self.asked += 1
        return f"{self._server.url}/acc/disks/a%20b?sv=1&sig=hush{self.asked}"

    def renewable(self) -> bool:
        return self._renews


def refused(status: int, code: str, *head: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"x-ms-error-code: {code}", "Content-Length: 4", *head]
    return "\r\n".join([*lines, "", "hush"]).encode()


def listing(*ranges: tuple[int, int], marker: str = "") -> bytes:
    rows = "".join(f"<PageRange><Start>{a}</Start><End>{b}</End></PageRange>" for a, b in ranges)
    body = f"<?xml version='1.0'?><PageList>{rows}<NextMarker>{marker}</NextMarker></PageList>"
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def page(offset: int, data: bytes) -> bytes:
    head = f"Content-Range: bytes {offset}-{offset + len(data) - 1}/{8 * MIB}"
    return f"HTTP/1.1 206 X\r\n{head}\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data


def test_a_put_names_its_range_and_carries_the_bytes():
    data = random.Random(1).randbytes(4096)
    with scripted(CREATED) as server:
        blob = PageBlob(Place(server))
        blob.put(8192, memoryview(data))
        blob.close()
    assert server.bodies == [data]
    head = server.heads[0].lower()
    assert head.startswith("put /acc/disks/a%20b?comp=page&sv=1&sig=hush1 http/1.1\r\n")
    assert "x-ms-range: bytes=8192-12287\r\n" in head
    assert "x-ms-page-write: update\r\n" in head
    assert (blob.requests, blob.sent_bytes) == (1, 4096)


def test_a_clear_has_no_body():
    with scripted(CREATED) as server:
        blob = PageBlob(Place(server))
        blob.clear(0, 64 * MIB)
        blob.close()
    assert "x-ms-page-write: clear\r\n" in server.heads[0]
    assert "Content-Length: 0\r\n" in server.heads[0]
    assert (blob.requests, blob.sent_bytes) == (1, 0)


def test_a_busy_service_is_asked_again_and_each_try_counts():
    with scripted(refused(503, "ServerBusy"), refused(500, "InternalError"), CREATED) as server:
        blob = PageBlob(Place(server))
        blob.put(0, memoryview(bytes(512)))
        blob.close()
    assert (blob.requests, blob.sent_bytes) == (3, 1536)


def test_a_signature_that_ended_is_renewed_once():
    with scripted(refused(403, "AuthenticationFailed"), CREATED) as server:
        place = Place(server)
        blob = PageBlob(place)
        blob.put(0, memoryview(bytes(512)))
        blob.close()
    assert place.asked == 2
    assert "sig=hush2" in server.heads[1]


def test_a_right_that_is_missing_stays_denied():
    denied = refused(403, "AuthorizationPermissionMismatch")
    with scripted(denied, denied) as server, pytest.raises(Denied, match="web-01") as caught:
        PageBlob(Place(server)).put(0, memoryview(bytes(512)))
    assert "hush" not in str(caught.value)
    assert "beginGetAccess" in caught.value.do


def test_an_address_that_cannot_be_renewed_is_asked_once():
    with scripted(refused(403, "AuthenticationFailed")) as server, pytest.raises(Denied):
        PageBlob(Place(server, renews=False)).put(0, memoryview(bytes(512)))
    assert len(server.heads) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(refused(404, "BlobNotFound"), Gone), (refused(409, "BlobAlreadyExists"), Conflict),
     (refused(412, "ConditionNotMet"), Conflict),
     (refused(307, "", "Location: http://elsewhere"), Conflict)],
)  # fmt: skip
def test_a_refusal_is_not_asked_again(answer, kind):
    with scripted(answer) as server, pytest.raises(kind):
        PageBlob(Place(server)).put(0, memoryview(bytes(512)))
    assert len(server.heads) == 1


def test_a_host_that_never_answered_is_asked_once_more():
    with scripted() as server:
        pass
    with pytest.raises(Unreachable, match="127"):
        PageBlob(Place(server)).head()


def test_a_long_list_is_followed_page_by_page():
    with scripted(listing((0, 511), (1024, 2047), marker="n/1"), listing((4096, 8191))) as server:
        blob = PageBlob(Place(server))
        found = list(blob.ranges(0, MIB))
        blob.close()
    assert found == [(0, 512), (1024, 2048), (4096, 8192)]
    assert "comp=pagelist&maxresults=10000&sv=1" in server.heads[0]
    assert "marker=n%2F1" in server.heads[1]


def test_extents_fill_the_window_whatever_the_list_cuts():
    with scripted(listing((512, 1023), (3072, 8191))) as server:
        blob = PageBlob(Place(server))
        found = list(PageReader(blob, 8 * MIB).extents(700, 4000))
        blob.close()
    assert found == [
        Extent(700, 324), Extent(1024, 2048, data=False), Extent(3072, 1628),
    ]  # fmt: skip


@pytest.mark.parametrize("rows", [((1024, 2047), (0, 511)), ((0, 1023), (512, 2047))])
def test_a_list_out_of_order_is_an_error(rows):
    with scripted(listing(*rows)) as server:
        blob = PageBlob(Place(server))
        with pytest.raises(ProviderError, match="out of order") as refused:
            list(PageReader(blob, 8 * MIB).extents(0, 8 * MIB))
        blob.close()
    assert not isinstance(refused.value, Transient)


def test_a_list_that_is_none_is_an_error():
    body = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"
    with scripted(body) as server, pytest.raises(ProviderError, match="documents") as refused:
        list(PageBlob(Place(server)).ranges(0, 512))
    assert not isinstance(refused.value, Transient)


def test_a_range_comes_whole_or_not_at_all():
    data = random.Random(2).randbytes(1024)
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 1024\r\n\r\n" + bytes(1024)
    with scripted(page(0, data), page(2048, data), whole, page(512, data[:700])) as server:
        buffer = bytearray(1024)
        blob = PageBlob(Place(server))
        blob.get(0, memoryview(buffer))
        assert buffer == data
        server.answers += [page(512, data)]
        blob.get(512, memoryview(buffer))
        blob.close()
    assert buffer == data
    assert len(server.heads) == 5
