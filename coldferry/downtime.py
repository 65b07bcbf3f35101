"""How long a source has been off for its migration, as far as one run of it knows."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from coldferry.plain import duration

ENDLESS = "It ends at the cutover."


@dataclass(frozen=True)
class Downtime:
    """``since`` is when this run halted the source, ``until`` its own end (UTC, ISO 8601).

    Where it did not halt it, ``since`` is None and ``why`` says how that is.
    """

    since: str | None
    until: str
    why: str = ""

    @classmethod
    def ended_now(cls, since: str | None, why: str = "") -> "Downtime":
        """Up to this moment."""
        return cls(since, datetime.now(UTC).isoformat(timespec="seconds"), why)

    @property
    def seconds(self) -> float | None:
        """From the halt to the end of this run."""
        if self.since is None:
            return None
        spent = datetime.fromisoformat(self.until) - datetime.fromisoformat(self.since)
        return spent.total_seconds()

    @property
    def words(self) -> str:
        """A sentence for the report's head."""
        if self.seconds is None:
            return self.why
        return f"{duration(self.seconds)} so far, since {self.since}. {ENDLESS}"

    def as_json(self) -> dict[str, Any]:
        """A part of the contract of ``coldferry migrate --json``."""
        return {**asdict(self), "seconds": self.seconds}
