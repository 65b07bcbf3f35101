"""Ending what was started, with all that it started itself."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from console.prefect_server import end_group


def end_tree(pid: int, patience_s: float = 10) -> None:
    """End a process and everything below it, also what has a session of its own.

    A Prefect worker gives each flow run its own session, and leaves it behind.
    """
    below = _descendants(pid)
    end_group(pid, patience_s)
    for number in (signal.SIGTERM, signal.SIGKILL):
        until = time.monotonic() + patience_s
        for process in [one for one in below.items() if _runs(one)]:
            below |= _descendants(process[0])  # started since
            with suppress(ProcessLookupError):
                os.kill(process[0], number)
        while time.monotonic() < until and any(map(_runs, below.items())):
            time.sleep(0.05)


@contextmanager
def undisturbed() -> Iterator[Callable[[], bool]]:
    """SIGINT and SIGTERM wait for the block's end; answers whether one is waiting.

    A process that is being started when the exception comes has no name yet by which it
    could be ended. Raises KeyboardInterrupt at the end, when one waited. Main thread only.
    """
    waiting: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {one: signal.signal(one, lambda got, _: waiting.append(got)) for one in numbers}
    try:
        yield lambda: bool(waiting)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if waiting:
            raise KeyboardInterrupt


def _descendants(pid: int) -> dict[int, str]:
    """Children, their children, and so on: when each began, by its number."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (stat := _stat(int(folder.name))):
            parents.setdefault(int(stat[1]), []).append(int(folder.name))
    found: dict[int, str] = {}
    waiting = [pid]
    while waiting:
        for child in parents.get(waiting.pop(), []):
            found[child] = _begun(child)
            waiting.append(child)
    return found


def _runs(process: tuple[int, str]) -> bool:
    """It is there still, and its number is not another process's by now."""
    return process[1] != "" and _begun(process[0]) == process[1]


def _begun(pid: int) -> str:
    """When a process began, in ticks; empty when it is none any more."""
    stat = _stat(pid)
    return stat[19] if stat and stat[0] != "Z" else ""


def _stat(pid: int) -> list[str]:
    """``/proc/PID/stat`` from the third column, the state, on."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return []
