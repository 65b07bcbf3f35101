"""Faults and counters that both sandbox servers share.

Every request is named ``service:Operation`` (``ec2:StopInstances``,
``compute:disks.beginGetAccess``, ``blob:PutPage``). A test asks over HTTP for
the next calls of an operation to fail, and reads how often each was called:

* ``POST /_sandbox/faults`` with a JSON list of faults; ``DELETE`` forgets them;
* ``GET /_sandbox/counts`` answers ``{operation: {calls, faulted, body_bytes}}``;
  ``DELETE`` resets them.
"""

import threading
from collections import defaultdict
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any


@dataclass
class Fault:
    """Make ``times`` calls of ``operation`` fail, after ``after`` good ones.

    ``operation`` is a shell pattern (``compute:*``). ``status`` and ``code``
    are what the client is answered; ``apply`` lets the call take effect before
    its answer is replaced by the error (a lost reply); ``contains`` limits the
    fault to requests whose path or body text has that string; of a blob's
    requests also those of the disk or snapshot with it in its name.

    With ``corrupt`` the call succeeds and one byte of the disk data that it
    carries is altered: in the answer of an EBS read, in what a page write keeps.

    With ``delay_s`` the call is served, not refused, but so many seconds later,
    or as soon as the faults are forgotten.
    """

    operation: str
    status: int = 503
    code: str = "ServiceUnavailable"
    message: str = "fault asked for by a test"
    times: int = 1
    after: int = 0
    apply: bool = False
    contains: str = ""
    corrupt: bool = False
    delay_s: float = 0.0


@dataclass
class Count:
    """Calls of one operation: all, those answered with a fault, body bytes received."""

    calls: int = 0
    faulted: int = 0
    body_bytes: int = 0


def altered(data: bytes) -> bytes:
    """``data`` with one bit of its middle turned over."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :] if data else data


class Faults:
    """The table of one server; safe to use from its threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._forgotten = threading.Event()
        self._counts: dict[str, Count] = defaultdict(Count)

    def add(self, faults: list[dict[str, Any]]) -> None:
        """Queue faults given as JSON objects; raises TypeError on an unknown key."""
        wanted = [Fault(**fault) for fault in faults]
        with self._lock:
            self._faults.extend(wanted)

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._faults.clear()
            self._forgotten.set()
            self._forgotten = threading.Event()

    def reset_counts(self) -> None:
        """Start counting from zero."""
        with self._lock:
            self._counts.clear()

    def counts(self) -> dict[str, dict[str, int]]:
        """Calls so far, by operation."""
        with self._lock:
            return {name: asdict(count) for name, count in sorted(self._counts.items())}

    def arrived(self, operation: str, text: str = "", body_bytes: int = 0) -> Fault | None:
        """Count one call of ``operation``; answer the fault it shall meet, if any.

        One that is only late waits here.
        """
        with self._lock:
            count = self._counts[operation]
            count.calls += 1
            count.body_bytes += body_bytes
            fault = self._due(operation, text)
            count.faulted += fault is not None
            forgotten = self._forgotten
        if fault is not None and fault.delay_s > 0:
            forgotten.wait(fault.delay_s)
            return None
        return fault

    def _due(self, operation: str, text: str) -> Fault | None:
        for fault in self._faults:
            if not fnmatchcase(operation, fault.operation) or fault.contains not in text:
                continue
            if fault.after > 0:
                fault.after -= 1
                continue
            if fault.times > 0:
                fault.times -= 1
                return fault
        return None
