"""What the child is looking at, and how much of its time that may take."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STEP_CPU_S = 2.0
"""Measured: the groups of an ext4 of 1 TiB take 0.5 s, an initramfs of 250 MB in zstd 0.6 s."""


class TooMuch(OSError):
    """One step wants more time, memory or bytes than it may have."""


class Steps:
    """Tells which step begins, and raises TooMuch in one that takes too long.

    A hostile file system is left by that, and the next one is looked at; what
    never comes to ``check`` again is ended by the limit on the whole process.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._until_s = float("inf")
        self._refused = ""

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Whatever happens inside is told of as ``name``."""
        before = self._until_s
        self._tell(name)
        self._until_s = min(before, time.process_time() + STEP_CPU_S)
        try:
            yield
        finally:
            self._until_s = before

    def refuse(self, why: str) -> None:
        """Nothing more can be read from now on."""
        self._refused = why
        raise TooMuch(why)

    def check(self) -> None:
        """Raises TooMuch when the step under way has had its time, or nothing can be read."""
        if self._refused:
            raise TooMuch(self._refused)
        if time.process_time() > self._until_s:
            raise TooMuch("It takes too long to read.")
