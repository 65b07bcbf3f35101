"""What ``status`` may claim when clouds are silent."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from coldferry.errors import Unreachable
from console import blocks
from console.migrating import status


class _Prefect(BaseHTTPRequestHandler):
    """A Prefect API that knows these blocks, and nothing else."""

    blocks: ClassVar[list[dict[str, Any]]] = []

    def do_GET(self) -> None:
        body = json.dumps(self.blocks).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def prefect(tmp_path, monkeypatch) -> Iterator[list[dict[str, Any]]]:
    """The blocks that the configured API knows: fill it in."""
    known: list[dict[str, Any]] = []
    handler = type("_Known", (_Prefect,), {"blocks": known})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{server.server_port}/api")
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    monkeypatch.setenv("COLDFERRY_HOME", str(tmp_path))
    yield known
    server.shutdown()
    thread.join()
    server.server_close()


def _silent(name: str) -> dict[str, Any]:
    place = {"subscription_id": "s", "resource_group": "g", "location": "westeurope"}
    azure = {"endpoint": "https://127.0.0.1:9", "token": "word", **place}
    return {"id": name, "name": name, "data": {"provider": "azure", "azure": azure}}


def test_with_no_cloud_that_answers_nothing_is_claimed(prefect, capsys) -> None:
    prefect += [_silent("two"), _silent("one")]

    exit_code = status(json=True)

    document = json.loads(capsys.readouterr().out)
    assert exit_code == 4
    assert document["error"]["code"] == "unreachable"
    assert "coldferry-cloud/one" in document["error"]["what"]
    assert sorted(document["unreachable"]) == ["coldferry-cloud/one", "coldferry-cloud/two"]
    assert document["migrations"] == []


def test_with_no_cloud_at_all_there_is_no_migration(prefect, capsys) -> None:
    assert status(json=True) == 0
    assert json.loads(capsys.readouterr().out) == {"migrations": [], "unreachable": []}


def test_an_api_that_is_dead_is_said_with_the_variable_that_names_it(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    monkeypatch.setenv("COLDFERRY_HOME", str(tmp_path))

    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9") as dead:
        blocks.saved()

    assert "PREFECT_API_URL" in dead.value.do
