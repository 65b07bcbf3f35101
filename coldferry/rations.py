"""What new machines take of what their target has so much of: quotas, disks, addresses."""

from collections.abc import Iterable
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict


class Ration(BaseModel):
    """``needed`` of something by one new machine, and what is ``left`` of it; None is not known.

    ``place`` is whose it is: rations of one place under one name add up. What the machine's own
    migration has made already is not needed again.
    """

    model_config = ConfigDict(frozen=True)

    place: str
    what: str
    needed: int
    left: int | None


class Rationed(NamedTuple):
    """Sentences: what is not enough, and what nobody could tell."""

    short: tuple[str, ...]
    unknown: tuple[str, ...]


def weigh(rations: Iterable[Ration]) -> Rationed:
    """What all machines together need, held against what is left."""
    needed: dict[tuple[str, str], int] = {}
    left: dict[tuple[str, str], int] = {}
    for one in rations:
        key = one.place, one.what
        needed[key] = needed.get(key, 0) + one.needed
        if one.left is not None:
            left[key] = min(left.get(key, one.left), one.left)
    some = {key: number for key, number in needed.items() if number}
    return Rationed(
        tuple(
            f"{what}: {number} needed, {left[place, what]} left"
            for (place, what), number in some.items()
            if (place, what) in left and left[place, what] < number
        ),
        tuple(f"what is left of {key[1]}" for key in some if key not in left),
    )
