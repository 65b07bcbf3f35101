"""One target's words, in rules that are the same at every target."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from coldferry.rules import Outcome, Question, Rule

OURS = "a rule of Coldferry's own"
"""The source of a rule that rests on no vendor's page."""

Decide = Callable[[Question[Any]], Outcome]
Accept = Callable[[Question[Any], Any], Outcome]


@dataclass(frozen=True)
class Dialect:
    """How a target is spoken of.

    ``prefix`` begins the ids of its rules, ``cloud`` is its name, ``vm`` what it calls a
    machine there. ``pages`` maps what a rule is about to the vendor's page that it rests on.
    """

    prefix: str
    cloud: str
    vm: str
    pages: Mapping[str, str] = field(default_factory=dict)

    def rule(
        self,
        name: str,
        decide: Decide,
        accept: Accept | None = None,
        *,
        says: str,
        may: tuple[str, ...],
        about: str = "",
        follows: tuple[str, ...] = (),
        instead: str = "",
        even_if_absent: bool = False,
        words: tuple[str, ...] = (),
    ) -> Rule[Any]:
        """A row of this target's table. Raises KeyError when ``about`` has no page."""
        return Rule(
            f"{self.prefix}.{name}",
            decide,
            accept,
            even_if_absent=even_if_absent,
            source=self.pages[about] if about else OURS,
            instead=instead,
            says=says,
            may=may,
            follows=follows,
            words=words,
        )
