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
from collections.abc import Callable
from functools import cache
from typing import Any

from coldferry.copying.job import Job, Over, Turn, Work
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
            self._staff()
        try:
            self._watch(job, pulse, stall_s)
        except BaseException:
            self._end(job, _GRACE_WHEN_CANCELLED_S)
            raise
        self._end(job, _GRACE_S)
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

    def _end(self, job: Job, grace_s: float) -> None:
        """Begin nothing more. What ends within the grace is recorded, and is not sent again."""
        with self._lock:
            job.over = True
            self._jobs.remove(job)
            job.changed.wait_for(lambda: not job.turns, grace_s)
            for turn in job.turns:
                turn.forgotten = True
                self._threads -= 1
                self._window.forget(job.work.buffer_bytes)
            if not self._jobs:
                self._window.empty()
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
        while (taken := self._take()) is not None:
            job, turn, buffer = taken
            try:
                self._one(job, turn, buffer)
            except Over:
                pass
            except BaseException as error:  # noqa: BLE001 - raised again by the job's owner
                with self._lock:
                    job.error = job.error or error
            with self._lock:
                if turn.forgotten:
                    return
                job.turns.remove(turn)
                self._window.give(buffer)
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

    def _take(self) -> tuple[Job, Turn, bytearray] | None:
        """The next disk's turn and a buffer for it; None when there was nothing for a while."""
        with self._lock:
            while (taken := self._next()) is None:
                self._idle += 1
                told = self._wanted.wait(_IDLE_S)
                self._idle -= 1
                if not told and self._next_job() is None:
                    self._threads -= 1
                    return None
            return taken

    def _next(self) -> tuple[Job, Turn, bytearray] | None:
        job = self._next_job()
        if job is None:
            return None
        buffer = self._window.take(job.work.buffer_bytes)
        if buffer is None:  # whose turn it is waits for its room; nobody small overtakes it
            return None
        self._jobs.remove(job)
        self._jobs.append(job)
        turn = Turn(job)
        job.turns.add(turn)
        job.drawing = True
        return job, turn, buffer

    def _next_job(self) -> Job | None:
        return next((job for job in self._jobs if job.wants_a_thread), None)

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
