"""Who wants to watch or end a copy says so here; the copy tells and asks."""

import threading
from collections.abc import Callable

from coldferry.errors import Cancelled
from coldferry.ports import OnProgress

OnStep = Callable[[str], None]

_step_watchers: list[OnStep] = []
_watchers: list[OnProgress] = []
_ended = threading.Event()


def watch(watcher: OnProgress) -> None:
    """Call ``watcher`` from now on, from any thread of this process."""
    _watchers.append(watcher)


def unwatch(watcher: OnProgress) -> None:
    """Stop calling it."""
    _watchers.remove(watcher)


def check() -> None:
    """Raises Cancelled when all copies of this process shall end."""
    if _ended.is_set():
        raise Cancelled("Cancelled while copying.", "The same command again goes on from there.")


def announce(device: str, done_bytes: int, total_bytes: int) -> None:
    """Tell all watchers how far a device's copy is. Raises Cancelled when it shall end."""
    check()
    for watcher in tuple(_watchers):
        watcher(device, done_bytes, total_bytes)


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
