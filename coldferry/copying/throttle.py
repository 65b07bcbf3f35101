"""How fast bytes and requests may go, as somebody may change while they do."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_BURST_S = 0.25
_LOOK_AGAIN_S = 0.2


@dataclass(frozen=True)
class Bounds:
    """The most a second; None is without a bound."""

    bytes_per_s: float | None = None
    requests_per_s: float | None = None


class Throttle:
    """A token bucket of bytes and one of requests, for all threads that are given it.

    A request begins once neither is in debt, and may then bring it there: so
    one that is larger than a second's worth goes, too, and is paid for later.
    """

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._lock = threading.Lock()
        self._bounds = bounds or Bounds()
        self._bytes = self._requests = 0.0
        self._filled_s = time.monotonic()

    @property
    def bounds(self) -> Bounds:
        """What holds now."""
        return self._bounds

    @bounds.setter
    def bounds(self, bounds: Bounds) -> None:
        """Whoever waits at this moment looks again within a fifth of a second."""
        with self._lock:
            self._fill()
            self._bounds = bounds

    def take(self, length: int) -> float:
        """Take one request of ``length`` bytes: 0.0, or else the seconds until it can be asked."""
        with self._lock:
            self._fill()
            waits = [
                -held / rate
                for held, rate in (
                    (self._bytes, self._bounds.bytes_per_s),
                    (self._requests, self._bounds.requests_per_s),
                )
                if rate and held < 0
            ]
            if waits:
                return max(waits)
            self._bytes -= length
            self._requests -= 1
            return 0.0

    def _fill(self) -> None:
        now = time.monotonic()
        passed_s, self._filled_s = now - self._filled_s, now
        self._bytes = _filled(self._bytes, self._bounds.bytes_per_s, passed_s)
        self._requests = _filled(self._requests, self._bounds.requests_per_s, passed_s)


def wait_for_all(throttles: Sequence[Throttle], length: int, alive: Callable[[], None]) -> None:
    """Wait until every throttle has let a request of ``length`` bytes pass.

    ``alive`` is called now and then meanwhile, and may raise.
    """
    for throttle in throttles:
        while (wait_s := throttle.take(length)) > 0:
            time.sleep(min(wait_s, _LOOK_AGAIN_S))
            alive()


def _filled(held: float, rate: float | None, passed_s: float) -> float:
    return min(held + rate * passed_s, rate * _BURST_S) if rate else 0.0
