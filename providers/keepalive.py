"""Kept HTTP(S) connections for the bytes of disks: no copies, no SDK on the way.

Python's cost of a copy follows the number of requests; an SDK's pipeline costs
three times what ``http.client`` does. Bodies go out from, and answers come into
memory that the caller owns. Only transport is known here: what a status means
is the caller's to say.

Sources: RFC 9110 (range requests, section 14) and RFC 9112 (persistence,
section 9.3; requests through a proxy, section 3.2).
"""

import http.client
import re
import select
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from coldferry.errors import Transient, Unreachable
from providers.route import address, proxy_of, read_proxy, trusting

_MAX_TEXT_BYTES: Final = 64 << 20
"""Of an answer that is not read into the caller's memory."""

_taking = threading.Lock()
"""A TLS record has 16 KiB at most, and the interpreter's lock is handed on after each: where as
many threads take records as ask for blocks, that is a fifth of what a block costs (measured:
3.3 and 2.6 s of CPU a GiB). So one takes what has come, and the others wait for the network."""

_HEAD = re.compile(rb"[A-Z]+ [!-~]+ HTTP/1\.1\r\n(?:[!#-'*+.0-9A-Z^-z|~-]+: [^\r\n\0]*\r\n)+\r\n")
"""RFC 9112, sections 2.1 and 3: nothing that a name or a value brings along begins a line."""

_BROKEN = (http.client.HTTPException, OSError)


@dataclass(frozen=True)
class Deadlines:
    """In seconds: to connect, of silence, and for a whole request."""

    connect_s: float = 10
    silence_s: float = 60
    whole_s: float = 300


@dataclass(frozen=True)
class Answer:
    """An answer. ``body`` is empty where it went into the caller's memory."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes = b""


class _Broken(Exception):
    """The connection ended before a whole answer came; ``reply`` is True when one had begun."""

    def __init__(self, why: str, *, reply: bool) -> None:
        super().__init__(why)
        self.reply = reply


class Connections:
    """Connections to one host; as many as threads ask at once. Thread-safe."""

    def __init__(
        self,
        url: str,
        *,
        trust: ssl.SSLContext | None = None,
        proxy: str | None = None,
        deadlines: Deadlines | None = None,
    ) -> None:
        """``url`` names scheme, host and port. Raises BadInput when it is no http(s) address.

        ``trust`` says whose certificates are believed: by default this machine's.
        ``proxy`` is a proxy's URL: by default what the environment says for the host.
        """
        parts = address(url, "The endpoint")
        self.host = parts.netloc.rpartition("@")[2]
        self._name, self._secure = parts.hostname or "", parts.scheme == "https"
        self._port = parts.port or (443 if self._secure else 80)
        usual = self._port == (443 if self._secure else 80)
        named = self.host if self.host.isascii() else self.host.encode("idna").decode()
        self._named = named.removesuffix(f":{self._port}") if usual else named
        self._trust = trust
        self._deadlines = deadlines or Deadlines()
        self._proxy = read_proxy(proxy if proxy is not None else proxy_of(parts))
        self._lock = threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []
        self._closed = False

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        *,
        what: str,
        body: memoryview | bytes | None = None,
        into: memoryview | None = None,
    ) -> Answer:
        """One request, which must be idempotent; its answer whatever the status.

        ``path`` begins with a slash and carries the query. A 2xx answer of exactly
        ``len(into)`` bytes is read into ``into``; one of another length raises Transient.
        ``what`` ends the sentence "… did not answer". Raises Unreachable when there is no
        connection, Transient when it breaks off or a deadline passes. What is sent
        twice, because a kept connection had ended, arrived nowhere the first time.
        """
        until = time.monotonic() + self._deadlines.whole_s
        while True:
            connection, kept = self._take(what)
            try:
                return self._exchange(
                    connection, (method, path, headers, body), into, until=until, what=what
                )
            except _Broken as broken:
                connection.close()
                if not kept or broken.reply:
                    raise Transient(f"{self.host} did not answer {what}: {broken}.") from None
            except BaseException:
                connection.close()
                raise

    def close(self) -> None:
        """Close what is idle; what is in use is closed when its answer came."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        request: tuple[str, str, Mapping[str, str], memoryview | bytes | None],
        into: memoryview | None,
        *,
        until: float,
        what: str,
    ) -> Answer:
        method, path, headers, body = request
        sock = connection.sock
        if self._proxy is not None and not self._secure:
            path = f"http://{self.host}{path}"
            headers = {**headers, **self._proxy.headers}
        try:
            with suppress(BrokenPipeError):  # a refusal may come before all was sent
                _send(sock, _head(method, path, headers, self._named, body), body)
            response = _begun(sock, method)
        except TimeoutError:
            raise Transient(f"{self.host} fell silent at {what}.") from None
        except _BROKEN as error:
            if isinstance(error, ssl.SSLError):
                raise Transient(f"The TLS connection to {self.host} failed at {what}.") from None
            raise _Broken(_words(error), reply=False) from None
        try:
            with response:
                reply = self._read(sock, response, into, until=until, what=what)
        except TimeoutError:
            raise Transient(f"{self.host} fell silent at {what}.") from None
        except _BROKEN as error:
            raise _Broken(_words(error), reply=True) from None
        self._give_back(connection, response)
        return reply

    def _read(
        self,
        sock: socket.socket,
        response: http.client.HTTPResponse,
        into: memoryview | None,
        *,
        until: float,
        what: str,
    ) -> Answer:
        if into is None or not 200 <= response.status < 300:
            body = response.read(_MAX_TEXT_BYTES + 1)
            if len(body) > _MAX_TEXT_BYTES:
                raise Transient(f"{self.host} answers {what} with far more than it was asked for.")
            if response.length:
                raise Transient(f"{self.host}'s answer to {what} broke off.")
            return Answer(response.status, response.headers, body)
        if response.length != len(into):
            said = "no length" if response.length is None else f"{response.length} bytes"
            raise Transient(f"{self.host} answers {what} with {said} instead of {len(into)}.")
        self._fill(sock, response, into, until=until, what=what)
        return Answer(response.status, response.headers)

    def _fill(
        self,
        sock: socket.socket,
        response: http.client.HTTPResponse,
        into: memoryview,
        *,
        until: float,
        what: str,
    ) -> None:
        """Read exactly ``into``; only what has come is taken, so that nobody waits in the lock."""
        done = min(len(response.fp.peek()), len(into))  # came with the headers
        response.fp.readinto(into[:done])
        if not done:
            raise self._broken_off(what, done)
        sock.settimeout(0)
        try:
            while done < len(into):
                with _taking, suppress(ssl.SSLWantReadError, BlockingIOError):
                    while done < len(into):
                        got = sock.recv_into(into[done:])
                        if not got:
                            raise self._broken_off(what, done)
                        done += got
                    return
                _wait_for_more(sock, self._deadlines.silence_s)
                if time.monotonic() > until:
                    raise Transient(f"{self.host} is too slow with {what}.")
        finally:
            sock.settimeout(self._deadlines.silence_s)

    def _broken_off(self, what: str, done: int) -> Transient:
        return Transient(f"{self.host}'s answer to {what} broke off after {done} bytes.")

    def _take(self, what: str) -> tuple[http.client.HTTPConnection, bool]:
        """A connection, and whether it was used before."""
        with self._lock:
            while self._idle:
                return self._idle.pop(), True
        return self._connect(what), False

    def _give_back(
        self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse
    ) -> None:
        with self._lock:
            if not (response.will_close or self._closed):
                self._idle.append(connection)
                return
        connection.close()

    def _connect(self, what: str) -> http.client.HTTPConnection:
        host, port = self._name, self._port
        if self._proxy is not None:
            host, port = self._proxy.host, self._proxy.port
        connect_s = self._deadlines.connect_s
        connection: http.client.HTTPConnection
        if self._secure:
            with self._lock:
                self._trust = trust = self._trust or trusting()
            connection = http.client.HTTPSConnection(host, port, timeout=connect_s, context=trust)
        else:
            connection = http.client.HTTPConnection(host, port, timeout=connect_s)
        if self._proxy is not None and self._secure:
            connection.set_tunnel(self._name, self._port, headers=self._proxy.headers)
        try:
            connection.connect()
        except ssl.SSLError:
            connection.close()
            raise Unreachable(
                f"The TLS connection to {self.host} failed for {what}.",
                "Check the certificates that this machine trusts, and any proxy on the way.",
            ) from None
        except _BROKEN as error:
            connection.close()
            raise Unreachable(
                f"{self.host} did not answer {what}: {_words(error)}.",
                f"Check that this machine reaches {self.host} (network, proxy, firewall).",
            ) from None
        connection.sock.settimeout(self._deadlines.silence_s)
        with suppress(OSError):
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return connection


def _wait_for_more(sock: socket.socket, silence_s: float) -> None:
    """Raises TimeoutError when nothing comes."""
    more = select.poll()
    more.register(sock, select.POLLIN)
    if not more.poll(silence_s * 1000):
        raise TimeoutError


def check_range(answer: Answer, offset: int, length: int, what: str) -> None:
    """Raises Transient unless the answer is this range and no other (RFC 9110, section 14.4).

    A server that does not know ranges answers 200 and the beginning of everything.
    """
    said = answer.headers.get("Content-Range", "").partition("/")[0]
    if answer.status != http.client.PARTIAL_CONTENT or said != (
        f"bytes {offset}-{offset + length - 1}"
    ):
        raise Transient(f"The answer to {what} is another range than was asked for.")


def _head(
    method: str,
    path: str,
    headers: Mapping[str, str],
    host: str,
    body: memoryview | bytes | None,
) -> bytes:
    """A request but for its body. Raises ValueError for what would end a line, or the head."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body is not None or method in ("PUT", "POST"):
        lines.append(f"Content-Length: {0 if body is None else len(body)}")
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    if not _HEAD.fullmatch(head) or head.count(b"\r\n") != len(lines) + 1:
        raise ValueError(f"The head of a {method} is none.")
    return head


def _send(sock: socket.socket, head: bytes, body: memoryview | bytes | None) -> None:
    """Head and body go out together; over TLS that would be a copy, and they do not."""
    if not body or isinstance(sock, ssl.SSLSocket):
        sock.sendall(head)
    else:
        sent = sock.sendmsg((head, body))
        sock.sendall(head[sent:])
        body = memoryview(body)[max(0, sent - len(head)) :]
    if body:
        sock.sendall(body)


def _begun(sock: socket.socket, method: str) -> http.client.HTTPResponse:
    """The answer, its head read."""
    response = http.client.HTTPResponse(sock, method=method)
    try:
        response.begin()
    except BaseException:
        response.close()
        raise
    return response


def _words(error: BaseException) -> str:
    """Why, without anything that the peer or the request said."""
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused"
    if isinstance(error, socket.gaierror):
        return "its name is not known here"
    if isinstance(error, TimeoutError):
        return "it took too long"
    return "the connection broke off"
