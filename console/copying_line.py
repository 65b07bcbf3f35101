"""What a copy of one disk says while it runs, and how it is ended; loads no library for that."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from coldferry.progress import Seen, end, unwatch, watch

_EVERY_S = 0.5
_ERASED = "\r\x1b[K"


@contextmanager
def ended_in_order(device: str) -> Iterator[None]:
    """A SIGTERM ends the copy in order; a terminal is shown how far ``device`` is."""
    before = signal.signal(signal.SIGTERM, lambda *_: end())
    shown = _Line(device) if sys.stderr is not None and sys.stderr.isatty() else None
    try:
        if shown is not None:
            watch(shown.show)
        yield
    finally:
        if shown is not None:
            unwatch(shown.show)
            print(_ERASED, end="", file=sys.stderr, flush=True)
        signal.signal(signal.SIGTERM, before)


def say(words: str) -> None:
    """A line on standard error."""
    if sys.stderr is not None:  # closed by whoever started it
        print(words, file=sys.stderr, flush=True)


class _Line:
    """One line on a terminal: how much of how much, how fast, and how long yet."""

    def __init__(self, device: str) -> None:
        self._seen = Seen(device)
        self._next_s = 0.0

    def show(self, device: str, done_bytes: int, total_bytes: int) -> None:
        self._seen.moved(device, done_bytes, total_bytes)
        now_s = time.monotonic()
        if now_s >= self._next_s and total_bytes:
            self._next_s = now_s + _EVERY_S
            print(f"{_ERASED}{self._seen.words}", end="", file=sys.stderr, flush=True)
