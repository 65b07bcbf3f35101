"""A cloud that is written on the command line instead of saved: ``SCHEME:REST``.

Only where nothing is secret: a command line is in every process list. Which
schemes there are, each provider says in ``INLINE`` of its ``access.py``.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel


@dataclass(frozen=True)
class Inline:
    """One scheme: its word, what follows the colon, and the settings that it stands for.

    ``read`` raises BadInput for what it does not take. A ``planning`` scheme has no disks
    behind it: machines are described and planned for, never moved.
    """

    scheme: str
    metavar: str
    read: Callable[[str], BaseModel]
    planning: bool = False
