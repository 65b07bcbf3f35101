"""A wave's page: one row a machine, as Markdown for people and JSON for machines."""

from datetime import datetime
from typing import Any

from coldferry.plain import code, prose
from coldferry.waves.standing import States
from coldferry.waves.wave import Wave
from coldferry.waves.wording import Telling

_COLUMNS = ("machine", "state", "expected", "next", "owner", "group", "id")
"""In the order of what must be seen: Prefect's page cuts a wide table off at the right."""


def as_markdown(wave: Wave, states: States, now: datetime) -> str:
    """The page; every stranger's word is plain text."""
    told = Telling(wave, states, now)
    lines = [
        f"# Wave {code(wave.name)}",
        "",
        prose(told.headline(), 1000),
        "",
        f"| {' | '.join(_COLUMNS)} |",
        "|---" * len(_COLUMNS) + "|",
    ]
    for name, one in told.standing.items():
        row = told.rows[name]
        state = one.state.replace("-", " ")
        cells = (
            code(name),
            f"**{state}**" if told.fits(name) is False or one.stuck else state,
            prose(told.eta(name)),
            prose(told.next_action(name), 600),
            prose(row.owner, 80),
            prose(row.group, 80),
            code(row.vm, 80),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def as_json(wave: Wave, states: States, now: datetime) -> dict[str, Any]:
    """The same for machines; moments in ISO 8601, ``fits`` None where nobody can say."""
    told = Telling(wave, states, now)
    window = wave.window.model_dump(mode="json")
    rows = []
    for name, one in told.standing.items():
        row = told.rows[name]
        rows.append(
            {
                "name": name,
                "vm": row.vm,
                "source": row.source,
                "target": row.target,
                "state": one.state.value,
                "owner": row.owner,
                "group": row.group,
                "migration": one.migration,
                "source_halted": one.down,
                "expected_at": one.ends_at.isoformat() if one.ends_at else None,
                "at_least": one.at_least,
                "fits": told.fits(name),
                "why": one.why,
                "next": told.next_action(name),
            }
        )
    return {
        "wave": wave.name,
        "at": now.isoformat(),
        "says": told.headline(),
        "window": window,
        "rows": rows,
    }
