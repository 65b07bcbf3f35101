"""What this cloud makes of a description: all is carried but size and subnet."""

from typing import Any

from coldferry.leaves import schema_patterns
from coldferry.rules import Outcome, Question, Rule, Unfit
from coldferry.translation import Candidate, Verdict
from providers.memory.world import World

Q = Question[World]


def _carry(question: Q) -> Outcome:
    return Outcome(Verdict.EXACT, "Memory holds any value.", question.value)


def _size(question: Q) -> Outcome:
    machine = question.machine
    fits = {
        name: size
        for name, size in question.catalogue.sizes.items()
        if size[0] >= machine.vcpus and size[1] >= machine.memory_bytes
    }
    if not fits:
        known = tuple(Candidate(value=name) for name in sorted(question.catalogue.sizes))
        return Outcome(Verdict.MISSING, "No size here is as large.", candidates=known)
    best = min(fits, key=lambda name: (fits[name], name))
    return Outcome(
        Verdict.EQUIVALENT,
        "The smallest size that is large enough.",
        best,
        f"{question.value} becomes {best}.",
    )


def _accept_size(question: Q, said: Any) -> Outcome:
    if said not in question.catalogue.sizes:
        raise Unfit(f"there is no size {said!r} here")
    return Outcome(Verdict.EQUIVALENT, "A person chose it.", said)


def _subnet(question: Q) -> Outcome:
    known = tuple(Candidate(value=name) for name in question.catalogue.subnets)
    return Outcome(
        Verdict.MISSING, "Which network it belongs to is a person's to say.", candidates=known
    )


def _accept_subnet(question: Q, said: Any) -> Outcome:
    if said not in question.catalogue.subnets:
        raise Unfit(f"there is no subnet {said!r} here")
    return Outcome(Verdict.EQUIVALENT, "A person chose it.", said)


RULES: dict[str, Rule[World]] = {
    **{pattern: Rule[World]("memory.carry", _carry) for pattern in schema_patterns()},
    "instance_type": Rule("memory.size", _size, _accept_size),
    "nics[].subnet_id": Rule("memory.subnet", _subnet, _accept_subnet),
}
