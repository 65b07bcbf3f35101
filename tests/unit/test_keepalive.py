"""Kept connections: whole answers or an error, and nothing that hangs."""

import random
import socket
import threading
import time

import pytest

from coldferry.errors import BadInput, Transient, Unreachable
from providers.keepalive import Answer, Connections, Deadlines, check_range
from providers.route import trusting
from sandbox.azure.tls import make_certificates
from tests.unit.answering_http import CUT, HANG, OK, Scripted, scripted

QUICK = Deadlines(connect_s=2, silence_s=0.3, whole_s=1)


def answer(body: bytes, head: str = "", status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode() + body


def ask(server: Scripted, into: memoryview | None = None, **options: object) -> Answer:
    connections = Connections(server.url, deadlines=QUICK)
    try:
        return connections.ask("GET", "/x", {}, what="the question", into=into, **options)
    finally:
        connections.close()


def test_a_connection_is_used_again():
    with scripted() as server:
        connections = Connections(server.url)
        bodies = [connections.ask("GET", "/x", {}, what="it").body for _ in range(3)]
        connections.close()
    assert bodies == [b"ok"] * 3
    assert server.connections == 1


def test_a_connection_that_ended_while_it_was_idle_is_made_anew():
    with scripted(OK, CUT) as server:
        connections = Connections(server.url)
        bodies = [connections.ask("GET", "/x", {}, what="it").body for _ in range(2)]
        connections.close()
    assert bodies == [b"ok"] * 2
    assert server.connections == 2


def test_a_fresh_connection_that_breaks_is_an_error_and_not_asked_for_ever():
    with scripted(CUT, CUT, CUT) as server, pytest.raises(Transient, match="the question"):
        ask(server)
    assert len(server.heads) == 1


def test_the_answer_comes_into_the_caller_s_memory():
    buffer = bytearray(b"..........")
    with scripted(answer(b"12345678")) as server:
        found = ask(server, memoryview(buffer)[1:9])
    assert (buffer, found.body) == (b".12345678.", b"")


@pytest.mark.parametrize("size", [7, 9, 0])
def test_an_answer_of_another_length_is_an_error(size):
    with scripted(answer(bytes(size))) as server, pytest.raises(Transient, match="instead of 8"):
        ask(server, memoryview(bytearray(8)))


def test_an_answer_without_a_length_is_an_error():
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n12345678\r\n0\r\n\r\n"
    with scripted(chunked) as server, pytest.raises(Transient, match="no length"):
        ask(server, memoryview(bytearray(8)))


@pytest.mark.parametrize("into", [None, 100])
def test_an_answer_that_breaks_off_is_an_error(into):
    short = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nhalf"
    with scripted(short) as server:
        view = memoryview(bytearray(into)) if into else None
        with pytest.raises(Transient):
            ask(server, view)


def test_silence_is_an_error_after_its_deadline():
    begun = time.monotonic()
    with scripted(HANG) as server, pytest.raises(Transient, match="silent"):
        ask(server)
    assert time.monotonic() - begun < 3


def test_silence_in_the_middle_of_an_answer_is_an_error_and_holds_up_nobody():
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" + bytes(10_000)
    with scripted(half) as silent, scripted(answer(b"12345678")) as other:
        patient = Connections(silent.url, deadlines=Deadlines(silence_s=2))
        ended = threading.Event()

        def wait() -> None:
            with pytest.raises(Transient, match="silent"):
                patient.ask("GET", "/x", {}, what="it", into=memoryview(bytearray(20_000)))
            ended.set()

        waiting = threading.Thread(target=wait)
        waiting.start()
        while not silent.heads:
            time.sleep(0.01)
        ask(other, memoryview(bytearray(8)))
        assert not ended.is_set()
        waiting.join(10)
        assert ended.is_set()


def test_an_error_s_text_does_not_touch_the_caller_s_memory():
    buffer = bytearray(8)
    with scripted(answer(b"12345678", status="403 Forbidden")) as server:
        found = ask(server, memoryview(buffer))
    assert (found.status, found.body, buffer) == (403, b"12345678", bytes(8))


def test_a_body_goes_out_as_it_is():
    body = memoryview(b"abc" * 1_000_000)
    with scripted() as server:
        connections = Connections(server.url)
        connections.ask("PUT", "/x?a=b", {"x-one": "1"}, what="it", body=body)
        connections.ask("PUT", "/y", {}, what="it")
        connections.close()
    assert server.bodies == [body, b""]
    assert "PUT /x?a=b HTTP/1.1\r\n" in server.heads[0]
    assert "Content-Length: 0" in server.heads[1]


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [("/x y", "a", "b"), ("/x\r\nb: c", "a", "b"), ("/x", "a", "b\r\nc: d"),
     ("/x", "a", "b\r\n\r\nGET"), ("/x", "a", "b\n"), ("/x", "a b", "c"), ("/x", "a:b", "c"),
     ("/x", "", "c")],
)  # fmt: skip
def test_nothing_in_a_request_begins_a_line_of_its_own(path, name, value):
    with scripted() as server:
        connections = Connections(server.url)
        with pytest.raises(ValueError, match="head"):
            connections.ask("GET", path, {name: value}, what="it")
        assert connections.ask("GET", "/x", {"a": "b"}, what="it").body == b"ok"
        connections.close()
    assert [head.splitlines()[0] for head in server.heads] == ["GET /x HTTP/1.1"]


@pytest.mark.parametrize(("given", "named"), [("", ""), (":80", ""), (":8080", ":8080")])
def test_a_host_is_named_without_the_port_that_is_usual(given, named):
    """As signers of AWS's requests name it, or the signature is of another request."""
    with scripted() as proxy:
        connections = Connections(
            f"http://blobs.example{given}", proxy=f"http://127.0.0.1:{proxy.port}"
        )
        connections.ask("GET", "/x", {}, what="it")
        connections.close()
    assert f"\r\nHost: blobs.example{named}\r\n" in proxy.heads[0]


def test_nobody_listening_is_unreachable_and_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    connections = Connections(f"http://127.0.0.1:{port}", deadlines=QUICK)
    with pytest.raises(Unreachable, match=f"127.0.0.1:{port}"):
        connections.ask("GET", "/", {}, what="the question")


def test_a_proxy_is_asked_as_the_environment_says(monkeypatch):
    with scripted() as proxy:
        monkeypatch.setenv("http_proxy", f"http://user:pass@127.0.0.1:{proxy.port}")
        monkeypatch.setenv("no_proxy", "elsewhere.example")
        connections = Connections("http://blobs.example", deadlines=QUICK)
        connections.ask("GET", "/x", {}, what="it")
        connections.close()
    assert proxy.heads[0].startswith("GET http://blobs.example/x HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic dXNlcjpwYXNz" in proxy.heads[0]


@pytest.mark.parametrize("url", ["ftp://x", "http://", "nothing", "http://x:99999"])
def test_what_is_no_address_is_bad_input(url):
    with pytest.raises(BadInput):
        Connections(url)


@pytest.mark.parametrize(
    ("status", "said"),
    [("200 OK", "bytes 512-1023/4096"), ("206 Partial Content", "bytes 0-511/4096"),
     ("206 Partial Content", "")],
)  # fmt: skip
def test_another_range_than_was_asked_for_is_an_error(status, said):
    head = f"Content-Range: {said}\r\n" if said else ""
    with scripted(answer(bytes(512), head, status)) as server:
        found = ask(server, memoryview(bytearray(512)))
    with pytest.raises(Transient, match="another range"):
        check_range(found, 512, 512, "the question")


def test_a_ca_bundle_that_cannot_be_read_is_bad_input(tmp_path):
    (tmp_path / "bundle.pem").write_text("no certificate")
    for name in ("bundle.pem", "nothing.pem"):
        with pytest.raises(BadInput, match=name):
            trusting(str(tmp_path / name))


def test_a_certificate_that_nobody_vouches_for_is_not_believed(tmp_path):
    made = make_certificates(tmp_path)
    with scripted(tls=made.server_context()) as server:
        url = f"https://localhost:{server.port}"
        with pytest.raises(Unreachable, match="TLS"):
            Connections(url, deadlines=QUICK).ask("GET", "/", {}, what="it")
        believing = Connections(url, trust=trusting(str(made.ca_bundle)))
        assert believing.ask("GET", "/", {}, what="it").body == b"ok"
        believing.close()


def test_an_answer_of_many_tls_records_comes_into_the_caller_s_memory(tmp_path):
    made = make_certificates(tmp_path)
    sent, came = random.Random(1).randbytes(3 << 20), bytearray(3 << 20)
    with scripted(answer(sent), OK, tls=made.server_context()) as server:
        trust = trusting(str(made.ca_bundle))
        connections = Connections(f"https://localhost:{server.port}", trust=trust)
        connections.ask("GET", "/", {}, what="it", into=memoryview(came))
        again = connections.ask("GET", "/", {}, what="it")
        connections.close()
    assert (came, again.body, server.connections) == (sent, b"ok", 1)
