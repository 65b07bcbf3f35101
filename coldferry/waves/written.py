"""A manifest as it was written: words in their places, before anybody judged them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Place = tuple[str | int, ...]


@dataclass
class Written:
    """What stands in a manifest, the same for YAML and CSV: words, and lists and mappings of them.

    A row is None where nothing could be made of it. ``lines`` has the line,
    from 1, of each place; ``origins`` the place that another one's words came
    from; ``faults`` are sentences about the writing itself, with their lines;
    ``titles`` what a place is called where that is not its own words.
    """

    head: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, Any] | None] = field(default_factory=list)
    lines: dict[Place, int] = field(default_factory=dict)
    origins: dict[Place, Place] = field(default_factory=dict)
    faults: list[tuple[int, str]] = field(default_factory=list)
    titles: Mapping[Place, str] = field(default_factory=dict)

    def fault(self, place: Place, what: str) -> None:
        """Note a fault at the line of a place."""
        self.faults.append((self.line(place), what))

    def inherited(self, pairs: Iterable[tuple[Place, Place]]) -> None:
        """Note where words were taken from."""
        self.origins.update(pairs)

    def origin(self, place: Place) -> Place:
        """Where the words at a place were written: the place itself, unless they are a default."""
        for size in range(len(place), 0, -1):
            if place[:size] in self.origins:
                return (*self.origins[place[:size]], *place[size:])
        return place

    def line(self, place: Place) -> int:
        """The line of a place, or of what it is in."""
        known = self.origin(place)
        while known and known not in self.lines:
            known = known[:-1]
        return self.lines.get(known, 1)


def spot(place: Place) -> str:
    """A place in words: ``row 3, answers.name``."""
    row = f"row {int(place[1]) + 1}, " if place[0] == "rows" and len(place) > 1 else ""
    return row + ".".join(map(str, place[2:] if row else place))


def clean(word: str | None) -> str | None:
    """A word without the blanks around it; an empty one is not there."""
    return (word or "").strip() or None
