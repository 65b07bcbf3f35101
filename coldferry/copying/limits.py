"""Limits that somebody writes into a small JSON file, or says elsewhere, also while copies run.

::

    {"clouds": {"aws": {"bytes_per_s": 5e7, "requests_per_s": 100}},
     "migrations": {"web-01-azure-7f3a-a1": {"bytes_per_s": 1e7}}}

A name that is not there has no limit. What is :meth:`told <LimitsFile.tell>`
counts before what the file says of the same name.
"""

import json
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coldferry.copying.throttle import Bounds, Throttle
from coldferry.errors import BadInput

LIMITS = "limits.json"
"""The file's name in the home."""

_MOST_BYTES = 1 << 20
_LOOK_EVERY_S = 1.0
Limits = Mapping[tuple[str, str], "Bounds"]
"""Bounds by kind, ``clouds`` or ``migrations``, and name."""

_KINDS = ("clouds", "migrations")
_FIELDS = ("bytes_per_s", "requests_per_s")


class LimitsFile:
    """One throttle a name, shared by all copies of the process that ask this object for it.

    A file that became faulty while copies run changes nothing; ``fault`` says so.
    """

    def __init__(self, path: Path) -> None:
        """The file need not exist. Raises BadInput where it is faulty."""
        self.fault = ""
        self._path = path
        self._lock = threading.Lock()
        self._throttles: dict[tuple[str, str], _Watching] = {}
        self._looked_s = time.monotonic()
        self._seen = _stamp(path)
        self._written: Limits = read_limits(path)
        self._told: Limits = {}

    def cloud(self, name: str) -> Throttle:
        """Of all requests to one cloud."""
        return self._throttle("clouds", name)

    def migration(self, name: str) -> Throttle:
        """Of all requests that send one migration's bytes."""
        return self._throttle("migrations", name)

    def tell(self, limits: Limits) -> None:
        """From now on these, beside what the file says of other names."""
        with self._lock:
            self._told = dict(limits)
            self._spread()

    def look(self) -> None:
        """Take over what the file says, if a second has passed and it was changed."""
        with self._lock:
            now = time.monotonic()
            if now - self._looked_s < _LOOK_EVERY_S:
                return
            self._looked_s = now
            stamp = _stamp(self._path)
            if stamp == self._seen:
                return
            self._seen = stamp
            try:
                self._written, self.fault = read_limits(self._path), ""
            except BadInput as error:
                self.fault = error.what
            self._spread()

    def _spread(self) -> None:
        for key, throttle in self._throttles.items():
            if throttle.bounds != (bounds := self._of(key)):
                throttle.bounds = bounds

    def _of(self, key: tuple[str, str]) -> Bounds:
        return self._told.get(key) or self._written.get(key) or Bounds()

    def _throttle(self, kind: str, name: str) -> Throttle:
        with self._lock:
            key = (kind, name)
            if key not in self._throttles:
                self._throttles[key] = _Watching(self, self._of(key))
            return self._throttles[key]


class _Watching(Throttle):
    """A throttle that looks into its file before each request, and while it makes wait."""

    def __init__(self, file: LimitsFile, bounds: Bounds) -> None:
        super().__init__(bounds)
        self._file = file

    def take(self, length: int) -> float:
        self._file.look()
        return super().take(length)


def read_limits(path: Path) -> Limits:
    """What a file says. Raises BadInput that says what is wrong with it."""
    if not path.exists():
        return {}
    if not path.is_file() or path.stat().st_size > _MOST_BYTES:  # a pipe would never end
        raise _faulty(path, "it is no file, or a large one")
    try:
        said = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise _faulty(path, f"it is no JSON ({type(error).__name__})") from None
    return parse_limits(said, path)


def parse_limits(said: Any, source: object) -> Limits:
    """What such a document says. Raises BadInput that calls it ``source``."""
    if not isinstance(said, dict) or said.keys() - set(_KINDS):
        raise _faulty(source, f"it has to be an object with {' and '.join(_KINDS)}")
    found = {}
    for kind, names in said.items():
        if not isinstance(names, dict):
            raise _faulty(source, f"{kind} is no object")
        for name, limits in names.items():
            found[kind, name] = _bounds(source, f"{kind}.{name}", limits)
    return found


def _bounds(path: object, where: str, said: Any) -> Bounds:
    if not isinstance(said, dict) or said.keys() - set(_FIELDS):
        raise _faulty(path, f"{where} has to be an object with {' and '.join(_FIELDS)}")
    for field, value in said.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 < value < float("inf"):
            raise _faulty(path, f"{where}.{field} is no number above 0")
    return Bounds(**said)


def _faulty(path: object, why: str) -> BadInput:
    return BadInput(f"{path} holds no limits: {why}.", "Correct it, or remove it.")


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
