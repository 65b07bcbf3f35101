"""How fast EBS direct is asked: a token bucket for each account, region and operation.

Threads share it, whatever disk they copy. An answer that says "throttled" halves
the rate; it grows back by a twentieth of the most a second (additive increase,
multiplicative decrease). Source: "Quotas for the EBS direct APIs": 1,000 block
requests a second of one operation for an account in a region, unless raised.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable

MOST_PER_S = 900.0
"""Of the 1,000 that an account has by default; what else it does needs some of them."""

_LEAST_PER_S = 5.0
_BURST_S = 0.05
_CALM_S = 0.5
"""Answers to what was asked before a cut say nothing about the rate after it."""


class Pace:
    """A token bucket; thread-safe."""

    def __init__(
        self,
        most_per_s: float = MOST_PER_S,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._most = most_per_s
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._rate = most_per_s
        self._looked_at = self._next = clock()
        self._cut_at = self._looked_at - _CALM_S

    @property
    def rate_per_s(self) -> float:
        """Requests a second that are let through now."""
        with self._lock:
            self._grow(self._clock())
            return self._rate

    def take(self) -> None:
        """Return when the next request may be sent."""
        with self._lock:
            now = self._clock()
            self._grow(now)
            at = max(self._next, now - _BURST_S)
            self._next = at + 1 / self._rate
        if at > now:
            self._sleep(at - now)

    def throttled(self) -> None:
        """An answer said that it was too much."""
        with self._lock:
            now = self._clock()
            self._grow(now)
            if now - self._cut_at >= _CALM_S:
                self._rate = max(_LEAST_PER_S, self._rate / 2)
                self._cut_at = now

    def _grow(self, now: float) -> None:
        grown = self._rate + self._most / 20 * (now - self._looked_at)
        self._rate = min(self._most, grown)
        self._looked_at = now


_paces: defaultdict[tuple[str, str, str], Pace] = defaultdict(Pace)
_making = threading.Lock()


def pace_of(account: str, region: str, operation: str) -> Pace:
    """The one bucket of this process for it. ``account`` is whatever tells accounts apart."""
    with _making:
        return _paces[account, region, operation]
