"""Whether pools have room for copies, as of now; a full pool halts the machines that write to it.

Page: "Storage pool and volume XML format" (``available``), libvirt.org: that figure is of the last
time that the pool was read, whatever filled it since.
"""

from collections.abc import Iterator, Mapping

from coldferry.errors import Conflict
from providers.libvirt.certain import reread
from providers.libvirt.connection import Host
from providers.libvirt.volumes import Pool, pools

LEAST_RESERVE_BYTES = 1 << 30
RESERVE_PERCENT = 5
"""Of what is copied: the longer the copies take, the more other guests write meanwhile."""


def lacking(
    host: Host, needed: Mapping[str, int], within_s: float, *, certain: bool = False
) -> Iterator[tuple[Pool, int]]:
    """Pools that have less left than what is needed of them with a reserve, and that count.

    ``needed`` is in bytes, by pool. A pool that is busy for longer than ``within_s`` is taken as
    it was last read, or Conflict is raised where it has to be ``certain``.
    """
    for name, count in needed.items():
        if count <= 0:
            continue
        try:
            reread(host, name, within_s)
        except Conflict:
            if certain:
                raise
    for pool in pools(host):
        count = needed.get(pool.name, 0)
        wanted = count + max(LEAST_RESERVE_BYTES, count * RESERVE_PERCENT // 100)
        if count > 0 and wanted > pool.available_bytes:
            yield pool, wanted
