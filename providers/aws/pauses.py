"""Waiting for what AWS has under way: longer each time, and not for ever."""

import time

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0


class Pauses:
    """Sleeps that grow from a fifth of a second to ``longest_s``, within a deadline."""

    def __init__(self, within_s: float, longest_s: float = _LONGEST_PAUSE_S) -> None:
        self._deadline_s = time.monotonic() + within_s
        self._longest_s = longest_s
        self._next_s = _FIRST_PAUSE_S

    @property
    def over(self) -> bool:
        """The deadline has passed."""
        return time.monotonic() >= self._deadline_s

    def pause(self) -> None:
        """Sleep, but not beyond the deadline."""
        left_s = self._deadline_s - time.monotonic()
        time.sleep(max(0.0, min(self._next_s, left_s)))
        self._next_s = min(self._next_s * 1.5, self._longest_s)
