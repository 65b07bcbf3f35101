"""Whether a machine that is copied while it runs is still to be halted.

Its copy takes hours. Meanwhile another computer may put it back or roll it back, and its window
may end.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

from coldferry.disk import OnProgress
from coldferry.errors import ColdferryError, Refused, Undone
from tasks.clouds import Cloud
from tasks.halting import confirm_begun, window_ended

LOOK_EVERY_S = 30.0
"""One read of the machine's tags: next to nothing beside the requests of its copy."""


class GoAhead:
    """Taken away by the machine's tags or by the clock; the copy before the halt ends then.

    The threads that copy ask :meth:`check`, which asks no cloud; one task looks beside them.
    """

    def __init__(
        self,
        source: Cloud,
        vm: str,
        migration: str,
        abort_at: datetime | None = None,
        every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._source = source
        self._vm = vm
        self._migration = migration
        self._abort_at = abort_at
        self._every_s = every_s
        self._undone: Undone | None = None

    def check(self) -> None:
        """Raise Refused once the window has ended, Undone where the last look found it so."""
        if self._abort_at is not None and not datetime.now(UTC) < self._abort_at:
            raise window_ended(self._migration, self._abort_at)
        if self._undone is not None:
            raise self._undone

    def confirm(self) -> None:
        """Look now. Raises Undone; a source that does not answer says nothing."""
        try:
            self._look()
        except Undone:
            raise
        except ColdferryError:
            return

    def telling(self, told: OnProgress) -> OnProgress:
        """``told``, which ends the copy that tells of itself once the machine is to be let be."""

        def tell(device: str, done_bytes: int, total_bytes: int) -> None:
            self.check()
            told(device, done_bytes, total_bytes)

        return tell

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Look now and then while what is inside goes on.

        A source that does not answer ends no copy: it is asked again, and once more by the halt.
        """
        watching = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    async def _watch(self) -> None:
        while self._undone is None:
            await asyncio.sleep(self._every_s)
            try:
                await asyncio.to_thread(self.confirm)
            except Undone as undone:
                self._undone = undone

    def _look(self) -> None:
        confirm_begun(self._vm, self._source.source().marks(self._vm), self._migration)


def kept_for_later(refusal: Refused, migration: str) -> Refused:
    """A refusal while the source ran: it stays one, and says what becomes of what was copied."""
    left = (
        "What was copied while it ran stays, for the same command; "
        f"'coldferry rollback {migration}' removes it."
    )
    refusal.do = f"{refusal.do} {left}".strip()
    refusal.resumable = True
    return refusal
