"""Who wants to watch or end a copy says so here; the copy tells and asks."""

import threading
from collections import deque
from collections.abc import Callable

from coldferry.disk import OnProgress
from coldferry.errors import Cancelled

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
