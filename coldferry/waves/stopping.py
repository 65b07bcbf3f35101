"""What one machine's failure stops: its group, and what starts after it."""

from collections import deque
from collections.abc import Iterable

from coldferry.waves.ordering import needs
from coldferry.waves.wave import Wave


def held_up(wave: Wave, causes: Iterable[str]) -> dict[str, str]:
    """Each row that does not go on, and the one of ``causes`` that is to blame, the first of them.

    Groups and orders chain: what starts after a member of the group stops too.
    """
    then: dict[str, list[str]] = {name: [] for name in wave.by_name}
    groups = wave.groups
    for row in wave.rows:
        for other in row.after:
            then[other].append(row.name)
        then[row.name] += [name for name in groups.get(row.group, ()) if name != row.name]
    blamed: dict[str, str] = {}
    for cause in causes:
        queue = deque([cause])
        while queue:
            for name in then[queue.popleft()]:
                if name not in blamed and name != cause:
                    blamed[name] = cause
                    queue.append(name)
    return blamed


def hold(wave: Wave, name: str, cause: str) -> str:
    """What ``cause`` is to ``name``, in words: ``it starts after it``."""
    rows = wave.by_name
    group = rows[name].group
    if group and group == rows[cause].group:
        return f"it is in the same group, {group}"
    if cause in needs(wave.after)[name]:
        return "it starts after it"
    return "it hangs on it by a group and an order"
