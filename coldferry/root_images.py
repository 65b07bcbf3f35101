"""What stands for a root that is made anew at each start: a person names it."""

from collections.abc import Callable
from typing import Any

from coldferry.dialect import Dialect
from coldferry.rules import Outcome, Question, Rule, Unfit
from coldferry.verdicts import BLOCK, equivalent, impossible, missing

Q = Question[Any]

Offer = tuple[str, str, str]
"""Id, name, and what it is in words."""


def root_image(
    words: Dialect, thing: str, offers: Callable[[Q], list[Offer]]
) -> dict[str, Rule[Any]]:
    """The row; ``thing`` is what the target makes a root from, ``offers`` those that fit."""

    def decide(question: Q) -> Outcome:
        offered = offers(question)
        if not offered:
            return impossible(
                "The root is made anew from an image at each start, and nothing at "
                f"{words.cloud} can stand for it.",
                f"Make {thing} that fits the machine there, then plan again.",
                consequence=BLOCK,
            )
        return missing(
            "The root is made anew from an image at each start: name what stands for it at "
            f"{words.cloud}.",
            [(id_, f"{name}, {about}") for id_, name, about in offered],
        )

    def accept(question: Q, said: Any) -> Outcome:
        word = str(said).lower()
        for id_, name, _ in offers(question):
            if word in (id_.lower(), name.lower()):
                return equivalent(
                    "Chosen by a person.", id_,
                    f"{question.value} becomes a persistent copy of {name}.",
                )  # fmt: skip
        raise Unfit(f"there is no '{said}' that could stand for the root")

    return {
        "root_image.image": words.rule(
            "root-image", decide, accept, about="images", follows=("architecture", "firmware"),
            may=("missing", "equivalent", "impossible, block"),
            says=f"A root that is not persistent is not copied: a person names {thing} that "
            "stands for it.",
        )
    }  # fmt: skip
