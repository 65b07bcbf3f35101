"""One disk's work in the pool: its pieces, who is at which, and whether it still moves."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

P = TypeVar("P")


class Over(Exception):
    """Raised in a worker whose job has ended: nothing waits for its result."""


@dataclass
class Work(Generic[P]):
    """What is to be done with each piece, and what that takes.

    ``pieces`` is drawn from by one thread at a time. ``each`` gets a piece, a
    buffer of ``buffer_bytes`` with any content, and its turn; it is run by up
    to ``threads`` threads at once. ``subject`` names the disk in errors.
    """

    subject: str
    pieces: Iterator[P]
    each: Callable[[P, bytearray, "Turn"], None]
    threads: int
    buffer_bytes: int


class Turn:
    """One thread's time with one piece."""

    def __init__(self, job: "Job") -> None:
        self._job = job
        self.moved_s = time.monotonic()
        self.doing = "its allocation map"
        self.forgotten = False

    def go_on(self) -> None:
        """Say before each request that this thread moves. Raises Over when the job ended."""
        if self._job.over:
            raise Over
        self.moved_s = time.monotonic()


@dataclass(eq=False)
class Job:
    """A work as the pool sees it; all of it is guarded by the pool's lock."""

    work: "Work[object]"
    changed: threading.Condition
    turns: set[Turn] = field(default_factory=set)
    drawing: bool = False
    drained: bool = False
    over: bool = False
    error: BaseException | None = None
    told_s: float = 0.0
    """When its owner last looked."""

    @property
    def wants_a_thread(self) -> bool:
        """It has pieces left, and may be served by one more."""
        ended = self.over or self.drained or self.error is not None
        return not (ended or self.drawing or len(self.turns) >= self.work.threads)

    @property
    def finished(self) -> bool:
        """Nothing is left to do, or nothing more will be done."""
        return self.error is not None or (self.drained and not self.turns)

    def stalled(self, longest_s: float) -> Turn | None:
        """The turn that stands still for longer than that, if one does."""
        oldest = min(self.turns, key=lambda turn: turn.moved_s, default=None)
        if oldest is None or time.monotonic() - oldest.moved_s <= longest_s:
            return None
        return oldest
