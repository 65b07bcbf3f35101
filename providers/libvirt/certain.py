"""A volume that is there, or surely not: the pool's folder was read again since.

libvirt reads no folder while any volume of its pool is made or copied ("pool has asynchronous jobs
running", ``storagePoolRefresh``), and until then knows nothing of files that QEMU made. So a pool
that is busy is waited for.
"""

import time
from typing import Any

from coldferry.errors import Conflict
from coldferry.plain import plain
from providers.libvirt.connection import Host, library, speaking
from providers.libvirt.volumes import found_of, pool_handle

BUSY_S = 600.0
DAY_S = 24 * 3600.0
"""For waits in which a machine runs on: others' large volumes take hours to copy."""

_PAUSE_S = 0.5


def reread(host: Host, pool: str, within_s: float = BUSY_S) -> None:
    """Read the pool's folder again. Raises Conflict where it is busy for longer than that."""
    lib, holder = library(), pool_handle(host, pool)
    until = time.monotonic() + within_s
    while True:
        try:
            holder.refresh(0)
        except lib.libvirtError as error:
            if error.get_error_code() != lib.VIR_ERR_INTERNAL_ERROR:
                with speaking("read the pool", pool):
                    raise
        else:
            return
        if time.monotonic() > until:
            raise Conflict(
                f"Pool {plain(pool)} was not read again within {within_s:.0f} seconds: a volume of "
                "it is being made or copied.",
                "Run the same command again once that has ended.",
            )
        time.sleep(_PAUSE_S)


def surely(host: Host, pool: str, name: str, within_s: float = BUSY_S) -> Any | None:
    """Libvirt's object of the volume; None only where a fresh look found none."""
    found = found_of(host, pool, name)
    if found is None:
        reread(host, pool, within_s)
        found = found_of(host, pool, name)
    return found
