"""A threaded HTTP/1.1 server with TLS on loopback, and how its handlers answer."""

import json
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

IDLE_TIMEOUT_S = 120.0


class Handler(BaseHTTPRequestHandler):
    """Keeps connections open and sends each answer in one piece."""

    protocol_version = "HTTP/1.1"
    server_version = "ColdferrySandbox"
    sys_version = ""
    timeout = IDLE_TIMEOUT_S
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent: request lines hold SAS signatures."""

    def read_body(self) -> bytes:
        """The whole request body."""
        return self.rfile.read(self.content_length())

    def content_length(self) -> int:
        """How many bytes follow the headers."""
        text = self.headers.get("Content-Length", "0")
        return int(text) if text.isdigit() else 0

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        """Send a whole answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            # Unannounced, the client would try this connection once more.
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def answer_json(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        """Send JSON, or nothing for None."""
        if body is None:
            self.answer(status, b"", headers or {})
            return
        kind = {"Content-Type": "application/json; charset=utf-8"}
        self.answer(status, json.dumps(body).encode(), kind | (headers or {}))


class Listener(ThreadingHTTPServer):
    """One TLS port on 127.0.0.1 with a thread for each connection."""

    daemon_threads = True
    # Sixteen upload workers may connect at the same moment.
    request_queue_size = 128

    def __init__(self, handler: type[Handler], context: ssl.SSLContext, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), handler)
        self.handler, self.context = handler, context
        # The handshake happens at the first read, in the connection's own thread.
        self.socket = context.wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )
        self._thread = threading.Thread(target=self.serve_forever, daemon=True, args=(0.05,))

    @property
    def address(self) -> str:
        """The URL of the port."""
        return f"https://127.0.0.1:{self.server_address[1]}"

    def begin(self) -> None:
        """Serve from a thread."""
        self._thread.start()

    def end(self) -> None:
        """Stop serving and close the port."""
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news; anything else is shown."""
        if not isinstance(sys.exception(), (ConnectionError, ssl.SSLError, TimeoutError)):
            super().handle_error(request, client_address)
