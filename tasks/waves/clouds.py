"""The saved clouds that a wave names, each loaded once."""

from collections.abc import Mapping
from typing import cast

from coldferry.errors import BadInput, UnknownBlock
from coldferry.waves.wave import Row, Wave, full, short
from tasks.clouds import Cloud

Clouds = Mapping[str, Cloud]
"""By short name."""


async def load_clouds(wave: Wave) -> dict[str, Cloud]:
    """Every cloud of the wave. Raises UnknownBlock or BadInput naming all that are none."""
    return await load_named({name for row in wave.rows for name in (row.source, row.target)})


async def load_named(blocks: set[str]) -> dict[str, Cloud]:
    """Clouds by their short names; blocks may be named with their type or without."""
    loaded, unknown, broken = dict[str, Cloud](), list[str](), list[str]()
    for name in sorted({short(block) for block in blocks}):
        try:
            loaded[name] = cast("Cloud", await Cloud.aload(name))
        except ValueError:  # Prefect's word for "no such document"
            unknown.append(full(name))
        except RuntimeError:  # and for settings that do not validate
            broken.append(full(name))
    if unknown:
        raise UnknownBlock(
            f"There is no block {', '.join(unknown)}.", "Correct the wave, or save it in the UI."
        )
    if broken:
        raise BadInput(f"The settings of {', '.join(broken)} cannot be used.", "Correct them.")
    return loaded


def ends(row: Row, clouds: Clouds) -> tuple[Cloud, Cloud]:
    """A row's source and target."""
    return clouds[short(row.source)], clouds[short(row.target)]
