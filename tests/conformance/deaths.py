"""A process that dies, as by kill -9, at each of the calls by which it changes a libvirt host.

It is a fork that has libvirt's own binding count calls; nothing of ours is replaced.
"""

import os
import signal
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

CHANGING = (
    ("virStoragePool", "createXML"), ("virStoragePool", "createXMLFrom"),
    ("virStorageVol", "delete"), ("virStorageVol", "upload"),
    ("virDomain", "backupBegin"), ("virDomain", "undefineFlags"), ("virDomain", "create"),
    ("virDomain", "destroy"), ("virConnect", "defineXMLFlags"),
)  # fmt: skip
"""Calls that leave something behind, or take it away."""


def dies_at(count: int, act: Callable[[], object], *, after: bool) -> bool:
    """Whether ``act``, in a process of its own, got to that call and died before or after it."""
    child = os.fork()
    if child == 0:
        try:
            _arm(count, after=after)
            act()
        except BaseException as error:  # noqa: BLE001 - nothing of the fork may go on as the test
            sys.stderr.write(f"{error!r}\n")
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL), f"it ended by itself, with {status}"
    return status != 0


def _arm(count: int, *, after: bool) -> None:
    import libvirt

    seen = 0

    def mortal(call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def counted(*args: Any, **options: Any) -> Any:
            nonlocal seen
            seen += 1
            if seen == count and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            answer = call(*args, **options)
            if seen == count:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return counted

    for owner, name in CHANGING:
        kind = getattr(libvirt, owner)
        setattr(kind, name, mortal(getattr(kind, name)))
