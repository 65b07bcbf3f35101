"""The Prefect API that commands talk to: the configured one, or one that is started here.

Starting from an empty database runs a hundred migrations (10 s); a migrated
template is made once for each installation and copied.
"""

import base64
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from coldferry.errors import Unreachable
from coldferry.home import folder, home, locked, private
from console.authorities import spare_authorities
from console.listening import is_ours, listens

QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    # The first UI shows every error of a form at its field; the second one toast at a time.
    "PREFECT_SERVER_UI_V2_ENABLED": "false",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_CLI_PROMPT": "false",
    # Runs that a command carries out are told from dead ones as soon as a worker's are.
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
}
# SQLite has one writer, and Prefect opens up to fifteen connections to it. A request that reads
# before it writes is answered 503 when another wrote meanwhile, and its client then waits two
# seconds: 57 times in 40 migrations, more than half of their time. And where the event loop gives
# up a statement whose thread waits for the writer, all stand still for a minute. Prefect keeps
# one connection where the address has ":memory:" in it; SQLite passes over a word that it does
# not know (https://www.sqlite.org/uri.html), so this is the same file, one request at a time.
_ONE_CONNECTION = "uri=true&connections=:memory:"
_COMMAND = ("prefect", "server", "start")
_HOST = "127.0.0.1"
_START_TIMEOUT_S = 120
_SEND_TIMEOUT_S = 10


def use_server() -> str:
    """The API's address, started here when none is configured; set in this process's environment.

    Call it before anything imports Prefect.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    spare_loopback()
    url = configured_url() or start_server()
    os.environ["PREFECT_API_URL"] = url
    spare_authorities(url)
    if not _has_profiles():  # else that folder holds the team's credentials for the API
        os.environ.setdefault("PREFECT_HOME", str(home() / "prefect"))
    return url


def spare_loopback() -> None:
    """What stands on this machine is never asked for through a proxy."""
    for name in ("NO_PROXY", "no_proxy"):
        spared = [word for word in os.environ.get(name, "").split(",") if word]
        os.environ[name] = ",".join(dict.fromkeys([*spared, "127.0.0.1", "localhost"]))


def configured_url() -> str | None:
    """What the environment or the active Prefect profile names; None when nothing does."""
    if url := os.environ.get("PREFECT_API_URL"):
        return url
    if not _has_profiles():
        return None
    from prefect.settings import get_current_settings  # two seconds: only where a profile is

    return get_current_settings().api.url


def headers() -> dict[str, str]:
    """What the API asks for: a key or a basic authentication, from environment or profile."""
    key = os.environ.get("PREFECT_API_KEY")
    basic = os.environ.get("PREFECT_API_AUTH_STRING")
    if not key and not basic and _has_profiles():
        from prefect.settings import get_current_settings

        api = get_current_settings().api
        key = api.key.get_secret_value() if api.key else None
        basic = api.auth_string.get_secret_value() if api.auth_string else None
    if key:
        return {"Authorization": f"Bearer {key}"}
    if basic:
        return {"Authorization": f"Basic {base64.b64encode(basic.encode()).decode()}"}
    return {}


def _has_profiles() -> bool:
    folder = Path(os.environ.get("PREFECT_HOME") or Path.home() / ".prefect")
    named = os.environ.get("PREFECT_PROFILES_PATH")
    return (Path(named) if named else folder / "profiles.toml").exists()


def start_server() -> str:
    """Start this home's server, or find it running; its API address."""
    with locked(home() / "prefect.lock"):
        if running := _running():
            return running
        place = folder("prefect")
        if not (place / "prefect.db").exists():
            shutil.copyfile(template(), place / "prefect.db")
        (place / "prefect.db").chmod(0o600)
        port = _free_port()
        url = f"http://{_HOST}:{port}/api"
        with open(server_log(), "ab", opener=private) as log:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    *_COMMAND,
                    "--host",
                    _HOST,
                    "--port",
                    str(port),
                ],
                env=_environment(place, url),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                cwd=place,
                umask=0o077,
            )
        with open(place / "server.json", "w", opener=private) as record:
            json.dump({"pid": process.pid, "url": url}, record)
        _wait(url, process)
        return url


def server_log() -> Path:
    """What this home's server writes."""
    return home() / "prefect" / "server.log"


def server_ended() -> bool:
    """The API that this process uses is this home's own, and its server is no more."""
    path = home() / "prefect" / "server.json"
    try:
        record = json.loads(path.read_text())
        own, pid = str(record["url"]), int(record["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return own == os.environ.get("PREFECT_API_URL") and not _alive(pid)


def stop_server() -> None:
    """End this home's server, if it runs."""
    _send_logs()
    path = home() / "prefect" / "server.json"
    with suppress(OSError, ValueError, KeyError, TypeError):
        pid = int(json.loads(path.read_text())["pid"])
        if is_ours(pid, *_COMMAND):  # else somebody else's by now
            end_group(pid)
    path.unlink(missing_ok=True)


def _send_logs() -> None:
    """What this process's runs logged goes to the server now: Prefect's thread sends it later.

    Once the server is gone that thread would write its own error to stderr.
    """
    if "prefect.logging.handlers" in sys.modules:
        from prefect.logging.handlers import APILogWorker

        APILogWorker.drain_all(timeout=_SEND_TIMEOUT_S)


def end_group(pid: int, patience_s: float = 10) -> None:
    """End a process and its children: asked first, then killed."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            return
        until = time.monotonic() + patience_s
        while time.monotonic() < until and _alive(pid):
            time.sleep(0.05)
        if not _alive(pid):
            return


def own_url() -> str | None:
    """The address of this home's server when it answers."""
    return _running()


def _running() -> str | None:
    """The recorded server's address, if it is that server who answers there.

    After a crash anybody on this machine may listen on the port that it had.
    """
    path = home() / "prefect" / "server.json"
    try:
        record: dict[str, Any] = json.loads(path.read_text())
        pid, url = int(record["pid"]), str(record["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # a torn record is none
    return url if is_ours(pid, *_COMMAND) and _healthy(url, pid) else None


def _environment(folder: Path, url: str) -> dict[str, str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    return {
        **inherited,
        **QUIET,
        "PREFECT_HOME": str(folder),
        "PREFECT_API_DATABASE_CONNECTION_URL": _database(folder),
        "PREFECT_API_URL": url,
        "PREFECT_UI_URL": url.removesuffix("/api"),
        "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "ERROR",
    }


def _database(folder: Path) -> str:
    return f"sqlite+aiosqlite:///file:{quote(str(folder / 'prefect.db'))}?{_ONE_CONNECTION}"


def template() -> Path:
    """A migrated, empty database of this Prefect version."""
    shared = Path(sys.prefix) / "share" / "coldferry"
    shared.mkdir(parents=True, exist_ok=True)
    path = shared / f"prefect-{version('prefect')}.db"
    with locked(shared / "template.lock"):
        if not path.exists():
            _make_template(path)
    return path


def _make_template(path: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / "prefect.db"
        subprocess.run(
            [sys.executable, "-m", "prefect", "server", "database", "upgrade", "-y"],
            env=_environment(Path(scratch), "http://127.0.0.1:1/api")
            | {"PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{made}"},
            check=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
        )
        part = path.with_suffix(".part")
        part.unlink(missing_ok=True)
        connection = sqlite3.connect(made)
        connection.execute("VACUUM INTO ?", (str(part),))  # a plain copy would miss the WAL
        connection.close()
        part.rename(path)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _healthy(url: str, pid: int) -> bool:
    """The server answers, and it is this process: it is looked at before anything is asked."""
    try:
        place = urlsplit(url)
        if place.hostname != _HOST or not listens(pid, place.port or 0):
            return False
        with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:  # noqa: S310 - loopback
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < until:
        if _healthy(url, process.pid):
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise Unreachable(
        "The Prefect server did not start.",
        f"See {server_log()}, or set PREFECT_API_URL to one that runs.",
    )


def _alive(pid: int) -> bool:
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return (
        not Path(f"/proc/{pid}/stat").exists() or " Z " not in Path(f"/proc/{pid}/stat").read_text()
    )
