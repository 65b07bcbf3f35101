"""When each machine of a wave is begun, halted and arrives, as far as estimates tell. Pure.

A machine's way is a row of phases. A phase takes what it takes by itself, and
longer where it shares: of what all machines ask for (an account's request
quota, the worker's CPU, a cloud's limit on bytes), those that ask at the same
time get equal parts. What one does not use of its part is not given to another, so
this is late rather than early.

List scheduling with an order knows Graham's anomalies ("Bounds on
Multiprocessing Timing Anomalies", 1969): where a machine becomes quicker, or one more may
be under way, another may come later. What holds is his bound, and
``tests/unit/test_wave_foreseeing.py`` has it.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from coldferry.estimating import MOVING, Bound, Estimate

Shared = tuple[str, float]
"""What machines share: its name, and how much of it there is a second."""

LIMIT = "bandwidth limit"
"""A cloud's limit on bytes: an estimate has it as one machine's own, yet all share it."""

_ALMOST = 1 - 1e-9


@dataclass(frozen=True)
class Phase:
    """``own_s`` seconds by itself; ``shared`` says how much it asks of what machines share."""

    own_s: float = 0.0
    shared: Mapping[Shared, float] = field(default_factory=dict)

    def seconds(self, users: Mapping[Shared, int]) -> float:
        """How long the whole phase takes while so many ask for what is shared."""
        bounds = [
            amount * max(users.get(one, 0), 1) / one[1] for one, amount in self.shared.items()
        ]
        return max([self.own_s, *bounds])

    def without(self, names: Collection[str]) -> "Phase":
        """The same, as if there were enough of those."""
        kept = {one: amount for one, amount in self.shared.items() if one[0] not in names}
        return replace(self, shared=kept)


@dataclass(frozen=True)
class Load:
    """One machine's way: ``before`` its source is halted, and ``after`` that.

    ``begun`` machines have a place from the first moment, whatever the order says; of ``halted``
    ones only what comes ``after`` is left. ``copy_at`` is the place of the copy in that, None
    where nothing is copied. ``unknown`` are steps that nobody measured: they count as nothing.
    """

    name: str
    before: tuple[Phase, ...] = ()
    after: tuple[Phase, ...] = ()
    copy_at: int | None = None
    unknown: tuple[str, ...] = ()
    begun: bool = False
    halted: bool = False

    def without(self, names: Collection[str]) -> "Load":
        """The same, as if there were enough of what is shared under those names."""
        before = tuple(one.without(names) for one in self.before)
        return replace(self, before=before, after=tuple(one.without(names) for one in self.after))

    @property
    def alone_s(self) -> float:
        """How long it takes when no other machine is under way."""
        left = self.after if self.halted else (*self.before, *self.after)
        return sum(phase.seconds({}) for phase in left)


@dataclass(frozen=True)
class Passage:
    """Seconds from now until a machine is begun, its source is halted, and it has arrived."""

    begins_s: float
    halted_s: float
    arrives_s: float


def load_of(name: str, found: Estimate, share_bytes_per_s: float | None = None) -> Load:
    """A machine's way by its estimate; its copy sends no more a second than its share."""
    phases = {step.name: _phase(step.name, step.seconds, found) for step in found.steps}
    if share_bytes_per_s and "copy" in phases:
        least_s = max(phases["copy"].own_s, found.sent_bytes / share_bytes_per_s)
        phases["copy"] = replace(phases["copy"], own_s=least_s)
    names = list(phases)
    first = names.index("halt") + 1 if "halt" in names else 0
    return Load(
        name,
        before=tuple(phases[one] for one in names[:first]),
        after=tuple(phases[one] for one in names[first:]),
        copy_at=names.index("copy") - first if "copy" in names[first:] else None,
        unknown=found.whole_s.unknown,
    )


def foresee(
    loads: Sequence[Load],
    at_once: int,
    behind: Mapping[str, Collection[str]],
    opens_s: float = 0.0,
) -> dict[str, Passage]:
    """When each comes, by name. They are begun in this sequence as places become free.

    ``behind`` says of each name which others are to be halted before it is begun;
    those that are not among the loads are out of account. None is begun before ``opens_s``.
    """
    run = _Run(loads, at_once, behind, opens_s)
    while run.active or run.waiting:
        run.begin()
        run.move_on()
    return {
        name: Passage(run.begins[name], run.halts[name], arrives)
        for name, arrives in run.arrives.items()
    }


@dataclass
class _Going:
    load: Load
    phases: list[Phase]
    to_halt: int
    """So many phases from here it is halted."""
    left: float = 1.0
    """Of the first phase."""


class _Run:
    def __init__(
        self,
        loads: Sequence[Load],
        at_once: int,
        behind: Mapping[str, Collection[str]],
        opens_s: float,
    ) -> None:
        self.begins: dict[str, float] = {}
        self.halts: dict[str, float] = {}
        self.arrives: dict[str, float] = {}
        self.waiting = [load for load in loads if not load.begun]
        self.active: list[_Going] = []
        self._at_once, self._behind, self._opens_s = at_once, behind, opens_s
        self._running = {load.name for load in loads if not load.halted}
        self._now_s = 0.0
        for load in loads:
            if load.begun:
                self._start(load)

    def begin(self) -> None:
        """All that may be begun now; what takes no time is over at once, and makes room."""
        again = self._now_s >= self._opens_s
        while again:
            again = False
            for load in list(self.waiting):
                if len(self.active) >= self._at_once:
                    return
                if not self._running.intersection(self._behind.get(load.name, ())):
                    self.waiting.remove(load)
                    self._start(load)
                    again = True

    def move_on(self) -> None:
        """Let the time pass until a phase ends."""
        users = Counter(one for going in self.active for one in going.phases[0].shared)
        takes = [going.phases[0].seconds(users) for going in self.active]
        ends = [going.left * all_s for going, all_s in zip(self.active, takes, strict=True)]
        opening_s = self._opens_s - self._now_s
        if self.waiting and opening_s > 0 and opening_s < min(ends, default=opening_s + 1):
            step_s, self._now_s = opening_s, self._opens_s
        else:
            step_s = min(ends, default=0.0)
            self._now_s += step_s
        for going, all_s in zip(list(self.active), takes, strict=True):
            rest_s = going.left * all_s
            if step_s >= rest_s * _ALMOST:
                self._next_phase(going)
            else:
                going.left -= step_s / all_s

    def _start(self, load: Load) -> None:
        self.begins[load.name] = self._now_s
        before = () if load.halted else load.before
        going = _Going(load, [*before, *load.after], len(before))
        self.active.append(going)
        self._skip_empty(going)

    def _next_phase(self, going: _Going) -> None:
        del going.phases[0]
        going.to_halt -= 1
        going.left = 1.0
        self._skip_empty(going)

    def _skip_empty(self, going: _Going) -> None:
        """Go over phases that take no time, and note where it is then."""
        while going.phases and going.phases[0].seconds({}) <= 0:
            del going.phases[0]
            going.to_halt -= 1
        name = going.load.name
        if going.to_halt <= 0 and name not in self.halts:
            self.halts[name] = self._now_s
            self._running.discard(name)
        if not going.phases:
            self.arrives[name] = self._now_s
            self.active.remove(going)


def _phase(step: str, seconds: float | None, found: Estimate) -> Phase:
    if step not in MOVING:
        return Phase(seconds or 0.0)
    of = [bound for bound in found.bounds if bound.step == step]
    return Phase(
        max((bound.seconds for bound in of if not _is_shared(bound)), default=0.0),
        _amounts(bound for bound in of if _is_shared(bound)),
    )


def _is_shared(bound: Bound) -> bool:
    return not bound.device or bound.name == LIMIT


def _amounts(bounds: Iterable[Bound]) -> dict[Shared, float]:
    amounts = defaultdict[Shared, float](float)
    for bound in bounds:
        amounts[bound.name, bound.per_s] += bound.amount
    return {one: amount for one, amount in amounts.items() if amount}
