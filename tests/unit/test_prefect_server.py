"""Which server is believed: ours, and nobody who listens where it once did."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest import mock

import httpx
import pytest

from coldferry.errors import BadInput, ColdferryError, Unreachable
from coldferry.home import home
from console import blocks
from console.prefect_server import own_url, start_server, stop_server

LISTENER = """
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
print(server.server_port, flush=True)
server.serve_forever()
"""


class Stranger(BaseHTTPRequestHandler):
    """Answers as it is told, and keeps what it was asked."""

    asked: list[str]
    reply: tuple[int, str]

    def do_GET(self):
        self.asked.append(self.path)
        self.send_response(self.reply[0])
        self.end_headers()
        self.wfile.write(self.reply[1].encode())

    def log_message(self, *words):
        """Nothing is printed."""


@contextmanager
def stranger(status=200, body="true"):
    """A server of this test's; its port and what it was asked."""

    class Own(Stranger):
        asked: list[str] = []  # noqa: RUF012 - each server its own
        reply = (status, body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Own)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port, Own.asked
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def process(program, *words):
    """A process of ours with these words in its command line."""
    started = subprocess.Popen(
        [sys.executable, "-c", program, *words], stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        yield started
    finally:
        started.kill()
        started.wait()


@pytest.fixture(autouse=True)
def _environment():
    """Finding a server sets variables for Prefect; no other test is to have them."""
    with mock.patch.dict(os.environ):
        yield


@pytest.fixture
def record(tmp_path, monkeypatch):
    """Write down which server this home is said to have."""
    monkeypatch.setenv("COLDFERRY_HOME", str(tmp_path))
    (tmp_path / "prefect").mkdir()

    def write(pid, port, host="127.0.0.1"):
        said = {"pid": pid, "url": f"http://{host}:{port}/api"}
        (tmp_path / "prefect" / "server.json").write_text(json.dumps(said))

    return write


def test_a_record_of_a_server_that_died_leads_to_nobody_s_port(record):
    with process("", "prefect", "server", "start") as gone:
        gone.wait()
        with stranger() as (port, asked):
            record(gone.pid, port)
            found = own_url()

    assert found is None
    assert asked == []


def test_a_port_that_another_process_holds_is_not_our_server_s(record):
    idle = "import time; print(flush=True); time.sleep(60)"
    with process(idle, "prefect", "server", "start") as alive, stranger() as (port, asked):
        alive.stdout.readline()
        record(alive.pid, port)
        found = own_url()

    assert found is None
    assert asked == []


def test_a_process_that_is_no_prefect_server_is_not_asked_although_it_listens(record):
    with stranger() as (port, asked):
        record(os.getpid(), port)
        found = own_url()

    assert found is None
    assert asked == []


def test_a_server_that_lives_and_listens_itself_is_found(record):
    with process(LISTENER, "prefect", "server", "start") as alive:
        port = int(alive.stdout.readline())
        record(alive.pid, port)
        found, elsewhere = own_url(), record(alive.pid, port, "localhost") or own_url()

    assert found == f"http://127.0.0.1:{port}/api"
    assert elsewhere is None


def test_a_process_that_took_the_number_of_our_server_is_not_ended(record):
    with process("import time; time.sleep(60)", "somebody's") as other:
        record(other.pid, 1)
        stop_server()

        assert other.poll() is None


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, "<html>", BadInput),
        (404, "<html>", BadInput),
        (404, "{}", BadInput),
        (200, "{}", BadInput),
        (200, '["a"]', BadInput),
        (301, "", BadInput),
        (502, "<html>", Unreachable),
    ],
)
def test_what_is_no_prefect_api_is_said_in_a_sentence(monkeypatch, status, body, error):
    with stranger(status, body) as (port, _):
        monkeypatch.setenv("PREFECT_API_URL", f"http://user:canary@127.0.0.1:{port}")
        found = []
        for ask in (blocks.every, lambda: blocks.load("coldferry-cloud/mine")):
            with pytest.raises(ColdferryError) as caught:
                ask()
            found.append(caught.value)

    assert [type(one) for one in found] == [error, error]
    assert all(f"127.0.0.1:{port}" in one.what and "canary" not in str(one) for one in found)


@pytest.mark.parametrize("url", ["http://[::1", "nowhere", "http://127.0.0.1:1/api"])
def test_an_address_where_nothing_can_answer_is_no_defect(monkeypatch, url):
    monkeypatch.setenv("PREFECT_API_URL", url)
    with pytest.raises((BadInput, Unreachable)):
        blocks.every()


def test_writers_at_the_same_time_are_all_served(prefect_api):
    """With a connection each, SQLite refused some of them: Prefect said 503."""

    async def write():
        async with httpx.AsyncClient(timeout=60) as client:
            flow = (await client.post(f"{prefect_api}/flows/", json={"name": "many"})).json()
            return await asyncio.gather(
                *(
                    client.post(f"{prefect_api}/flow_runs/", json={"flow_id": flow["id"]})
                    for _ in range(60)
                )
            )

    assert {answer.status_code for answer in asyncio.run(write())} == {201}


def test_a_home_of_any_name_holds_the_database(tmp_path, monkeypatch):
    monkeypatch.setenv("COLDFERRY_HOME", str(tmp_path / "a b%20c#d?e"))
    start_server()
    try:
        assert (home() / "prefect" / "prefect.db-wal").exists()
        assert [one.name for one in tmp_path.iterdir()] == ["a b%20c#d?e"]
    finally:
        stop_server()
