"""A copy's progress, for whoever watches this process and on the run's page."""

import contextvars
import logging
import re
import threading
import time
from typing import cast
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact

from coldferry.progress import Rate, announce

EVERY_S = 2.0
"""The run's page is told no more often; a copy that takes less is not shown there."""

_GIB = 1 << 30
_LOG = logging.getLogger(__name__)


class Shown:
    """An :data:`~coldferry.ports.OnProgress` for one device, called in its task's run.

    The page is told by a thread of its own: an API that does not answer keeps
    no copy from going on, nor from being cancelled.
    """

    def __init__(self, migration: str) -> None:
        self._migration = migration
        self._rate = Rate()
        self._told_s = time.monotonic()
        self._artifact: UUID | None = None
        self._telling: threading.Thread | None = None

    def __call__(self, device: str, done_bytes: int, total_bytes: int) -> None:
        """Raises Cancelled when the copy shall end."""
        announce(device, done_bytes, total_bytes)
        now = time.monotonic()
        self._rate.note(now, done_bytes)
        if now - self._told_s < EVERY_S or (self._telling and self._telling.is_alive()):
            return
        self._told_s = now
        words = described(self._rate, done_bytes, total_bytes)
        self._telling = threading.Thread(
            target=contextvars.copy_context().run,
            args=(self._tell, device, 100 * done_bytes / max(1, total_bytes), words),
            daemon=True,
        )
        self._telling.start()

    def _tell(self, device: str, percent: float, words: str) -> None:
        try:
            if self._artifact is None:
                key = re.sub("[^a-z0-9]+", "-", f"copy-{self._migration}-{device}".lower())
                made = create_progress_artifact(percent, key.strip("-"), words)
                self._artifact = cast("UUID", made)  # not awaitable: no loop runs in this thread
            else:
                update_progress_artifact(self._artifact, percent, words)
        except Exception:  # noqa: BLE001 - a page that cannot be written ends no copy
            _LOG.debug("The progress of %s is not shown.", device, exc_info=True)


def described(rate: Rate, done_bytes: int, total_bytes: int) -> str:
    """``1.2 of 8.0 GiB, 61.3 MiB/s, 2 min left``; what is not known is left out."""
    words = [f"{done_bytes / _GIB:.1f} of {total_bytes / _GIB:.1f} GiB"]
    if rate.bytes_per_s:
        words.append(f"{rate.bytes_per_s / (1 << 20):.1f} MiB/s")
    left_s = rate.eta_s(total_bytes)
    if left_s is not None:
        minutes = -(-left_s // 60)
        words.append(f"{left_s:.0f} s left" if left_s < 90 else f"{minutes:.0f} min left")
    return ", ".join(words)
