"""A check passes, or says why not, within its time."""

import http.server
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from coldferry.checks import carry_out, refuse_unusable
from coldferry.errors import BadInput


class Site(http.server.BaseHTTPRequestHandler):
    """Answers with the status that is its path; ``/drip`` never ends its headers."""

    def do_GET(self) -> None:
        if self.path == "/drip":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                try:
                    self.wfile.write(b"X: y\r\n")
                except OSError:
                    return
                time.sleep(0.05)
        self.send_response(int(self.path[1:]))
        self.send_header("Location", "/500")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def once(check: str, within_s: float = 0.0):
    return carry_out(check, "127.0.0.1", time.monotonic() + within_s)


def a_script(folder: Path, text: str) -> Path:
    path = folder / "check"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return path


@pytest.mark.parametrize("check", ["tcp:{port}", "tcp:127.0.0.1:{port}", "tcp:{{address}}:{port}"])
def test_a_port_that_answers_passes(port, check):
    assert once(check.format(port=port)).passed


def test_a_closed_port_says_that_it_is_refused():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        found = once(f"tcp:{closed.getsockname()[1]}")

    assert (found.passed, found.what) == (False, "Connection refused.")


@pytest.mark.parametrize(("path", "passed"), [("/200", True), ("/302", True), ("/404", False)])
def test_an_address_passes_by_its_status_and_no_redirect_is_followed(port, path, passed):
    found = once(f"http://{{address}}:{port}{path}")

    assert (found.passed, found.what) == (passed, f"It answers {path[1:]}.")


def test_a_machine_that_drips_does_not_hold_the_check_up(port):
    begun = time.monotonic()

    assert not once(f"http://127.0.0.1:{port}/drip").passed
    assert time.monotonic() - begun < 8


def test_what_speaks_no_tls_fails_in_a_sentence(port):
    found = once(f"https://127.0.0.1:{port}/200")

    assert not found.passed
    assert found.what.endswith(".")


def test_a_check_is_tried_until_it_passes(tmp_path):
    script = a_script(tmp_path, f"test -e {tmp_path}/seen && exit 0; touch {tmp_path}/seen; exit 3")

    assert once(f"script:{script}", within_s=30).passed


def test_a_script_is_told_the_machine_and_nothing_of_our_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "not for scripts")
    script = a_script(tmp_path, f'echo "$1"; env > {tmp_path}/env; test "$1" = 127.0.0.1')
    told = {"COLDFERRY_VM": "web-01"}

    assert carry_out(f"script:{script}", "127.0.0.1", time.monotonic(), told).passed
    assert "COLDFERRY_VM=web-01" in (tmp_path / "env").read_text()
    assert "AZURE_CLIENT_SECRET" not in (tmp_path / "env").read_text()


def test_a_script_that_fails_or_hangs_fails_and_what_it_started_ends(tmp_path):
    failing = a_script(tmp_path, "exit 7")
    assert once(f"script:{failing}").what == "It ended with exit code 7."

    hanging = a_script(tmp_path, f"sleep 600 & echo $! > {tmp_path}/pid; wait")
    assert "did not end within" in once(f"script:{hanging}").what
    child = int((tmp_path / "pid").read_text())
    while Path(f"/proc/{child}").exists() and " Z " not in Path(f"/proc/{child}/stat").read_text():
        time.sleep(0.05)


def test_a_script_s_words_are_no_shell_s(tmp_path):
    with pytest.raises(BadInput):
        refuse_unusable([f"script:{a_script(tmp_path, 'exit 0')}; touch {tmp_path}/pwned"])


@pytest.mark.parametrize(
    "check",
    [
        "tcp:0", "tcp:99999", "tcp:ssh", "tcp:a b:22", "ftp://host/", "http://", "http://[::1",
        "https://user:hunter2@host/", "http://host/?sig=abc", "http://host/a b", "script:relative",
        "script:/nowhere/at/all", "script:/etc", "", "\n",
    ],
)  # fmt: skip
def test_a_check_that_cannot_be_carried_out_is_bad_input(check):
    with pytest.raises(BadInput) as refused:
        refuse_unusable([check])

    assert "hunter2" not in str(refused.value)
    assert "abc" not in str(refused.value)


def test_a_script_that_others_may_write_is_refused(tmp_path):
    script = a_script(tmp_path, "exit 0")
    script.chmod(0o777)

    with pytest.raises(BadInput, match="written by others"):
        refuse_unusable([f"script:{script}"])


def test_all_faults_are_named_at_once_and_good_checks_are_not(port, tmp_path):
    good = [f"tcp:{port}", "tcp:[::1]:22", "https://host:8443/a", "tcp:{address}:22"]
    refuse_unusable([*good, f"script:{a_script(tmp_path, 'exit 0')}"])

    with pytest.raises(BadInput, match="2 of the checks") as refused:
        refuse_unusable([*good, "tcp:0", "ping:1"])
    assert "tcp:0" in str(refused.value)
    assert "ping:1" in str(refused.value)
