"""Whether a new machine does what it is for: a TCP port, an HTTP address, a script of the team's.

A check is a line: ``tcp:443``, ``tcp:10.0.1.20:443``, ``https://web.example/health`` or
``script:/opt/checks/web``. ``{address}`` in it is the new machine's private address.
"""

import http.client
import ipaddress
import os
import re
import socket
import ssl
import stat
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from coldferry.errors import BadInput

ADDRESS = "{address}"

_TRY_S = 10.0
"""The longest that one try of a port or an address may take."""

_PAUSE_S = 2.0
_NAME = re.compile(r"[A-Za-z0-9._-]{1,253}")


@dataclass(frozen=True)
class CheckResult:
    """What became of one check; ``what`` is a sentence, ``seconds`` until it was known."""

    check: str
    passed: bool
    what: str
    seconds: float


class _NotYet(Exception):
    """What stands against it, in this try."""


def refuse_unusable(checks: Sequence[str]) -> None:
    """Raise BadInput naming every check that cannot be carried out from here."""
    faults = [fault for check in checks if (fault := _fault(check))]
    if faults:
        raise BadInput(
            f"{len(faults)} of the checks cannot be used: {'; '.join(faults)}.",
            "A check is tcp:PORT, tcp:HOST:PORT, an http or https address, or "
            "script:/absolute/path.",
        )


def carry_out(
    check: str, address: str, deadline: float, told: Mapping[str, str] | None = None
) -> CheckResult:
    """Try until it passes or ``deadline`` (``time.monotonic``) is over; at least once.

    ``told`` is what a script finds in its environment.
    """
    begun = time.monotonic()
    while True:
        try:
            what = _try(check.replace(ADDRESS, address), address, deadline, told or {})
        except _NotYet as not_yet:
            left_s = deadline - time.monotonic()
            if left_s <= _PAUSE_S:
                spent = round(time.monotonic() - begun, 1)
                return CheckResult(check, passed=False, what=str(not_yet), seconds=spent)
            time.sleep(_PAUSE_S)
        else:
            return CheckResult(check, True, what, round(time.monotonic() - begun, 1))


def _fault(check: str) -> str:
    """Why it cannot be carried out, "" when it can."""
    kind, _, rest = check.partition(":")
    if kind == "tcp":
        host, _, port = rest.rpartition(":")
        good = port.isdecimal() and 0 < int(port) < 65536 and (not host or _is_host(host))
        return "" if good else f"'{check}' names no port of 1 to 65535"
    if kind in ("http", "https"):
        return _address_fault(check)
    if kind == "script":
        return _script_fault(check, Path(rest))
    return f"'{check}' is of no known kind"


def _is_host(host: str) -> bool:
    with suppress(ValueError):
        ipaddress.ip_address(host.strip("[]"))
        return True
    return host == ADDRESS or _NAME.fullmatch(host) is not None


def _address_fault(check: str) -> str:
    try:
        parts = urlsplit(check)
        usable = bool(parts.hostname) and (parts.port or 80) > 0
    except ValueError:
        usable = False
    if not usable or not check.isascii() or any(c.isspace() or ord(c) < 32 for c in check):
        return "an http address cannot be read"
    if parts.username or parts.password or parts.query:
        return "an http address holds a user, a password or a query, which runs keep in clear"
    return ""


def _script_fault(check: str, path: Path) -> str:
    if not path.is_absolute():
        return f"'{check}' is no absolute path"
    try:
        found = path.stat()
    except OSError as error:
        return f"'{check}' cannot be read on this machine ({error.strerror})"
    if not stat.S_ISREG(found.st_mode) or not os.access(path, os.X_OK):
        return f"'{check}' is no executable file on this machine"
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"'{check}' may be written by others"
    return ""


def _try(check: str, address: str, deadline: float, told: Mapping[str, str]) -> str:
    kind, _, rest = check.partition(":")
    if kind == "script":
        return _run(Path(rest), address, deadline, told)
    until = min(time.monotonic() + _TRY_S, max(deadline, time.monotonic() + 1))
    try:
        if kind == "tcp":
            host, _, port = rest.rpartition(":")
            with _connected(host.strip("[]") or address, int(port), until):
                return "The port answers."
        return _ask(check, until)
    except (OSError, http.client.HTTPException) as error:
        raise _NotYet(f"{_why(error)}.") from None


@contextmanager
def _connected(host: str, port: int, until: float) -> Iterator[socket.socket]:
    """A connection that ends at ``until`` (``time.monotonic``), whatever the other side does."""
    with socket.create_connection((host, port), max(until - time.monotonic(), 0.1)) as made:
        other = made.dup()  # TLS takes the first one over
        timer = threading.Timer(max(until - time.monotonic(), 0.1), _end, [other])
        timer.start()
        try:
            yield made
            if time.monotonic() >= until:  # http.client takes the end for the end of the headers
                raise TimeoutError
        finally:
            timer.cancel()
            other.close()


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _ask(check: str, until: float) -> str:
    """One GET; no redirect is followed, and no body is read."""
    parts = urlsplit(check)
    host = str(parts.hostname)
    secure = parts.scheme == "https"
    with _connected(host, parts.port or (443 if secure else 80), until) as plain:
        speaking = http.client.HTTPConnection(parts.netloc)
        speaking.sock = plain
        if secure:
            context = ssl.create_default_context()
            speaking.sock = context.wrap_socket(plain, server_hostname=host)
        try:
            speaking.request("GET", parts.path or "/", headers={"Connection": "close"})
            status = speaking.getresponse().status
        finally:
            speaking.close()
    if status >= 400:
        raise _NotYet(f"It answers {status}.")
    return f"It answers {status}."


def _run(path: Path, address: str, deadline: float, told: Mapping[str, str]) -> str:
    """The script by itself: no shell, nothing of our environment but where programs are."""
    left_s = max(deadline - time.monotonic(), 1.0)
    around = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    try:
        with subprocess.Popen(  # noqa: S603 - a person named it
            [str(path), address],
            env=around | dict(told),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            try:
                ended = process.wait(left_s)
            except subprocess.TimeoutExpired:
                raise _NotYet(f"It did not end within {left_s:.0f} s.") from None
            finally:
                with suppress(ProcessLookupError):  # what it started ends with it
                    os.killpg(process.pid, 9)
    except OSError as error:
        raise _NotYet(f"It cannot be started: {error.strerror}.") from None
    if ended != 0:
        raise _NotYet(f"It ended with exit code {ended}.")
    return "It ended with exit code 0."


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"Its certificate is not trusted ({error.verify_message})"
    if isinstance(error, TimeoutError):
        return "No answer"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"No answer that can be read ({type(error).__name__})"
