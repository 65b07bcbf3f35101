"""One disk's work in the pool: its pieces, who is at which, and whether it still moves."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

P = TypeVar("P")
Call = Callable[["Turn"], None]
"""One request, made by the thread whose turn it is given."""


class Over(Exception):
    """Raised in a worker whose job has ended: nothing waits for its result."""


@dataclass
class Work(Generic[P]):
    """What is to be done with each piece, and what that takes.

    ``pieces`` is drawn from by one thread at a time. ``each`` gets a piece, a
    buffer of ``buffer_bytes`` with any content, and its turn; it is run by up
    to ``threads`` threads at once, those that help it counted. ``subject``
    names the disk in errors.
    """

    subject: str
    pieces: Iterator[P]
    each: Callable[[P, bytearray, "Turn"], None]
    threads: int
    buffer_bytes: int


class Turn:
    """One thread's time with one piece.

    ``doing`` names the piece. ``forgotten``: nobody waits for the thread any
    more. ``owns``: it has a buffer. ``spoiled``: a thread that hangs may still
    write into that.
    """

    def __init__(
        self,
        job: "Job",
        share: Callable[["Turn", Sequence[Call]], None],
        *,
        owns: bool = False,
    ) -> None:
        self.job = job
        self.owns = owns
        self.moved_s = time.monotonic()
        self.doing = "its allocation map"
        self.forgotten = False
        self.spoiled = False
        self._share = share

    def go_on(self) -> None:
        """Say before each request that this thread moves. Raises Over when the job ended."""
        if self.job.over:
            raise Over
        self.moved_s = time.monotonic()

    def together(self, calls: Sequence[Call]) -> None:
        """Make all of these requests, with the help of whichever threads are free.

        Raises the first error once those that had begun have ended, too.
        """
        if len(calls) == 1:
            calls[0](self)
        elif calls:
            self._share(self, calls)


class Parts:
    """Requests for one piece that several threads make; guarded by the pool's lock."""

    def __init__(self, doing: str, calls: Sequence[Call], lock: threading.Lock) -> None:
        self.doing = doing
        self.ended = threading.Condition(lock)
        self.error: BaseException | None = None
        self.running = 0
        self._waiting = deque(calls)

    def take(self) -> Call | None:
        """The next one that nobody makes; its taker has to say :meth:`end`."""
        if not self._waiting:
            return None
        self.running += 1
        return self._waiting.popleft()

    def end(self, error: BaseException | None) -> None:
        """One that was taken has ended; after an error none is begun."""
        self.running -= 1
        if error is not None:
            self.error = self.error or error
            self._waiting.clear()
        if not self.running:
            self.ended.notify_all()

    def __bool__(self) -> bool:
        return bool(self._waiting)


@dataclass(eq=False)
class Job:
    """A work as the pool sees it; all of it is guarded by the pool's lock."""

    work: Work[Any]
    changed: threading.Condition
    turns: set[Turn] = field(default_factory=set)
    parts: list[Parts] = field(default_factory=list)
    drawing: bool = False
    drained: bool = False
    over: bool = False
    error: BaseException | None = None
    told_s: float = 0.0
    """When its owner last looked."""

    @property
    def wants_a_thread(self) -> bool:
        """One more could begin a piece, or help with one."""
        return self.takes_a_piece or (self._has_room and any(self.parts))

    @property
    def takes_a_piece(self) -> bool:
        """It has pieces left, and may be served by one more."""
        return self._has_room and not self.drained and not self.drawing

    @property
    def finished(self) -> bool:
        """Nothing is left to do, or nothing more will be done."""
        return self.error is not None or (self.drained and not self.turns)

    def take_part(self) -> tuple[Parts, Call] | None:
        """A request that one more thread may make."""
        if self._has_room:
            for parts in self.parts:
                if (call := parts.take()) is not None:
                    return parts, call
        return None

    def stalled(self, longest_s: float) -> Turn | None:
        """The turn that stands still for longer than that, if one does."""
        oldest = min(self.turns, key=lambda turn: turn.moved_s, default=None)
        if oldest is None or time.monotonic() - oldest.moved_s <= longest_s:
            return None
        return oldest

    @property
    def _has_room(self) -> bool:
        ended = self.over or self.error is not None
        return not ended and len(self.turns) < self.work.threads
