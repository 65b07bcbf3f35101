"""What bears our tags in all clouds: whose it is, whether that migration lives, what it costs.

The clouds are the record: an object says by its tag which migration made it, a
source machine says by its own how far that migration is. An object whose
migration no machine knows is named, never judged: its source may be gone, or
its cloud not saved here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from coldferry.boot_check import trial_of
from coldferry.due import ends_for_good
from coldferry.migration import (
    ENDED,
    Marks,
    State,
    inspection_of,
    is_migration,
    migration_of,
)
from coldferry.ports import KEPT_COPY, PowerState, Tagged

Price = Callable[[str, str], float | None]
"""What one unit of an item costs in USD at a place; None where nobody knows."""

_FREE = frozenset({"image", "network interface", "security group"})
"""Neither cloud bills an interface or a group by itself ("Amazon EC2 On-Demand Pricing", "Virtual
Network pricing"), nor an image beside the snapshots that it is of."""

_DONE = frozenset({State.ALLOCATED, State.CUT_OVER})


class Belongs(StrEnum):
    """What an object is to the migration whose tag it bears."""

    UNDER_WAY = "under way"
    KEPT = "kept"
    LEFT_BEHIND = "left behind"
    UNKNOWN = "unknown"


def no_price(_item: str, _place: str) -> float | None:
    """Nobody said what anything costs."""
    return None


@dataclass(frozen=True)
class Seen:
    """What one saved cloud says: the marks on its machines, and all that bears our tag."""

    cloud: str
    marked: Sequence[tuple[str, Marks]] = ()
    tagged: Sequence[Tagged] = ()


@dataclass(frozen=True)
class Entry:
    """One object; ``usd_per_day`` is None where no price is known, ``do`` is what a person does."""

    cloud: str
    thing: Tagged
    belongs: Belongs
    state: str
    vm: str
    usd_per_day: float | None
    do: str


@dataclass(frozen=True)
class Audit:
    """All of it; ``silent`` are the saved clouds that did not answer, and so hide theirs."""

    entries: list[Entry] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)

    def of(self, belongs: Belongs) -> list[Entry]:
        """Those that are this to their migration."""
        return [entry for entry in self.entries if entry.belongs is belongs]

    @property
    def orphans(self) -> list[Entry]:
        """What no living migration accounts for."""
        return self.of(Belongs.LEFT_BEHIND) + self.of(Belongs.UNKNOWN)


def audit(clouds: Iterable[Seen], silent: Sequence[str], price: Price = no_price) -> Audit:
    """Weigh what was seen. Two blocks may name one cloud: the first one by name counts."""
    ordered = sorted(clouds, key=lambda one: one.cloud)
    marks = {vm: said for seen in ordered for vm, said in seen.marked}
    known: set[tuple[str, str]] = set()
    entries = []
    for seen in ordered:
        for thing in seen.tagged:
            if (thing.kind, thing.id.lower()) in known:
                continue
            known.add((thing.kind, thing.id.lower()))
            entries.append(_entry(seen, thing, marks, price))
    order = list(Belongs)[::-1]
    entries.sort(key=lambda e: (order.index(e.belongs), e.thing.migration, e.cloud, e.thing.id))
    return Audit(entries, sorted(silent))


def usd_per_day(thing: Tagged, price: Price) -> float | None:
    """What is not billed by itself costs nothing; all else, what ``price`` says."""
    if thing.kind in _FREE or (thing.kind == "VM" and thing.power is PowerState.STOPPED):
        return 0.0  # a stopped machine's disks are entries of their own
    each = price(thing.item, thing.place) if thing.item else None
    return None if each is None else each * thing.units_per_day


def _entry(seen: Seen, thing: Tagged, marks: Mapping[str, Marks], price: Price) -> Entry:
    migration = migration_of(thing.migration.removesuffix(trial_of("")))
    vm, state, belongs = _standing(migration, marks)
    passing = (inspection_of(migration), trial_of(migration))
    if belongs is Belongs.KEPT and thing.migration in passing:
        belongs = Belongs.LEFT_BEHIND  # what an inspection or a boot check made outlives neither
    return Entry(
        cloud=seen.cloud,
        thing=thing,
        belongs=belongs,
        state=state,
        vm=vm,
        usd_per_day=usd_per_day(thing, price),
        do=_remedy(belongs, state, thing, migration, vm),
    )


def _standing(migration: str, marks: Mapping[str, Marks]) -> tuple[str, str, Belongs]:
    """The machine that it is of, how far it is, and what its objects are."""
    if not is_migration(migration):
        return "", "unknown", Belongs.UNKNOWN  # a doctor's, or a stranger's word
    for vm, said in marks.items():
        if said.migration == migration:
            return vm, said.state.value, _of(said.state)
    stem, _, attempt = migration.rpartition("-a")
    for vm, said in marks.items():
        if said.migration.startswith(f"{stem}-a") and said.attempt > int(attempt):
            return vm, f"before {said.migration}", Belongs.LEFT_BEHIND
    return "", "unknown", Belongs.UNKNOWN


def _of(state: State) -> Belongs:
    if state in ENDED:
        return Belongs.LEFT_BEHIND
    return Belongs.KEPT if state in _DONE else Belongs.UNDER_WAY


def _remedy(belongs: Belongs, state: str, thing: Tagged, migration: str, vm: str) -> str:
    if belongs is Belongs.LEFT_BEHIND and vm:
        for_good = ends_for_good(state, copies_only=thing.kind == KEPT_COPY)
        return f"coldferry {'finalise' if for_good else 'rollback'} {migration}"
    if belongs is Belongs.UNKNOWN:
        return "Look at it in its cloud; remove it by hand if nobody needs it."
    return f"coldferry status {migration}"
