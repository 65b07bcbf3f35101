"""Whose a volume is. Volumes have no tags: their names are ours, and say it from the first call on.

``coldferry.MIGRATION.KIND.REST``. A frozen disk, a kept copy and a trial's image are named so
themselves. A new
machine's disk bears a name that stays, since libvirt renames no volume: an empty volume, made
before it and removed when it is handed over, points to it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, cast, get_args

from providers.libvirt.connection import Host
from providers.libvirt.volumes import handle_of, make, names, remove

Kind = Literal[
    "frozen", "whole", "pushing", "pushed", "kept", "disk", "sealed", "console", "trial"
]  # fmt: skip

_NAME = re.compile(rf"coldferry\.([^./]+)\.({'|'.join(get_args(Kind))})\.([^/]+)")


@dataclass(frozen=True)
class Tag:
    """A volume whose name is ours; ``rest`` is what comes after its kind."""

    pool: str
    name: str
    migration: str
    kind: Kind
    rest: str


def tag_name(migration: str, kind: Kind, rest: str) -> str:
    """The name of a volume of ours."""
    return f"coldferry.{migration}.{kind}.{rest}"


def migration_of(name: str) -> str:
    """The migration that a name of ours has; "" for another one."""
    found = _NAME.fullmatch(name)
    return found[1] if found else ""


def is_trial(name: str) -> bool:
    """It is the name of a trial's image."""
    found = _NAME.fullmatch(name)
    return found is not None and found[2] == "trial"


def tags(host: Host, *kinds: Kind, migration: str | None = None) -> Iterator[Tag]:
    """All of those kinds, of that migration or of any."""
    for pool, name in names(host):
        found = _NAME.fullmatch(name)
        if found and found[2] in kinds and migration in (None, found[1]):
            yield Tag(pool, name, found[1], cast("Kind", found[2]), found[3])


def put(host: Host, pool: str, migration: str, kind: Kind, rest: str) -> None:
    """Make a tag: a volume without content."""
    make(host, pool, tag_name(migration, kind, rest), 0)


def take_off(host: Host, found: Iterator[Tag] | list[Tag]) -> None:
    """Remove tags."""
    for one in list(found):
        handle = handle_of(host, one.pool, one.name)
        if handle is not None:
            remove(handle)
