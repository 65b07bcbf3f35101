"""How many requests this process has made, by operation class: ``aws: read``, ``azure: write``.

Providers count every attempt here, so that a report can show what a
migration took beside what was estimated. Several migrations of one process
are counted together.
"""

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Literal

Kind = Literal["read", "write", "list", "manage"]
"""Disks' bytes read or written, what is allocated listed, and everything else."""

_made: Counter[str] = Counter()
_lock = threading.Lock()


def made(provider: str, kind: Kind) -> None:
    """Count one request."""
    with _lock:
        _made[f"{provider}: {kind}"] += 1


def so_far() -> Mapping[str, int]:
    """All of them, as of now."""
    with _lock:
        return dict(_made)


def since(before: Mapping[str, int]) -> dict[str, int]:
    """What was made since :func:`so_far` answered ``before``."""
    now = so_far()
    grown = {kind: count - before.get(kind, 0) for kind, count in sorted(now.items())}
    return {kind: count for kind, count in grown.items() if count}
