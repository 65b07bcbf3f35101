r"""Tags, start-up data, keys and the profile.

Pages: "Use tags to organize your Azure resources" (50 a resource, names to 512
characters without ``<>%&\?/`` and without regard to case, values to 256),
"User Data for Azure Virtual Machine".
"""

import re
from dataclasses import dataclass
from typing import Any

from coldferry.machine import Machine
from coldferry.migration import TAG_PREFIX
from coldferry.rules import Outcome, Rule, Unfit
from coldferry.translation import ACKNOWLEDGE as ACKNOWLEDGED
from coldferry.translation import Answers, Verdict
from coldferry.verdicts import beside, dropped, equivalent, exact, lost, missing, outside
from providers.azure.catalogue import Catalogue, Q

DROP = "drop"
MAX_TAGS = 50
OUR_TAGS = 5
"""Kept free for what we write: migration, origin, proven, and two more."""

_KEY_CHARS = 512
_VALUE_CHARS = 256
_ILLEGAL = re.compile(r"[<>%&\\?/\x00-\x1f\x7f]")
_KEY_PATTERN = rf"^[^<>%&\\?/\x00-\x1f\x7f]{{1,{_KEY_CHARS}}}$"
_RESERVED = ("microsoft", "azure", "windows")
"""Prefixes that tag names may not have ("Tag resources: Limitations")."""


@dataclass(frozen=True)
class _Fate:
    """What becomes of one tag's key."""

    outcome: Outcome

    @property
    def key(self) -> str | None:
        kept = self.outcome.verdict not in (Verdict.MISSING, Verdict.DROPPED)
        return str(self.outcome.target) if kept else None


def _legal_key(key: str) -> str:
    legal = _ILLEGAL.sub("-", key).strip() or "tag"
    if legal.lower().startswith(_RESERVED):
        legal = f"source-{legal}"
    return legal[:_KEY_CHARS]


def _fates(machine: Machine, answers: Answers) -> list[_Fate]:
    """All keys at once, in order: an earlier tag keeps its key, a later one gives way."""
    fates: list[_Fate] = []
    for index, found in enumerate(machine.tags):
        taken = {fate.key.lower() for fate in fates if fate.key is not None}
        outcome = _ruled(found.key, taken)
        said = answers.get(f"tags[{index}].key")
        if isinstance(said, str) and said not in (ACKNOWLEDGED, outcome.target):
            outcome = _answered(found.key, said, taken) or outcome
        fates.append(_Fate(outcome))
    return fates


def _ruled(key: str, taken: set[str]) -> Outcome:
    if key.lower().startswith("aws:"):
        return dropped("The source's own tag means nothing at Azure.")
    target = _legal_key(key)
    if target.lower() in taken:
        free = next(f"{target}-{n}" for n in range(2, 60) if f"{target}-{n}".lower() not in taken)
        return missing(
            f"Azure's tag names ignore case: '{target}' is there already.",
            [(free, "under another name"), (DROP, "leave this tag out")],
            pattern=_KEY_PATTERN,
            example=free,
            proposal=free,
        )
    if len(taken) >= MAX_TAGS - OUR_TAGS:
        return lost(
            f"A VM has at most {MAX_TAGS} tags, {OUR_TAGS} of them ours.", f"'{key}' is left out."
        )
    if target == key:
        return exact("A legal tag name.", key)
    return equivalent("The name breaks Azure's rules.", target, f"'{key}' becomes '{target}'.")


def _answered(key: str, said: str, taken: set[str]) -> Outcome | None:
    """What an answer makes of a key, None when it does not fit."""
    if said == DROP:
        return dropped("Left out by a person.", f"'{key}' is not carried.")
    if said != _legal_key(said) or said.lower() in taken or len(taken) >= MAX_TAGS - OUR_TAGS:
        return None
    return equivalent("Chosen by a person.", said, f"'{key}' becomes '{said}'.")


def _key(question: Q) -> Outcome:
    path = question.leaf.path
    silent = {other: said for other, said in question.answers.items() if other != path}
    return _fates(question.machine, silent)[question.leaf.index[0]].outcome


def _accept_key(question: Q, said: Any) -> Outcome:
    earlier = _fates(question.machine, question.answers)[: question.leaf.index[0]]
    taken = {fate.key.lower() for fate in earlier if fate.key is not None}
    outcome = _answered(question.value, str(said), taken)
    if outcome is None or str(said).lower().startswith(TAG_PREFIX):
        raise Unfit(f"'{said}' is no legal tag name, or another tag has it; '{DROP}' leaves it out")
    return outcome


def _value(question: Q) -> Outcome:
    fate = _fates(question.machine, question.answers)[question.leaf.index[0]]
    if fate.key is None:
        return dropped("Follows from the tag's key.")
    if len(question.value) > _VALUE_CHARS:
        return equivalent(
            f"A tag's value has at most {_VALUE_CHARS} characters.",
            question.value[:_VALUE_CHARS],
            f"Cut from {len(question.value)} characters.",
        )
    return exact("A legal value.", question.value)


def _user_data(_question: Q) -> Outcome:
    return lost(
        "Start-up data is not carried: running it again would provision the machine anew.",
        "Its effects are on the disk; keep the text itself if you need it.",
    )


def _detail(_question: Q) -> Outcome:
    return dropped("Covered by the acknowledgement of the start-up data.")


def _keys(question: Q) -> Outcome:
    return equivalent(
        "Public keys are on the disk already.", None,
        f"{', '.join(question.value)}: no key object is made at Azure.",
    )  # fmt: skip


def _profile(question: Q) -> Outcome:
    return lost(
        "Rights of the source cloud mean nothing at Azure.",
        f"{question.value} is lost: give the new VM a managed identity if its programs call a "
        "cloud's API.",
    )


def _nothing(question: Q) -> Outcome:
    return exact("There is nothing to carry.", question.value)


_TAGS = "learn.microsoft.com: Use tags to organize your Azure resources"
_DATA = "learn.microsoft.com: User Data for Azure Virtual Machine"
_IDENTITY = "learn.microsoft.com: Managed identities for Azure resources"

RULES: dict[str, Rule[Catalogue]] = {
    "tags[].key": Rule("azure.tag.key", _key, _accept_key, source=_TAGS),
    "tags[].value": Rule("azure.tag.value", _value, source=_TAGS, instead="Answer the tag's key."),
    "user_data": Rule("azure.user-data", _nothing),
    "user_data.sha256": Rule("azure.user-data", _user_data, source=_DATA),
    "user_data.size_bytes": Rule("azure.user-data.size", _detail, source=_DATA),
    "key_names": Rule("azure.keys", _keys, source=_DATA),
    "profile": Rule("azure.profile", _profile, source=_IDENTITY),
    "relations[].kind": Rule("azure.relation.kind", beside),
    "relations[].id": Rule("azure.relation", outside),
    "relations[].detail": Rule("azure.relation.detail", beside),
}
