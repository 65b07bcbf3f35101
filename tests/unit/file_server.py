"""A small TCP server that answers as a file server does, as late as it is told to."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class FileServer:
    """``delay_s`` is held back before each answer; ``answers`` are the bytes that it sends.

    ``asked`` has every question, ``connected`` counts connections.
    """

    port: int
    delay_s: float = 0.0
    answers: bytes | None = None
    silent: bool = False
    asked: list[bytes] = field(default_factory=list)
    connected: int = 0
    held: threading.Event = field(default_factory=threading.Event)

    def answer_to(self, question: bytes) -> bytes:
        """An accepted reply without results, of the same number (RFC 5531)."""
        if self.answers is not None:
            return self.answers
        reply = question[4:8] + struct.pack(">5I", 1, 0, 0, 0, 0)
        return struct.pack(">I", 1 << 31 | len(reply)) + reply


@contextmanager
def serving(delay_s: float = 0.0, **how: object) -> Iterator[FileServer]:
    """On loopback, on a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = FileServer(listener.getsockname()[1], delay_s)
        for name, value in how.items():
            setattr(server, name, value)
        threading.Thread(target=_accept, args=(listener, server), daemon=True).start()
        try:
            yield server
        finally:
            server.held.set()


def _accept(listener: socket.socket, server: FileServer) -> None:
    while True:
        try:
            line, _ = listener.accept()
        except OSError:
            return
        server.connected += 1
        threading.Thread(target=_talk, args=(line, server), daemon=True).start()


def _talk(line: socket.socket, server: FileServer) -> None:
    with line:
        try:
            while question := line.recv(4096):
                server.asked.append(question)
                if server.silent:
                    continue
                server.held.wait(server.delay_s)
                line.sendall(server.answer_to(question))
        except OSError:
            return
