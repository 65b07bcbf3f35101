"""How far away a file server is, measured from where this runs, and what that means.

Sources: RFC 5531 (remote procedure calls over TCP, record marking), RFC 7530
(NFS version 4: program 100003, and a procedure that does nothing and that
every server answers). Asking for it takes one round trip on an open
connection, which is the least that a read takes.
"""

import math
import re
import socket
import struct
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import median
from typing import Any, Self

from coldferry.errors import BadInput, Unreachable
from coldferry.plain import size

NFS_PORT = 2049
TRIES = 20
DEADLINE_S = 10.0

_MOST_TRIES = 1000
_LONGEST_S = 300.0
_ADDRESS = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._:%-]{0,251}[A-Za-z0-9])?", re.ASCII)

_NFS, _NFS_VERSION, _NULL = 100003, 4, 0
_CALL, _REPLY, _RPC_VERSION = 0, 1, 2
_LAST_FRAGMENT = 1 << 31
_MOST_ANSWERED_BYTES = 4096
_Place = tuple[int, tuple[Any, ...]]
"""Address family and socket address."""

_SMALL_BYTES, _LARGE_BYTES = 4 << 10, 1 << 20


@dataclass(frozen=True)
class Spread:
    """What several tries took, in milliseconds; ``answered`` of ``tries`` came to an end."""

    median_ms: float
    p95_ms: float
    tries: int
    answered: int


@dataclass(frozen=True)
class Latency:
    """One address and port, seen from one place.

    ``connect`` is opening a TCP connection, ``read`` one question and its
    answer on an open one; None where the port's protocol is not known here.
    """

    address: str
    port: int
    connect: Spread
    read: Spread | None
    seen_from: str

    @property
    def ms(self) -> float:
        """What a read takes at least, as half of all do."""
        return (self.read or self.connect).median_ms

    @property
    def words(self) -> str:
        """``12.4 ms to read (95 % within 15.1 ms), 12.2 ms to connect, seen from …``."""
        told = f"{_ms(self.connect.median_ms)} to connect"
        if self.read is not None:
            told = f"{_ms(self.read.median_ms)} to read ({_within(self.read)}), {told}"
        else:
            told = f"{told} ({_within(self.connect)})"
        lost = [s for s in (self.connect, self.read) if s is not None and s.answered < s.tries]
        fewer = "".join(f"; only {s.answered} of {s.tries} tries were answered" for s in lost[:1])
        return f"{told}, seen from {self.seen_from}{fewer}"


def spread(taken_s: Sequence[float], tries: int) -> Spread:
    """Median and 95th percentile (nearest rank) of at least one try."""
    ordered = sorted(taken_s)
    rank = math.ceil(0.95 * len(ordered)) - 1
    return Spread(
        round(median(ordered) * 1000, 3), round(ordered[rank] * 1000, 3), tries, len(ordered)
    )


def meaning(ms: float) -> str:
    """What a read of that many milliseconds comes to, for one who asks one after the other."""
    rate = 1000 / max(ms, 0.001)
    small, large = size(int(rate * _SMALL_BYTES)), size(int(rate * _LARGE_BYTES))
    return (
        f"For each read that is under way at a time, {_number(rate)} IOPS: {small}/s in reads of "
        f"4 KiB, and no more than {large}/s in reads of 1 MiB, less what the line carries"
    )


def measure(
    address: str,
    port: int = NFS_PORT,
    *,
    tries: int = TRIES,
    deadline_s: float = DEADLINE_S,
    asks: bool = True,
) -> Latency:
    """Connect and ask so many times, for ``deadline_s`` seconds in all.

    Without ``asks`` it is only connected to: the question is NFS's.

    What was not tried by then counts as not answered. Raises BadInput for an
    address that is none, and Unreachable when nothing answered at all.
    """
    if _ADDRESS.fullmatch(address) is None:
        raise BadInput(f"'{address[:80]}' is no address.", "Give a host's name or its IP address.")
    if not (0 < port < 1 << 16 and 0 < tries <= _MOST_TRIES and 0 < deadline_s <= _LONGEST_S):
        raise BadInput(
            f"Port {port}, {tries} tries and {deadline_s:g} s cannot be measured with.",
            f"Take a port up to 65535, up to {_MOST_TRIES} tries and up to {_LONGEST_S:g} s.",
        )
    where, until = f"{address} port {port}", time.monotonic() + deadline_s
    place = _resolve(address, port)
    here = socket.gethostname()
    # A half of the time at most goes to connecting: the other half is for reads.
    half = time.monotonic() + deadline_s / 2 if asks else until
    opened = _taken(lambda end: _connect(place, end), tries, half)
    if not opened:
        raise Unreachable(
            f"{where} does not answer, seen from {here}, within {deadline_s:g} s.",
            "Look at the way between the two networks (VPN, peering, routes, security groups), or "
            "place the file system as nofail or remove.",
        )
    read = _reads(place, where, here, tries, until) if asks else None
    return Latency(address, port, spread(opened, tries), read, here)


def _reads(place: _Place, where: str, here: str, tries: int, until: float) -> Spread:
    with _Asking(place) as asking:
        taken = _taken(asking.ask, tries, until)
    if not taken:
        raise Unreachable(
            f"{where} takes connections and does not answer as a file server (NFS), seen from "
            f"{here}.",
            "Look at what listens there, and whether it lets this network's addresses in.",
        )
    return spread(taken, tries)


def _resolve(address: str, port: int) -> _Place:
    try:
        found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unreachable(
            f"The name {address} means no address, seen from {socket.gethostname()}.",
            "Let its name be known where this runs (DNS), or name it by its IP address.",
        ) from None
    family, _, _, _, place = found[0]
    return int(family), tuple(place)


def _taken(once: Callable[[float], float], tries: int, until: float) -> list[float]:
    """What ``once(until)`` says that each try took, of those that came to an end in time."""
    taken = []
    for _ in range(tries):
        if time.monotonic() >= until:
            break
        with suppress(OSError):
            taken.append(once(until))
    return taken


def _connect(place: _Place, until: float) -> float:
    line, taken_s = _open(place, until)
    line.close()
    return taken_s


def _open(place: _Place, until: float) -> tuple[socket.socket, float]:
    """A connection, and the seconds that opening it took. Raises OSError."""
    line = socket.socket(place[0], socket.SOCK_STREAM)
    try:
        line.settimeout(_left_s(until))
        begun = time.monotonic()
        line.connect(place[1])
        taken_s = time.monotonic() - begun
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        line.close()
        raise
    return line, taken_s


class _Asking:
    """Questions on one connection; on a new one after each fault."""

    def __init__(self, place: _Place) -> None:
        self._place = place
        self._line: socket.socket | None = None
        self._number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def ask(self, until: float) -> float:
        """One question and its answer; the seconds between them. Raises OSError."""
        if self._line is None:
            self._line, _ = _open(self._place, until)
        self._number += 1
        try:
            self._line.settimeout(_left_s(until))
            begun = time.monotonic()
            self._line.sendall(_question(self._number))
            _hear(self._line, self._number, until)
            return time.monotonic() - begun
        except OSError:
            self._end()
            raise

    def _end(self) -> None:
        if self._line is not None:
            self._line.close()
        self._line = None


def _left_s(until: float) -> float:
    """Never zero, which a socket would take for no waiting at all."""
    left_s = until - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s


def _question(number: int) -> bytes:
    """A call of the procedure that does nothing, with no credentials, as one record."""
    call = struct.pack(">10I", number, _CALL, _RPC_VERSION, _NFS, _NFS_VERSION, _NULL, 0, 0, 0, 0)
    return struct.pack(">I", _LAST_FRAGMENT | len(call)) + call


def _hear(line: socket.socket, number: int, until: float) -> None:
    """Any answer to that very call. Raises OSError for what is none."""
    (head,) = struct.unpack(">I", _exactly(line, 4, until))
    length = head & (_LAST_FRAGMENT - 1)
    if not 8 <= length <= _MOST_ANSWERED_BYTES:
        raise ConnectionError("no answer of a file server")
    told = _exactly(line, length, until)
    if struct.unpack(">2I", told[:8]) != (number, _REPLY):
        raise ConnectionError("an answer to something else")


def _exactly(line: socket.socket, length: int, until: float) -> bytes:
    heard = b""
    while len(heard) < length:
        line.settimeout(_left_s(until))  # a server that drips must not outlast the deadline
        piece = line.recv(length - len(heard))
        if not piece:
            raise ConnectionResetError("the server closed the connection")
        heard += piece
    return heard


def _within(taken: Spread) -> str:
    return f"95 % within {_ms(taken.p95_ms)}"


def _ms(ms: float) -> str:
    return f"{ms:.3g} ms" if ms < 100 else f"{ms:.0f} ms"


def _number(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"
