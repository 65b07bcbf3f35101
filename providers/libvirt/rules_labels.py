"""Tags and keys. libvirt knows a title and a description; all tags are in an element of ours."""

from coldferry.rules import Outcome, Rule
from coldferry.tagging import TagLimits, tags
from coldferry.verdicts import equivalent
from providers.libvirt.catalogue import Catalogue, Q
from providers.libvirt.dialect import LIBVIRT

_ILLEGAL = r"\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff"
"""What no XML 1.0 document can hold, and line ends."""

LIMITS = TagLimits(
    most=50,  # ours: metadata is read with every look at a machine
    ours=0,
    key_chars=512,
    value_chars=4096,
    illegal_in_key=_ILLEGAL,
    illegal_in_value=_ILLEGAL,
    folds_case=False,
    foreign=("aws:",),
)


def _keys(question: Q) -> Outcome:
    return equivalent(
        "Public keys are on the disk already.", None,
        f"{', '.join(question.value)}: no key object is made here.",
    )  # fmt: skip


RULES: dict[str, Rule[Catalogue]] = {
    **tags(LIBVIRT, LIMITS),
    "key_names": LIBVIRT.rule(
        "keys", _keys, about="user data", may=("exact", "equivalent"),
        says="Public keys are on the disk already; no key object is made.",
    ),
}  # fmt: skip
