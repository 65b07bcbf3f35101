"""A place that notifications come to, and the block that sends them there."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Api = Callable[..., Any]
"""``(method, path, body)`` of Prefect's REST API."""


@contextmanager
def listening() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Its address, and what came."""
    came: list[dict[str, Any]] = []

    class Sink(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            came.append(json.loads(self.rfile.read(length)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", came
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def save_webhook(api: Api, url: str) -> str:
    """Save a custom webhook to ``url``, of subject and body; its name for ``coldferry notify``."""
    kind = api("GET", "/block_types/slug/custom-webhook")["id"]
    wanted = {"block_schemas": {"block_type_id": {"any_": [kind]}}}
    schema = api("POST", "/block_schemas/filter", wanted)[0]["id"]
    data = {"name": "n", "url": url, "json_data": {"text": "{{subject}}|{{body}}"}}
    document = {"name": "night-shift", "block_type_id": kind, "block_schema_id": schema}
    api("POST", "/block_documents/", document | {"data": data})
    return "custom-webhook/night-shift"


def wait_for(came: list[dict[str, Any]], word: str, timeout_s: float = 300) -> str:
    """The text of the notification that has ``word`` in it."""
    until = time.monotonic() + timeout_s
    while True:
        for one in tuple(came):
            if word in one["text"]:
                return str(one["text"])
        assert time.monotonic() < until, came
        time.sleep(0.1)
