"""Disks from readers to writers: :func:`copy_disk` is the door.

``engine`` copies one disk in ``pieces`` through ``ends``, by the threads and in
the memory of ``pool``. ``allocation`` says where a disk holds anything, ``delta``
what to do again of one that was copied in an earlier state,
``throttle`` and ``limits`` how fast it may go. ``plain`` is the same copy in
thirty lines, which tests compare with it.
"""

from coldferry.copying.allocation import Allocation, data_extents, data_leaves
from coldferry.copying.delta import Since, ever_put
from coldferry.copying.engine import copy_disk
from coldferry.copying.limits import LIMITS, LimitsFile, parse_limits
from coldferry.copying.mending import mending
from coldferry.copying.throttle import Bounds, Throttle

__all__ = [
    "LIMITS",
    "Allocation",
    "Bounds",
    "LimitsFile",
    "Since",
    "Throttle",
    "copy_disk",
    "data_extents",
    "data_leaves",
    "ever_put",
    "mending",
    "parse_limits",
]
