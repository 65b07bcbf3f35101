"""A server that answers each request as the test says, and keeps what it was sent."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HANG, CUT = b"hang", b"cut"


@dataclass
class Scripted:
    """``answers`` are raw bytes, one a request; after the last one it answers OK.

    ``HANG`` answers nothing for as long as the test runs; ``CUT`` closes the
    connection without an answer.
    """

    port: int
    answers: list[bytes] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        """Of plain HTTP."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def scripted(*answers: bytes, tls: ssl.SSLContext | None = None) -> Iterator[Scripted]:
    """A server on loopback for the time of a test."""
    listener = socket.create_server(("127.0.0.1", 0))
    state = Scripted(listener.getsockname()[1], list(answers))
    over = threading.Event()
    taken: list[socket.socket] = []

    def listen() -> None:
        while not over.is_set():
            try:
                connection, _ = listener.accept()
                if tls is not None:
                    connection = tls.wrap_socket(connection, server_side=True)
            except OSError:
                continue
            state.connections += 1
            taken.append(connection)
            threading.Thread(target=_serve, args=(connection, state, over), daemon=True).start()

    listening = threading.Thread(target=listen, daemon=True)
    listening.start()
    try:
        yield state
    finally:
        over.set()
        # A closed listener takes connections for as long as somebody waits for one.
        listener.shutdown(socket.SHUT_RDWR)
        listening.join()
        listener.close()
        for connection in taken:
            connection.close()


def _serve(connection: socket.socket, state: Scripted, over: threading.Event) -> None:
    with suppress(OSError, ValueError), connection, connection.makefile("rb") as file:
        while line := file.readline():
            head = line.decode()
            while (line := file.readline()) not in (b"\r\n", b""):
                head += line.decode()
            fields = {
                name.lower(): value.strip()
                for name, _, value in (row.partition(":") for row in head.splitlines()[1:])
            }
            state.heads.append(head)
            state.bodies.append(file.read(int(fields.get("content-length", "0"))))
            answer = state.answers.pop(0) if state.answers else OK
            if answer == HANG:
                over.wait(30)
            if answer in (HANG, CUT):
                connection.shutdown(socket.SHUT_RDWR)
                return
            connection.sendall(answer)
