r"""Tags and keys.

Page: "Use tags to organize your Azure resources": 50 a resource, names to 512
characters without ``<>%&\?/`` and without regard to case, values to 256; some
beginnings are Azure's own ("Tag resources: Limitations").
"""

from coldferry.rules import Outcome, Rule
from coldferry.tagging import TagLimits, tags
from coldferry.verdicts import equivalent
from providers.azure.catalogue import Catalogue, Q
from providers.azure.words import AZURE

LIMITS = TagLimits(
    most=50,
    ours=5,  # migration, origin, proven, and two more
    key_chars=512,
    value_chars=256,
    illegal_in_key=r"<>%&\\?/\x00-\x1f\x7f",
    illegal_in_value=r"\x00-\x1f\x7f",
    folds_case=True,
    reserved=("microsoft", "azure", "windows"),
    foreign=("aws:",),
)


def _keys(question: Q) -> Outcome:
    return equivalent(
        "Public keys are on the disk already.", None,
        f"{', '.join(question.value)}: no key object is made at Azure.",
    )  # fmt: skip


RULES: dict[str, Rule[Catalogue]] = {
    **tags(AZURE, LIMITS),
    "key_names": AZURE.rule(
        "keys", _keys, about="user data", may=("exact", "equivalent"),
        says="Public keys are on the disk already; no key object is made.",
    ),
}  # fmt: skip
