"""Who wants to watch or end a copy says so here; the copy tells and asks."""

import threading
import time
from collections import deque
from collections.abc import Callable

from coldferry.disk import OnProgress
from coldferry.errors import Cancelled
from coldferry.plain import duration, size

OnStep = Callable[[str], None]

_step_watchers: list[OnStep] = []
_watchers: list[OnProgress] = []
_ended = threading.Event()
_ended_one: set[str] = set()


def watch(watcher: OnProgress) -> None:
    """Call ``watcher`` from now on, from any thread of this process."""
    _watchers.append(watcher)


def unwatch(watcher: OnProgress) -> None:
    """Stop calling it."""
    _watchers.remove(watcher)


def check() -> None:
    """Raises Cancelled when all copies of this process shall end."""
    if _ended.is_set():
        raise Cancelled(
            "Cancelled while copying.", "The same command again goes on from there.", resumable=True
        )


def announce(device: str, done_bytes: int, total_bytes: int) -> None:
    """Tell all watchers how far a device's copy is. Raises Cancelled when it shall end."""
    check()
    for watcher in tuple(_watchers):
        watcher(device, done_bytes, total_bytes)


def label(migration: str, device: str) -> str:
    """What watchers are told of a migration's device: its siblings have a ``disk0``, too."""
    return f"{migration}/{device}"


def announcing(migration: str) -> OnProgress:
    """As :func:`announce`, for the devices of one migration among several of this process.

    Raises Cancelled also when that migration alone shall end.
    """

    def told(device: str, done_bytes: int, total_bytes: int) -> None:
        check_one(migration)
        announce(label(migration, device), done_bytes, total_bytes)

    return told


def end_one(migration: str) -> None:
    """End one migration's copies in this process; what they wrote is kept."""
    _ended_one.add(migration)


def begin_one(migration: str) -> None:
    """It may copy again in this process."""
    _ended_one.discard(migration)


def check_one(migration: str) -> None:
    """Raises Cancelled when that migration's copies in this process shall end."""
    if migration in _ended_one:
        raise Cancelled(
            f"{migration} was cancelled while copying.",
            "The same command again goes on from there.",
            resumable=True,
        )


def watch_steps(watcher: OnStep) -> None:
    """Call ``watcher`` with each step's name as it begins."""
    _step_watchers.append(watcher)


def unwatch_steps(watcher: OnStep) -> None:
    """Stop calling it."""
    _step_watchers.remove(watcher)


def announce_step(step: str) -> None:
    """Tell all watchers that a step begins."""
    for watcher in tuple(_step_watchers):
        watcher(step)


def end() -> None:
    """End all copies of this process within a second; what they wrote is kept."""
    _ended.set()


class Rate:
    """How fast something goes, and when it will be done; pure: it is told the time.

    Over the last ``window_s`` seconds, so that a pause is seen, and a resumed
    copy does not count what an earlier run brought.
    """

    def __init__(self, window_s: float = 30.0) -> None:
        self._window_s = window_s
        self._seen: deque[tuple[float, int]] = deque()

    def note(self, at_s: float, done_bytes: int) -> None:
        """So much is done at a moment of a clock that never goes back."""
        self._seen.append((at_s, done_bytes))
        while len(self._seen) > 2 and self._seen[1][0] <= at_s - self._window_s:
            self._seen.popleft()

    @property
    def bytes_per_s(self) -> float | None:
        """None until two moments are known."""
        if len(self._seen) < 2 or self._seen[-1][0] <= self._seen[0][0]:
            return None
        (first_s, first), (last_s, last) = self._seen[0], self._seen[-1]
        return max(0, last - first) / (last_s - first_s)

    def eta_s(self, total_bytes: int) -> float | None:
        """Seconds that what is left takes at this rate; None where nothing moves."""
        left = total_bytes - (self._seen[-1][1] if self._seen else 0)
        if left <= 0:
            return 0.0
        rate = self.bytes_per_s
        return left / rate if rate else None


class Seen:
    """What was announced of one device, from any thread; of a ``migration`` where it is of one."""

    def __init__(self, device: str, migration: str = "") -> None:
        self.device = device
        self._label = label(migration, device) if migration else device
        self.done_bytes = 0
        self.total_bytes: int | None = None
        self._rate = Rate()

    def moved(self, device: str, done_bytes: int, total_bytes: int) -> None:
        """Any device's :data:`coldferry.disk.OnProgress`; those of others are not counted."""
        if device == self._label:
            self._rate.note(time.monotonic(), done_bytes)
            self.done_bytes, self.total_bytes = done_bytes, total_bytes

    @property
    def percent(self) -> float:
        """Of what is allocated; all of nothing is 100."""
        return round(100 * self.done_bytes / self.total_bytes, 1) if self.total_bytes else 100.0

    @property
    def words(self) -> str:
        """``81 MiB of 120 MiB, 40 MiB/s, 1 s left``."""
        total = self.total_bytes or 0
        told = [f"{self.device}: {size(self.done_bytes)} of {size(total)}"]
        rate, left_s = self._rate.bytes_per_s, self._rate.eta_s(total)
        if rate and self.done_bytes < total:
            told.append(f"{size(int(rate))}/s")
        if left_s is not None and self.done_bytes < total:
            told.append(f"{duration(left_s)} left")
        return ", ".join(told)
