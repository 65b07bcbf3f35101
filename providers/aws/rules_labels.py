"""Tags and keys.

Page: "Tag your Amazon EC2 resources": 50 a resource, keys to 128 characters and
with regard to case, values to 256, any character, ``aws:`` is AWS's own. The query
API's XML can carry no control characters.
"""

from collections.abc import Mapping
from typing import Any

from coldferry.machine import Machine
from coldferry.rules import Outcome, Rule, Unfit
from coldferry.tagging import TagLimits, tags
from coldferry.verdicts import equivalent
from providers.aws.catalogue import Catalogue, Q
from providers.aws.words import AWS

NAME = "Name"

_NO_XML = r"\x00-\x1f\x7f-\x9f\ufffe\uffff"


def _written(machine: Machine) -> Mapping[str, str]:
    """The machine's name is the tag Name."""
    return {NAME: LIMITS.value(machine.name)}


LIMITS = TagLimits(
    most=50,
    ours=6,  # Name, migration, origin, proven, and two more
    key_chars=128,
    value_chars=256,
    illegal_in_key=_NO_XML,
    illegal_in_value=_NO_XML,
    folds_case=False,
    foreign=("aws:",),
    written=_written,
)


def _keys(question: Q) -> Outcome:
    names = ", ".join(question.value)
    same = [name for name in question.value if name in question.catalogue.key_pairs]
    note = " A pair called so is in the region; it may be another key." if same else ""
    return equivalent(
        "Public keys are on the disk already.", None,
        f"{names}: no key pair is given to the instance.{note}",
    )  # fmt: skip


def _accept_key(question: Q, said: Any) -> Outcome:
    if str(said) not in question.catalogue.key_pairs:
        raise Unfit(f"there is no key pair '{said}' in {question.catalogue.region}")
    return equivalent("Chosen by a person.", str(said), f"The instance gets the pair '{said}'.")


RULES: dict[str, Rule[Catalogue]] = {
    **tags(AWS, LIMITS),
    "key_names": AWS.rule(
        "keys", _keys, _accept_key, about="keys", may=("exact", "equivalent"),
        says="Public keys are on the disk already; no key pair is given to the instance unless a "
        "person names one.",
    ),
}  # fmt: skip
