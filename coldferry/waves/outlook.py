"""Whether a wave fits its window, which of its machines do not, and what holds it up most. Pure."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from coldferry.estimating import Estimate
from coldferry.plain import counted, duration, size
from coldferry.rations import Rationed
from coldferry.waves.foreseeing import Load, Passage, foresee, load_of
from coldferry.waves.ordering import needed_by, stop_order
from coldferry.waves.progress import said
from coldferry.waves.wave import Wave

_WORTH = 0.02
"""What would make the wave shorter by less than this part of it does not hold it up."""

NOTHING_SHORT = Rationed((), ())


@dataclass(frozen=True)
class Expected:
    """One row's moments; ``late`` says why they do not fit the window, empty where they do."""

    begins_at: datetime
    halted_at: datetime
    arrives_at: datetime
    late: str = ""


@dataclass(frozen=True)
class Outlook:
    """A wave as it is foreseen. ``fits`` is None where what is known fits, and not all is known.

    ``short`` says what the targets have too little of, ``unknown`` what counts as nothing in it,
    ``ends_at`` is None where nothing goes.
    """

    rows: Mapping[str, Expected] = field(default_factory=dict)
    ends_at: datetime | None = None
    fits: bool | None = True
    bottleneck: str = ""
    short: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def late(self) -> list[str]:
        """The rows that do not fit, in the order in which they are begun."""
        return [name for name, one in self.rows.items() if one.late]

    def as_json(self) -> dict[str, Any]:
        """A part of the contract of ``coldferry wave plan --json``."""
        return {
            "fits": self.fits,
            "ends_at": self.ends_at.isoformat() if self.ends_at else None,
            "bottleneck": self.bottleneck,
            "late": self.late,
            "short": list(self.short),
            "unknown": list(self.unknown),
        }

    def sentences(self) -> list[str]:
        """The same for a person, in plain text."""
        if self.ends_at is None:
            return ["No machine of it would be begun."]
        least = "at the earliest, " if self.unknown else ""
        told = [f"The last machine arrives {least}at {said(self.ends_at)}.", self._fitting()]
        if self.bottleneck:
            told.append(f"Held up most by {self.bottleneck}.")
        if self.unknown:
            told.append(f"Not known, and counted as nothing in it: {', '.join(self.unknown)}.")
        return told

    def _fitting(self) -> str:
        if self.fits is None:
            return "Whether it fits cannot be told: what is known of it does."
        if self.fits:
            return "It fits."
        late = f": {counted(len(self.late), 'machine')} too late" if self.late else ""
        told = [f"IT DOES NOT FIT{late}."]
        if self.short:
            told.append(f"Too little at the target: {'; '.join(self.short)}.")
        return " ".join(told)


def look_ahead(
    wave: Wave,
    estimates: Mapping[str, Estimate],
    now: datetime,
    rationed: Rationed = NOTHING_SHORT,
    halted: Collection[str] = (),
) -> Outlook:
    """The wave begun now, or at its start; rows without an estimate are over, or do not go.

    The sources of those in ``halted`` are halted already.
    """
    names = [name for name in stop_order(wave.after) if name in estimates]
    if not names:
        return Outlook()
    begin = max(now, wave.window.start or now)
    ways = _Ways(wave, [(name, estimates[name]) for name in names], halted)
    rows = {
        name: _expected(wave, passage, begin, down=name in halted)
        for name, passage in sorted(ways.as_it_is.items(), key=lambda one: one[1].begins_s)
    }
    late = any(one.late for one in rows.values())
    steps = dict.fromkeys(step for found in estimates.values() for step in found.whole_s.unknown)
    ends = wave.window.latest_start or wave.window.abort_at
    untold = (*(f"how long '{step}' takes" for step in steps if ends), *rationed.unknown)
    return Outlook(
        rows=rows,
        ends_at=max(one.arrives_at for one in rows.values()),
        fits=False if late or rationed.short else None if untold else True,
        bottleneck=rationed.short[0] if rationed.short else ways.bottleneck(),
        short=rationed.short,
        unknown=(*(f"how long '{step}' takes" for step in steps), *rationed.unknown),
    )


def share_of(wave: Wave) -> float | None:
    """What each machine's copy may send a second, where the wave bounds it."""
    return wave.bytes_per_s // wave.machines_at_once if wave.bytes_per_s else None


class _Ways:
    """The wave as it is, and as it would be without one thing that holds it up."""

    def __init__(
        self, wave: Wave, estimates: Sequence[tuple[str, Estimate]], halted: Collection[str]
    ) -> None:
        self._wave, self._estimates, self._halted = wave, estimates, halted
        self._behind = needed_by(wave.after)
        self._loads = self._loads_with(share_of(wave))
        self.as_it_is = self._foresee()

    def bottleneck(self) -> str:
        """Without which the wave would be over the soonest, in words."""
        ends_s = _end(self.as_it_is)
        gains = [(ends_s - _end(without()), what) for what, without in self._reliefs()]
        gain_s, what = max(gains, default=(0.0, ""), key=lambda one: one[0])
        if gain_s > _WORTH * ends_s:
            return f"{what}: {duration(gain_s)} less without that bound"
        longest = max(self._loads, key=lambda one: one.alone_s)
        found = dict(self._estimates)[longest.name]
        of = f", {found.bottleneck}" if found.bottleneck else ""
        return f"one machine, {longest.name}{of}"

    def _reliefs(self) -> list[tuple[str, Callable[[], dict[str, Passage]]]]:
        wave, many = self._wave, len(self._estimates)
        found: list[tuple[str, Callable[[], dict[str, Passage]]]] = []
        if (share := share_of(wave)) is not None:
            what = f"bandwidth, {size(int(share))}/s for each machine"
            found.append((what, lambda: self._foresee(self._loads_with(None))))
        if wave.machines_at_once < many:
            what = f"machines_at_once, {wave.machines_at_once}"
            found.append((what, lambda: self._foresee(at_once=many)))
        if any(wave.after.values()):
            found.append(("the order", lambda: self._foresee(behind={})))
        phases = [phase for load in self._loads for phase in (*load.before, *load.after)]
        names = dict.fromkeys(one[0] for phase in phases for one in phase.shared)
        found += [(f"{name}, which all share", partial(self._enough_of, name)) for name in names]
        return found

    def _enough_of(self, name: str) -> dict[str, Passage]:
        return self._foresee([load.without({name}) for load in self._loads])

    def _loads_with(self, share: float | None) -> list[Load]:
        return [
            replace(load_of(name, found, share), halted=name in self._halted)
            for name, found in self._estimates
        ]

    def _foresee(
        self,
        loads: Sequence[Load] | None = None,
        at_once: int | None = None,
        behind: Mapping[str, frozenset[str]] | None = None,
    ) -> dict[str, Passage]:
        return foresee(
            self._loads if loads is None else loads,
            at_once or self._wave.machines_at_once,
            self._behind if behind is None else behind,
        )


def _end(ways: Mapping[str, Passage]) -> float:
    return max((one.arrives_s for one in ways.values()), default=0.0)


def _expected(wave: Wave, passage: Passage, begin: datetime, *, down: bool) -> Expected:
    moments = (passage.begins_s, passage.halted_s, passage.arrives_s)
    begins, halted, arrives = (begin + timedelta(seconds=round(one)) for one in moments)
    found = Expected(begins, halted, arrives)
    return replace(found, late=_late(wave, found, down=down))


def _late(wave: Wave, one: Expected, *, down: bool) -> str:
    latest, end = wave.window.latest_start, wave.window.abort_at
    if latest and not down and one.halted_at >= latest:
        return f"halted {_after(one.halted_at, latest)} latest_start"
    if end and one.arrives_at > end:
        return f"arrives {_after(one.arrives_at, end)} abort_at"
    return ""


def _after(at: datetime, moment: datetime) -> str:
    return f"{duration((at - moment).total_seconds())} after"
