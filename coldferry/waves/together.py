"""Which rows of a wave are handed over or taken back together, and which of them is next.

Pure: where each row is goes in, what may be done now comes out. At the target a
machine starts only once all that it starts after run there and passed their
checks; it is stopped there only once all that start after it are stopped.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from coldferry.errors import BadInput, Finding
from coldferry.migration import ENDED, Marks, State
from coldferry.waves.ordering import may_halt, may_start, needed_by, needs, start_order
from coldferry.waves.stopping import held_up
from coldferry.waves.wave import Wave


class Stage(StrEnum):
    """How far a row is with its cutover, or with its way back."""

    AWAY = "away"
    """It was not migrated, or its source was not halted yet."""
    GONE = "gone"
    """Its source is there no more: whether it runs at the target, no tag tells."""
    BACK = "back"
    """Its migration ended and left nothing at the target: it was rolled back, or rejected."""
    UNDER_WAY = "under way"
    """A migration halted its source, and has not ended."""
    FAILED = "failed"
    """A migration failed; its source is halted, or was put back."""
    ARRIVED = "arrived"
    """Proven at the target, and not started there."""
    BEGUN = "begun"
    """Its source is tagged as moved; whether it started and passed is for its checks to say."""
    PASSED = "passed"
    """It runs at the target, and its checks passed just now."""
    FINALISED = "finalised"
    """It runs at the target, and there is no way back."""


@dataclass(frozen=True)
class Whereabouts:
    """Where one row's machine is, with its migration's id; ``why`` is a sentence, or empty."""

    stage: Stage
    migration: str = ""
    why: str = ""


Everywhere = Mapping[str, Whereabouts]
"""By the row's name: the rows asked for, and all that they hang on."""

_TAKEN_OVER = frozenset({Stage.BEGUN, Stage.PASSED, Stage.FINALISED})
_NOT_THERE = frozenset({Stage.AWAY, Stage.GONE, Stage.BACK, Stage.UNDER_WAY, Stage.FAILED})
_STAGES = {
    State.ALLOCATED: Stage.ARRIVED,
    State.CUT_OVER: Stage.BEGUN,
    State.FINALISED: Stage.FINALISED,
    State.FAILED: Stage.FAILED,
}


def whereabouts(marks: Marks | None, pair: str) -> Whereabouts:
    """What the source machine's tags say; ``pair`` as ``coldferry.migration.pair_of`` has it."""
    if marks is None or f"-{pair}-a" not in marks.migration:
        return Whereabouts(Stage.AWAY, why="It was not migrated.")
    why = f"{marks.migration} is {marks.state}."
    begun = Stage.AWAY if marks.power_before is None else Stage.UNDER_WAY
    stage = _STAGES.get(marks.state, Stage.BACK if marks.state in ENDED else begun)
    return Whereabouts(stage, marks.migration, why)


def asked_for(wave: Wave, groups: Collection[str]) -> tuple[str, ...]:
    """The rows of those groups, or of all where none is named, in the order of starting.

    A row without a group is a group by itself, called as it is. Raises BadInput naming what is
    none.
    """
    known = units(wave)
    if unknown := [name for name in groups if name not in known]:
        raise BadInput(
            f"Wave {wave.name} has no group {', '.join(unknown)}.",
            f"It has {', '.join(known)}. A row of a group goes with the whole of it.",
        )
    rows = {row for name in groups or known for row in known[name]}
    return tuple(name for name in start_order(wave.after) if name in rows)


def units(wave: Wave) -> dict[str, tuple[str, ...]]:
    """What is handed over as one: each group, and each row without one, by name."""
    alone = {row.name: (row.name,) for row in wave.rows if not row.group}
    return {**alone, **wave.groups}


def concerned(wave: Wave, asked: Sequence[str], *, back: bool = False) -> list[str]:
    """The asked rows and those outside that they hang on: needed by them, or needing them."""
    hang_on = needed_by(wave.after) if back else needs(wave.after)
    wanted = {*asked, *(other for name in asked for other in hang_on[name])}
    return [name for name in start_order(wave.after) if name in wanted]


def refuse_strangers(wave: Wave, asked: Sequence[str], without: Collection[str]) -> None:
    """Raise BadInput where ``without`` names what is not a row outside of those asked for."""
    wrong = [name for name in without if name not in wave.by_name or name in asked]
    if wrong:
        raise BadInput(
            f"{', '.join(wrong)} cannot be done without: it is no other row of this wave.",
            "Name rows outside of the groups that are asked for.",
        )


def objections(
    wave: Wave, asked: Sequence[str], where: Everywhere, without: Collection[str] = ()
) -> Iterator[Finding]:
    """Why these rows cannot be cut over together: all of it, before anything is started."""
    for name in asked:
        if where[name].stage in _NOT_THERE:
            yield Finding(
                "refuse", "not-arrived", name,
                f"{name} has not arrived. {where[name].why}".strip(),
                "Finish it with 'coldferry wave run', or take its row out of the wave's file.",
            )  # fmt: skip
    for name, others in _outside(asked, needs(wave.after)):
        for other in others:
            if other in without or where[other].stage in _TAKEN_OVER:
                continue
            yield Finding(
                "refuse", "need-not-cut-over", name,
                f"{name} starts after {other}, which is not cut over. {where[other].why}".strip(),
                f"Cut {other} over before, or say --without {other} where {name} can do without "
                "it at the target.",
            )  # fmt: skip


def objections_to_going_back(
    wave: Wave, asked: Sequence[str], where: Everywhere, without: Collection[str] = ()
) -> Iterator[Finding]:
    """Why these rows cannot be rolled back together: all of it, before anything is stopped."""
    for name in asked:
        found = where[name]
        if found.stage is Stage.UNDER_WAY:
            yield Finding(
                "refuse", "under-way", name, f"{name} is on its way: {found.why}",
                f"End it first with 'coldferry abort {found.migration}'.",
            )  # fmt: skip
        elif found.stage is Stage.GONE:
            yield Finding(
                "refuse", "source-gone", name,
                f"{name} has no way back, and may run at the target. {found.why}",
                "Move it back as a machine of its own, or take its row out of the wave's file.",
            )  # fmt: skip
        elif found.stage is Stage.FINALISED:
            yield Finding(
                "refuse", "finalised", name, f"{name} has no way back: {found.why}",
                "Move it back as a machine of its own, or take its row out of the wave's file.",
            )  # fmt: skip
    for name, others in _outside(asked, needed_by(wave.after)):
        for other in others:
            stage = where[other].stage
            if other in without or stage not in _TAKEN_OVER | {Stage.GONE}:
                continue
            if stage is Stage.GONE:
                yield Finding(
                    "refuse", "needed-by-gone", name,
                    f"{other} starts after {name}, and may run at the target. {where[other].why}",
                    f"Say --without {other} where it does not run there, or can do without {name}.",
                )  # fmt: skip
                continue
            yield Finding(
                "refuse", "needed-at-target", name,
                f"{other} starts after {name}, and runs at the target. {where[other].why}",
                f"Roll {other} back, too, or say --without {other} where it can do without {name}.",
            )  # fmt: skip


def _outside(
    asked: Sequence[str], hang_on: Mapping[str, frozenset[str]]
) -> Iterator[tuple[str, list[str]]]:
    for name in asked:
        yield name, sorted(hang_on[name] - set(asked))


def next_to_start(
    wave: Wave, asked: Sequence[str], where: Everywhere, failed: Collection[str] = ()
) -> list[str]:
    """The asked rows that may be started, or checked once more, at the target now.

    ``failed`` did not start or pass: they, their groups and what starts after any of those wait.
    Rows outside are as :func:`objections` left them.
    """
    inside = set(asked)
    over = {name for name in wave.by_name if name not in inside or _is_over(where[name])}
    held = {*failed, *held_up(wave, failed)}
    return [name for name in may_start(wave.after, over) if name not in held]


def _is_over(found: Whereabouts) -> bool:
    return found.stage in (Stage.PASSED, Stage.FINALISED)


def next_to_stop(wave: Wave, asked: Sequence[str], stopped: Collection[str]) -> list[str]:
    """The asked rows that may be stopped at the target now: what start after them are stopped."""
    return may_halt(wave.after, _beside(wave, asked, stopped))


def next_to_return(
    wave: Wave, asked: Sequence[str], returned: Collection[str], failed: Collection[str] = ()
) -> list[str]:
    """The asked rows whose sources may be started now: all that they start after are back.

    What waits for one that ``failed`` stays stopped; all others go on.
    """
    ready = may_start(wave.after, _beside(wave, asked, returned))
    return [name for name in ready if name not in failed]


def _beside(wave: Wave, asked: Sequence[str], done: Collection[str]) -> set[str]:
    return {*done, *(name for name in wave.by_name if name not in set(asked))}
