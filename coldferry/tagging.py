"""Tags: made legal, kept apart, and asked about where two would be one.

An earlier tag keeps its key, a later one gives way.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from coldferry.dialect import Dialect
from coldferry.machine import Machine, Tag
from coldferry.migration import TAG_PREFIX
from coldferry.rules import Outcome, Question, Rule, Unfit
from coldferry.translation import ACKNOWLEDGE, Answers, Verdict
from coldferry.verdicts import dropped, equivalent, exact, lost, missing

DROP = "drop"

KEY = "tags[].key"


@dataclass(frozen=True)
class TagLimits:
    """What a target's tags may be.

    ``ours`` of the ``most`` are kept free for what we write. ``illegal_in_key`` and
    ``illegal_in_value`` are the inside of a regular expression's brackets. ``reserved`` are
    beginnings of keys that the target keeps for itself, ``foreign`` those that mean nothing
    there; both in lower case.
    ``written`` gives the keys that the machine gets anyway, with their values.
    """

    most: int
    ours: int
    key_chars: int
    value_chars: int
    illegal_in_key: str
    illegal_in_value: str
    folds_case: bool
    reserved: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    written: Callable[[Machine], Mapping[str, str]] = lambda _machine: {}

    def fold(self, key: str) -> str:
        """Equal for keys that are one and the same to the target."""
        return key.lower() if self.folds_case else key

    def legal(self, key: str) -> str:
        """``key`` as the target takes it; a legal one is left as it is."""
        made = re.sub(f"[{self.illegal_in_key}]", "-", key).strip() or "tag"
        if made.lower().startswith((TAG_PREFIX, *self.reserved)):
            made = f"source-{made}"
        return made[: self.key_chars].strip()

    def numbered(self, key: str, number: int) -> str:
        """``key-2``, cut to fit."""
        end = f"-{number}"
        return f"{key[: self.key_chars - len(end)].strip()}{end}"

    def value(self, value: str) -> str:
        """``value`` as the target takes it."""
        return re.sub(f"[{self.illegal_in_value}]", "-", value)[: self.value_chars]

    @property
    def pattern(self) -> str:
        """As much of what a key may be as a form can check."""
        return f"^[^{self.illegal_in_key}]{{1,{self.key_chars}}}$"

    @property
    def room(self) -> int:
        """How many keys there can be beside ours."""
        return self.most - self.ours


@dataclass(frozen=True)
class Labels:
    """One machine's tags before a target: all keys at once, in their order.

    ``written`` are the keys that the machine gets anyway, with their values; ``said`` what was
    answered, by a tag's index.
    """

    limits: TagLimits
    cloud: str
    tags: tuple[Tag, ...]
    written: tuple[tuple[str, str], ...]
    said: tuple[tuple[int, str], ...]

    def fates(self) -> list[Outcome]:
        """What becomes of each key."""
        said, fates = dict(self.said), list[Outcome]()
        taken, offered = set[str](), set[str]()
        for index in range(len(self.tags)):
            outcome = self._ruled(index, taken, offered)
            answer = said.get(index)
            if answer is not None and answer != outcome.target:
                outcome = self.answered(index, answer, taken) or outcome
            key = _kept(outcome)
            taken |= {self.limits.fold(key)} if key is not None else set()
            offered |= {self.limits.fold(one.value) for one in outcome.candidates}
            fates.append(outcome)
        return fates

    def answered(self, index: int, said: str, taken: set[str]) -> Outcome | None:
        """What an answer makes of a key, None when it does not fit; ``taken`` by earlier tags."""
        limits, key = self.limits, self.tags[index].key
        if said == DROP:
            return dropped("Left out by a person.", f"'{key}' is not carried.")
        others = taken | self._own(index + 1) | set(self._written())
        illegal = said != limits.legal(said) or said.lower().startswith(limits.foreign)
        if illegal or limits.fold(said) in others or len(taken) >= limits.room:
            return None
        return equivalent("Chosen by a person.", said, f"'{key}' becomes '{said}'.")

    def _ruled(self, index: int, taken: set[str], offered: set[str]) -> Outcome:
        limits, key = self.limits, self.tags[index].key
        if key.lower().startswith(limits.foreign):
            return dropped("A cloud's own tag is not carried to another machine.")
        written = self._written()
        if written.get(limits.fold(key)) == self.tags[index].value:
            return exact("The new machine gets it anyway.", key)
        if len(taken) >= limits.room:
            return lost(
                f"A machine has at most {limits.most} tags, {limits.ours} of them ours.",
                f"'{key}' is left out.",
            )
        target = limits.legal(key)
        if limits.fold(target) in taken | set(written):
            because = f"{self.cloud}'s tag names ignore case: " if limits.folds_case else ""
            free, rival = self._free(target, taken | offered), self._rival(index, target)
            return missing(
                f"{because}'{target}' and another tag's '{rival}' are one there.",
                [(free, "under another name"), (DROP, "leave this tag out")],
                pattern=limits.pattern,
                example=free,
                proposal=free,
            )
        if target == key:
            return exact("A legal tag name.", key)
        return equivalent(
            f"The name breaks {self.cloud}'s rules.", target, f"'{key}' becomes '{target}'."
        )

    def _free(self, target: str, shut: set[str]) -> str:
        """A key that no tag has, nor is answered or offered for another one."""
        limits, number = self.limits, 2
        shut = shut | self._own(0) | {limits.fold(answer) for _, answer in self.said}
        while limits.fold(limits.numbered(target, number)) in shut:
            number += 1
        return limits.numbered(target, number)

    def _rival(self, index: int, target: str) -> str:
        """The name, as the source has it, of what is in this key's way."""
        fold, legal = self.limits.fold, self.limits.legal
        others = [tag.key for at, tag in enumerate(self.tags) if at != index]
        others += [key for key, _ in self.written]
        return next((key for key in others if fold(legal(key)) == fold(target)), target)

    def _own(self, first: int) -> set[str]:
        return {self.limits.fold(self.limits.legal(tag.key)) for tag in self.tags[first:]}

    def _written(self) -> dict[str, str]:
        return {self.limits.fold(key): value for key, value in self.written}


@lru_cache(maxsize=256)
def _fates(labels: Labels) -> tuple[Outcome, ...]:
    """Remembered: every one of a machine's tags asks for all of them."""
    return tuple(labels.fates())


def _kept(fate: Outcome) -> str | None:
    kept = fate.verdict not in (Verdict.MISSING, Verdict.DROPPED)
    return str(fate.target) if kept else None


@dataclass(frozen=True)
class TagRules:
    """One target's tags."""

    words: Dialect
    limits: TagLimits

    def key(self, question: Question[Any]) -> Outcome:
        """What the rule alone makes of this key, given the other answers."""
        path = question.leaf.path
        silent = {other: said for other, said in question.answers.items() if other != path}
        return _fates(self._labels(question, silent))[question.leaf.index[0]]

    def accept_key(self, question: Question[Any], said: Any) -> Outcome:
        """Another key, or ``drop``."""
        index = question.leaf.index[0]
        labels = self._labels(question, question.answers)
        earlier = (_kept(fate) for fate in _fates(labels)[:index])
        taken = {self.limits.fold(key) for key in earlier if key is not None}
        outcome = labels.answered(index, str(said), taken)
        if outcome is None:
            raise Unfit(
                f"'{said}' is no legal tag name, or another tag has it; '{DROP}' leaves it out"
            )
        return outcome

    def value(self, question: Question[Any]) -> Outcome:
        """Follows its key."""
        fates = _fates(self._labels(question, question.answers))
        if _kept(fates[question.leaf.index[0]]) is None:
            return dropped("Follows from the tag's key.")
        made = self.limits.value(question.value)
        if made != question.value:
            return equivalent(
                f"A tag's value has at most {self.limits.value_chars} legal characters.", made,
                f"Cut from {len(question.value)} characters, or illegal ones replaced.",
            )  # fmt: skip
        return exact("A legal value.", question.value)

    def _labels(self, question: Question[Any], answers: Answers) -> Labels:
        machine = question.machine
        said = (
            (index, str(answers[path]))
            for index in range(len(machine.tags))
            if answers.get(path := f"tags[{index}].key", ACKNOWLEDGE) != ACKNOWLEDGE
        )
        written = self.limits.written(machine)
        return Labels(
            self.limits, self.words.cloud, machine.tags, tuple(written.items()), tuple(said)
        )


def tags(words: Dialect, limits: TagLimits) -> dict[str, Rule[Any]]:
    """Rows for keys and values."""
    rules = TagRules(words, limits)
    return {
        KEY: words.rule(
            "tag.key", rules.key, rules.accept_key, about="tags", follows=(KEY,),
            may=("exact", "equivalent", "missing", "dropped", "dropped, acknowledge"),
            says=f"Keys are made legal; two that would be one are asked about; beyond "
            f"{limits.room} the rest is left out, once acknowledged.",
        ),
        "tags[].value": words.rule(
            "tag.value", rules.value, about="tags", follows=(KEY,),
            may=("exact", "equivalent", "dropped"), instead="Answer the tag's key.",
            says=f"A value is cut to {limits.value_chars} characters and made legal.",
        ),
    }  # fmt: skip
