"""The threads and the memory that all copies of this process share.

Whoever comes with a disk waits in :meth:`Pool.run` while threads of the pool
serve it. Disks are served in turn, a piece each; a piece waits until a buffer
of its size is free, so that memory bounds what is in flight, however many
disks there are. A thread that hangs in a request is not waited for: it is
forgotten, with its buffer, and ends when the request does.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from coldferry.copying.job import Call, Job, Over, Parts, Turn, Work
from coldferry.copying.window import Window
from coldferry.errors import Transient

WINDOW_BYTES = 64 << 20
"""In flight in this process: 16 pieces of 4 MiB, or 128 of 512 KiB."""

_MOST_THREADS = 128
_IDLE_S = 5.0
_PULSE_S = 0.2
_TELL_EVERY_S = 0.02
_GRACE_S = 10.0
_GRACE_WHEN_CANCELLED_S = 0.3

STALL_S = 300.0
"""A request that takes longer is given up: providers try again within a minute or two."""


@dataclass
class _Task:
    """What a thread does next: a piece with a buffer, or a part of a piece that another has."""

    job: Job
    turn: Turn
    buffer: bytearray | None = None
    part: tuple[Parts, Call] | None = None


class Pool:
    """Threads and a window; usually there is :func:`shared` one."""

    def __init__(self, window_bytes: int = WINDOW_BYTES, threads: int = _MOST_THREADS) -> None:
        self._lock = threading.Lock()
        self._wanted = threading.Condition(self._lock)
        self._window = Window(window_bytes)
        self._jobs: deque[Job] = deque()
        self._most = threads
        self._threads = 0
        self._idle = 0

    def run(self, work: Work[Any], pulse: Callable[[], None], stall_s: float = STALL_S) -> None:
        """Do all of it; ``pulse`` is called from this thread now and then, and may raise to end it.

        Raises the first error of any piece, or Transient when a request hangs
        for ``stall_s``. What was being done by then has ended, or is forgotten.
        """
        job = Job(work, threading.Condition(self._lock))
        with self._lock:
            self._jobs.append(job)
        try:
            with self._lock:
                self._staff()
            self._watch(job, pulse, stall_s)
        except BaseException:
            self._end(job, _GRACE_WHEN_CANCELLED_S)
            raise
        try:
            self._settle(job, pulse)
        finally:
            self._end(job, _GRACE_WHEN_CANCELLED_S)
        if job.error is not None:
            raise job.error
        pulse()

    def _watch(self, job: Job, pulse: Callable[[], None], stall_s: float) -> None:
        while True:
            with self._lock:
                job.changed.wait_for(lambda: job.finished or job.told_s == 0, _PULSE_S)
                if job.finished:
                    return
                job.told_s = time.monotonic()
                stalled = job.stalled(stall_s)
            if stalled is not None:
                raise Transient(
                    f"Nothing has come of a request for {stalled.doing} of {job.work.subject} "
                    f"for {stall_s:.0f} seconds.",
                    "Run the same command again: it goes on from there.",
                )
            pulse()

    def _settle(self, job: Job, pulse: Callable[[], None]) -> None:
        """After a failure let what runs end: it is recorded then, and is not sent again."""
        until_s = time.monotonic() + _GRACE_S
        job.over = True
        while job.turns and time.monotonic() < until_s:
            pulse()
            with self._lock:
                job.changed.wait_for(lambda: not job.turns, _PULSE_S)

    def _end(self, job: Job, grace_s: float) -> None:
        """Begin nothing more, and forget what does not end within the grace."""
        with self._lock:
            job.over = True
            self._jobs.remove(job)
            job.changed.wait_for(lambda: not job.turns, grace_s)
            for turn in job.turns:
                turn.forgotten = True
                self._threads -= 1
                self._window.forget(job.work.buffer_bytes if turn.owns else 0)
            self._staff()

    def _staff(self) -> None:
        """Have one more thread look for work, if there is any."""
        if not any(job.wants_a_thread for job in self._jobs):
            return
        if self._idle:
            self._wanted.notify()
        elif self._threads < self._most:
            self._threads += 1
            threading.Thread(target=self._serve, name="copying", daemon=True).start()

    def _serve(self) -> None:
        while (task := self._take()) is not None:
            job, turn = task.job, task.turn
            try:
                if task.part is not None:
                    self._make(*task.part, turn)
                elif task.buffer is not None:
                    self._one(job, turn, task.buffer)
            except Over:
                pass
            except BaseException as error:  # noqa: BLE001 - raised again by the job's owner
                with self._lock:
                    job.error = job.error or error
            with self._lock:
                if turn.forgotten:
                    return
                job.turns.remove(turn)
                if task.buffer is not None and not turn.spoiled:
                    self._window.give(task.buffer)
                elif task.buffer is not None:
                    self._window.forget(len(task.buffer))
                self._tell(job)

    def _one(self, job: Job, turn: Turn, buffer: bytearray) -> None:
        piece = None
        try:
            piece = next(job.work.pieces, None)
        finally:
            with self._lock:
                job.drawing = False
                job.drained = job.drained or piece is None
                self._staff()
        if piece is not None:
            turn.doing = str(piece)
            turn.go_on()
            job.work.each(piece, buffer, turn)

    def _share(self, turn: Turn, calls: Sequence[Call]) -> None:
        """Make all calls, by this thread and by others; see :meth:`Turn.together`."""
        parts = Parts(turn.doing, calls, self._lock)
        with self._lock:
            turn.job.parts.append(parts)
            self._staff()
        try:
            while self._make_next(parts, turn):
                turn.go_on()
        finally:
            with self._lock:
                turn.job.parts.remove(parts)
                turn.spoiled = turn.spoiled or parts.running > 0
        if parts.error is not None:
            raise parts.error

    def _make_next(self, parts: Parts, turn: Turn) -> bool:
        """Make a part, or wait a moment for those of others; False when all have ended."""
        with self._lock:
            call = parts.take()
            if call is None:
                if parts.running:
                    parts.ended.wait(_PULSE_S)
                return parts.running > 0
        self._make(parts, call, turn)
        return True

    def _make(self, parts: Parts, call: Call, turn: Turn) -> None:
        failure: BaseException | None = None
        try:
            turn.go_on()
            call(turn)
        except BaseException as error:  # noqa: BLE001 - raised again by the piece's thread
            failure = error
        with self._lock:
            parts.end(failure)

    def _take(self) -> _Task | None:
        """The next disk's turn; None when there was nothing for a while."""
        with self._lock:
            while (task := self._next()) is None:
                self._idle += 1
                told = self._wanted.wait(_IDLE_S)
                self._idle -= 1
                if not told and not any(job.wants_a_thread for job in self._jobs):
                    self._threads -= 1
                    return None
            self._jobs.remove(task.job)
            self._jobs.append(task.job)
            task.job.turns.add(task.turn)
            if task.part is not None:
                self._staff()
            return task

    def _next(self) -> _Task | None:
        full = False
        for job in self._jobs:
            if (part := job.take_part()) is not None:
                turn = Turn(job, self._share)
                turn.doing = part[0].doing
                return _Task(job, turn, part=part)
            if job.takes_a_piece and not full:
                buffer = self._window.take(job.work.buffer_bytes)
                if buffer is not None:
                    job.drawing = True
                    return _Task(job, Turn(job, self._share, owns=True), buffer)
                full = True  # whose turn it is waits for its room; nobody small overtakes it
        return None

    @staticmethod
    def _tell(job: Job) -> None:
        """Wake the owner, but not for every piece."""
        if job.finished or not job.turns or time.monotonic() - job.told_s > _TELL_EVERY_S:
            job.told_s = 0.0
            job.changed.notify_all()


@cache
def shared() -> Pool:
    """The one pool of this process, made when it is first asked for."""
    return Pool()
