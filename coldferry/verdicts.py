"""The five verdicts as one-line calls, so that a rule reads as its sentence."""

from collections.abc import Iterable
from typing import Any

from coldferry.machine import UNKNOWN
from coldferry.rules import Outcome, Question
from coldferry.translation import Candidate, Consequence, Verdict

ACKNOWLEDGE = Consequence.ACKNOWLEDGE
BLOCK = Consequence.BLOCK
INFORM = Consequence.INFORM


def exact(reason: str, target: Any) -> Outcome:
    """Carried as it is."""
    return Outcome(Verdict.EXACT, reason, target)


def equivalent(
    reason: str, target: Any, difference: str = "", consequence: Consequence = INFORM
) -> Outcome:
    """Carried as something that serves the same end."""
    return Outcome(Verdict.EQUIVALENT, reason, target, difference, consequence)


def missing(
    reason: str,
    candidates: Iterable[tuple[str, str]] = (),
    *,
    pattern: str = "",
    example: str = "",
    proposal: str = "",
) -> Outcome:
    """A person must say; candidates are ``(value, meaning)``. The rest is as in Outcome."""
    offered = tuple(Candidate(value=value, meaning=meaning) for value, meaning in candidates)
    return Outcome(
        Verdict.MISSING,
        reason,
        candidates=offered,
        pattern=pattern,
        example=example,
        proposal=proposal,
    )


def impossible(
    reason: str, difference: str, target: Any = None, consequence: Consequence = INFORM
) -> Outcome:
    """No machine of this target can have it."""
    return Outcome(Verdict.IMPOSSIBLE, reason, target, difference, consequence)


def dropped(
    reason: str, difference: str = "", target: Any = None, *, consequence: Consequence = INFORM
) -> Outcome:
    """It could matter, and it is not carried."""
    return Outcome(Verdict.DROPPED, reason, target, difference, consequence)


def lost(reason: str, difference: str = "", target: Any = None) -> Outcome:
    """Dropped, and a person has to say that it is understood."""
    return dropped(reason, difference, target, consequence=ACKNOWLEDGE)


def same_or(question: Question[Any], target: Any, reason: str, difference: str) -> Outcome:
    """Exact when the target is what the source has, else equivalent with the difference."""
    if question.value == target:
        return exact(reason, target)
    return equivalent(reason, target, difference)


def outside(question: Question[Any]) -> Outcome:
    """A relation: it stands outside the machine, so a person decides about it before cutover."""
    known = question.item("relations")
    if known.id == UNKNOWN:
        return dropped(
            f"The source could not tell every {known.kind}.",
            f"{known.detail}. See before cutover whether one knows this machine.",
        )
    return dropped(
        "It stands outside the machine and is not moved.",
        f"Before cutover, decide what stands in for the {known.kind} {known.id}.",
    )


def beside(_question: Question[Any]) -> Outcome:
    """The rest of a relation."""
    return dropped("Listed with what it belongs to.")
